"""The import pages: who may, what an upload starts, what a run shows."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from customers import tasks
from customers.models import ImportRun, RejectedRow, Visit
from organization.access import entered
from organization.models import Assignment, AuditEvent
from tests.factories import Group, make_customer

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.importing.urls")]
VISITS = (
    "store_code,ro_no,customer_no,opened_at,pay_customer\n"
    "XQ-S1,R1,{number},2025-03-04 09:30,113\n"
    "XQ-S9,R2,{number},2025-03-04 09:30,113\n"
)


@pytest.fixture
def steward(client_of: Any) -> Client:
    client: Client = client_of("steward")
    return client


@pytest.fixture
def number(group: Group) -> str:
    with entered(group.system):
        return make_customer(group).sources.get().customer_no


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What was handed to the worker."""
    handed: list[tuple[int, int]] = []
    monkeypatch.setattr(tasks, "queue_run", lambda tenant, run: handed.append((tenant, run)))
    return handed


@pytest.fixture(autouse=True)
def assessed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Tenants whose data quality is to be assessed."""
    asked: list[int] = []
    monkeypatch.setattr(tasks.assess, "delay", lambda tenant, label: asked.append(tenant))
    return asked


def upload(client: Client, name: str, content: bytes, **more: Any) -> Any:
    return client.post("/imports/", {"upload": [SimpleUploadedFile(name, content)], **more})


def test_an_upload_is_queued_loaded_and_shown(
    steward: Client,
    group: Group,
    number: str,
    queued: list[tuple[int, int]],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = upload(steward, "visits.csv", VISITS.format(number=number).encode())
    [(tenant, run)] = queued
    assert answer.url == f"/imports/{run}/"
    assert b"hx-get" in steward.get(answer.url).content

    tasks.run_import(tenant, run)

    with entered(group.system):
        assert Visit.objects.get().pay_customer_fen == 10_000
        kept = ImportRun.objects.get(pk=run)
        assert (kept.status, kept.started_by) == ("done", "steward@xq")
        assert not Path(kept.folder).name.startswith("visits")
    page = steward.get(answer.url).content.decode()
    assert "XQ-S9" in page
    assert "hx-get" not in page
    assert steward.get(f"/imports/{run}/progress")["HX-Refresh"] == "true"
    refusals = steward.get(f"/imports/{run}/refusals.csv")
    assert b"unknown_store" in b"".join(refusals.streaming_content)
    with entered(group.system):
        assert AuditEvent.objects.filter(action="download_refusals").count() == 1


def test_a_task_delivered_twice_loads_once(
    steward: Client,
    group: Group,
    number: str,
    queued: list[tuple[int, int]],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        upload(steward, "visits.csv", VISITS.format(number=number).encode())
    tasks.run_import(*queued[0])
    tasks.run_import(*queued[0])
    with entered(group.system):
        assert RejectedRow.objects.count() == 1


def test_a_rehearsal_can_be_loaded_for_real(
    steward: Client,
    group: Group,
    number: str,
    queued: list[tuple[int, int]],
    assessed: list[int],
    django_capture_on_commit_callbacks: Any,
) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("export/visits.csv", VISITS.format(number=number))
        files.writestr("../../escape.csv", "x")
    with django_capture_on_commit_callbacks(execute=True):
        upload(steward, "all.zip", archive.getvalue(), dry_run="on")
    tasks.run_import(*queued[0])
    with entered(group.system):
        assert not Visit.objects.exists()
        assert RejectedRow.objects.count() == 1
    assert assessed == []
    with django_capture_on_commit_callbacks(execute=True):
        assert steward.post(f"/imports/{queued[0][1]}/load").status_code == 302
    tasks.run_import(*queued[1])
    with entered(group.system):
        assert Visit.objects.count() == 1
    assert assessed == [group.tenant.pk]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("visits.csv", b"a,b\n1,2\n", "store_code"),
        ("picture.csv", b"\x89PNG", "picture.csv"),
        ("visits.xlsx", b"\x89PNG", "visits.xlsx"),
        ("all.zip", b"PK nothing", "all.zip"),
    ],
)
def test_an_upload_that_is_no_delivery_is_refused_and_not_kept(
    steward: Client,
    group: Group,
    settings: Any,
    tmp_path: Path,
    name: str,
    content: bytes,
    says: str,
) -> None:
    settings.UPLOAD_DIR = tmp_path
    answer = upload(steward, name, content)
    assert answer.status_code == 400
    assert says in answer.content.decode()
    assert list(tmp_path.iterdir()) == []
    with entered(group.system):
        assert not ImportRun.objects.exists()


def test_an_upload_beyond_the_limit_is_refused(
    steward: Client, settings: Any, tmp_path: Path
) -> None:
    settings.UPLOAD_DIR, settings.IMPORT_UPLOAD_MB = tmp_path, 1
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr("visits.csv", "x" * 2_000_000)
    assert upload(steward, "all.zip", archive.getvalue()).status_code == 400
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("who", ["ceo", "store_manager", "advisor", "analyst", "auditor", "admin"])
def test_who_may_not_import_is_turned_away(client_of: Any, group: Group, who: str) -> None:
    client = client_of(who)
    assert client.get("/imports/").status_code == 403
    assert upload(client, "visits.csv", b"x").status_code == 403
    with entered(group.system):
        assert not ImportRun.objects.exists()


def test_a_steward_of_one_store_may_not_load_files_that_may_name_any(
    client_of: Any, group: Group
) -> None:
    with entered(group.system):
        Assignment.objects.filter(staff=group.staff["steward"]).update(unit=group.units["-S1"])
    assert client_of("steward").get("/imports/").status_code == 403


def test_another_groups_run_is_not_there(steward: Client, other_group: Group, group: Group) -> None:
    with entered(other_group.system):
        run = ImportRun.objects.create(
            tenant=other_group.tenant, name="theirs", started_by="x", dry_run=True, status="done"
        )
    for path in ("", "progress", "refusals.csv"):
        assert steward.get(f"/imports/{run.pk}/{path}").status_code == 404
    assert steward.post(f"/imports/{run.pk}/load").status_code == 404
    assert b"theirs" not in steward.get("/imports/").content


def test_without_a_broker_the_run_says_so(
    steward: Client,
    group: Group,
    number: str,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    def unreachable(*arguments: int) -> None:
        raise tasks.OperationalError("connection refused")

    monkeypatch.setattr(tasks.run_import, "delay", unreachable)
    with django_capture_on_commit_callbacks(execute=True):
        upload(steward, "visits.csv", VISITS.format(number=number).encode())
    with entered(group.system):
        assert ImportRun.objects.get().status == "failed"
