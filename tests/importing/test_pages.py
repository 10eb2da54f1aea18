"""The import pages: who may, what an upload starts, what a run shows."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from customers import tasks
from customers.models import ImportProfile, ImportRun, RejectedRow, Visit
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
    listed = steward.get("/imports/").context["table"].rows[0]
    assert (listed.read, listed.written, listed.refused) == (2, 1, 1)
    refusals = steward.get(f"/imports/{run}/refusals.csv")
    assert b"unknown_store" in b"".join(refusals.streaming_content)
    # Under the name that it must have to be uploaded again.
    of_file = steward.get(f"/imports/{run}/refusals.csv?file=visits")
    assert of_file["Content-Disposition"] == 'attachment; filename="visits.csv"'
    assert steward.get(f"/imports/{run}/refusals.csv?file=../secrets").status_code == 404
    with entered(group.system):
        assert AuditEvent.objects.filter(action="download_refusals").count() == 2


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


FOREIGN = "网点;单号;客户;日期;金额\n{store};R7;{number};31/03/2025 10:00;226\n".encode()


def test_a_profile_is_suggested_edited_and_loads_a_foreign_file(
    steward: Client, group: Group, number: str, queued: list[tuple[int, int]]
) -> None:
    content = FOREIGN.decode().format(store="XQ-S1", number=number).encode()
    made = steward.post(
        "/imports/profiles/",
        {"name": "老系统", "kind": "visits", "sample": SimpleUploadedFile("x.csv", content)},
    )
    assert made.status_code == 302
    page = steward.get(made.url).content.decode()
    assert "单号" in page
    fields = {
        "name": "老系统",
        **{"encoding": "", "delimiter": ";", "skip": "0", "dates": "dmy", "separator": ""},
        **{"column-store_code": "网点", "column-ro_no": "单号", "column-customer_no": "客户"},
        **{"column-opened_at": "日期", "column-pay_customer": "金额", "constant-kind": "保养"},
    }
    assert steward.post(made.url, fields).status_code == 302
    assert "2025-03-31 10:00" in steward.get(made.url).content.decode()
    assert steward.post(made.url, fields | {"column-ro_no": "没有"}).status_code == 400

    with entered(group.system):
        [profile] = ImportProfile.objects.all()
    answer = upload(steward, "whatever.csv", content, profile=profile.pk)
    with entered(group.system):
        run = ImportRun.objects.get()
    tasks.run_import(group.tenant.pk, run.pk)

    assert answer.url == f"/imports/{run.pk}/"
    with entered(group.system):
        loaded = Visit.objects.get(ro_no="R7")
        assert (str(loaded.day), loaded.kind) == ("2025-03-31", "maintenance")
    assert steward.post(f"/imports/profiles/{profile.pk}/delete").status_code == 302
    with entered(group.system):
        assert not ImportProfile.objects.exists()


def test_a_sample_that_is_no_table_and_a_name_taken_are_said(steward: Client, group: Group) -> None:
    def make(name: str, file: str, content: bytes) -> Any:
        sample = SimpleUploadedFile(file, content)
        return steward.post(
            "/imports/profiles/", {"name": name, "kind": "visits", "sample": sample}
        )

    assert "XLS" in make("a", "a.csv", b"PK\x03\x04").content.decode()
    assert make("a", "a.exe", b"a,b\n").status_code == 400
    assert make("a", "a.csv", b"a,b\n").status_code == 302
    assert make("a", "a.csv", b"a,b\n").status_code == 400


def test_the_group_s_limit_on_refused_rows_stops_a_load(
    steward: Client, group: Group, number: str, queued: list[tuple[int, int]]
) -> None:
    assert steward.post("/imports/rules", {"most_refused": "20"}).status_code == 302
    upload(steward, "visits.csv", VISITS.format(number=number).encode())
    with entered(group.system):
        run = ImportRun.objects.get()

    tasks.run_import(group.tenant.pk, run.pk)

    with entered(group.system):
        run.refresh_from_db()
        assert run.status == "failed"
        assert "50.0%" in run.message
        assert not Visit.objects.exists()
    page = steward.get(f"/imports/{run.pk}/").content.decode()
    assert "XQ-S9" in page
    assert steward.get(f"/imports/{run.pk}/refusals.csv").status_code == 200
