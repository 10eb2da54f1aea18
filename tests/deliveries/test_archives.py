"""ZIP archives in the drop folder: unpacked within bounds, once, whatever interrupts it."""

import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from customers.deliveries import folders, incoming
from customers.models import CustomerSource, ImportRun
from organization.access import entered
from tests.deliveries.conftest import HEAD, mark, put, tree
from tests.factories import Group

TODAY = timezone.localdate().isoformat()


def archive(path: Path, **files: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name.replace("__", "/") + ".csv", content)
    return path


def customers(*numbers: str) -> str:
    return HEAD + "".join(f"XQ-S1,{number},王芳\n" for number in numbers)


def numbers(group: Group) -> list[str]:
    with entered(group.system):
        return sorted(CustomerSource.objects.values_list("customer_no", flat=True))


def ended(group: Group) -> tuple[str, str]:
    with entered(group.system):
        run = ImportRun.objects.latest("pk")
    return run.status, run.message


def test_a_loose_archive_is_a_delivery_of_its_files(group, drop) -> None:
    archive(drop / "night.zip", export__customers=customers("C1", "C2"), readme="x")
    mark(drop / "night.zip.done")
    assert folders.take_up(group.tenant.pk) == 1
    assert numbers(group) == ["C1", "C2"]
    names = sorted(name.rsplit("/", 1)[1] for name in tree(drop / "done"))
    assert names == ["customers.csv", "report.json", "report.txt"]


def test_an_archive_beside_other_files_adds_to_them(group, drop) -> None:
    put(drop / "night" / "customers.csv", "C1")
    visits = "store_code,ro_no,customer_no,opened_at\nXQ-S1,R1,C1,2025-03-04 09:00\n"
    archive(drop / "night" / "rest.ZIP", visits=visits)
    mark(drop / "night.done")
    folders.take_up(group.tenant.pk)
    with entered(group.system):
        files = ImportRun.objects.get().files.order_by("pk")
        assert [(f.kind, f.created) for f in files] == [("customers", 1), ("visits", 1)]


def test_packed_or_not_the_same_content_is_loaded_once(group, drop) -> None:
    put(drop / "monday" / "customers.csv", "C1")
    archive(drop / "tuesday" / "all.zip", customers=customers("C1"))
    for name in ("monday", "tuesday"):
        mark(drop / f"{name}.done")
    assert folders.take_up(group.tenant.pk) == 2
    assert len(mail.outbox) == 2
    assert "nothing was loaded again" in mail.outbox[0].body + mail.outbox[1].body


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04 and then nothing", "cannot be unpacked"),
        ("bomb", "200"),
        ("twice", "customers.csv"),
    ],
)
def test_an_archive_that_cannot_be_taken_fails_whole(
    group, drop, settings: Any, content: Any, says: str
) -> None:
    settings.IMPORT_UPLOAD_MB = 200 if content != "bomb" else 1
    path = drop / "night" / "all.zip"
    if content == "bomb":
        archive(path, customers=HEAD + "x" * 3_000_000)
        says = "1 MB"
    elif content == "twice":
        put(drop / "night" / "customers.csv", "C1")
        archive(path, customers=customers("C2"))
    else:
        path.parent.mkdir()
        path.write_bytes(content)
    mark(drop / "night.done")
    assert folders.take_up(group.tenant.pk) == 1
    status, message = ended(group)
    assert status == "failed"
    assert says in message
    assert numbers(group) == []
    assert f"failed/{TODAY}/night/all.zip" in tree(drop)
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("moment", ["rename", "unlink", "rmdir"])
@pytest.mark.parametrize("calls", range(3))
def test_an_unpacking_that_is_killed_goes_on(
    group, drop, monkeypatch, moment: str, calls: int
) -> None:
    class Killed(BaseException):
        pass

    visits = "store_code,ro_no,customer_no,opened_at\nXQ-S1,R1,C1,2025-03-04 09:00\n"
    archive(drop / "night" / "all.zip", customers=customers("C1"), visits=visits)
    mark(drop / "night.done")
    real, left = getattr(Path, moment), [calls]

    def dying(path: Path, *arguments: Any, **options: Any) -> Any:
        if ".unpack" in str(path) or path.suffix == ".zip":
            if left[0] == 0:
                raise Killed
            left[0] -= 1
        return real(path, *arguments, **options)

    with monkeypatch.context() as killed:
        killed.setattr(Path, moment, dying)
        if calls == 0 or moment == "rename":
            with pytest.raises(Killed):
                folders.take_up(group.tenant.pk)
        else:
            folders.take_up(group.tenant.pk)
    folders.take_up(group.tenant.pk)
    assert numbers(group) == ["C1"]
    names = sorted(name.rsplit("/", 1)[1] for name in tree(drop))
    assert names == ["customers.csv", "report.json", "report.txt", "visits.csv"]
    assert len(mail.outbox) == 1


def test_a_delivery_that_kills_its_worker_is_set_aside_after_three_times(
    group, drop, monkeypatch, caplog
) -> None:
    """Killed at once, nothing of the look's own is run any more, not even what stands last."""
    counted = folders._Claimed._count_deaths

    class Killed(BaseException):
        pass

    def die(*arguments: Any, **options: Any) -> None:
        monkeypatch.setattr(folders._Claimed, "_count_deaths", lambda *a: None)
        raise Killed

    put(drop / "good" / "customers.csv", "C1")
    put(drop / "deadly" / "customers.csv", "C2")
    mark(drop / "deadly.done")
    for _ in range(3):
        with monkeypatch.context() as killed:
            killed.setattr("customers.deliveries.loading.import_path", die)
            with pytest.raises(Killed):
                folders.take_up(group.tenant.pk)
        monkeypatch.setattr(folders._Claimed, "_count_deaths", counted)
    mark(drop / "good.done")
    assert mail.outbox == []
    assert folders.take_up(group.tenant.pk) == 2
    assert numbers(group) == ["C1"]
    assert f"failed/{TODAY}/deadly/report.txt" in tree(drop)
    assert "set aside" in caplog.text
    failed = next(letter for letter in mail.outbox if "failed" in letter.subject)
    assert "3 times" in failed.body
    assert "3 次" in failed.body


def test_a_look_that_ends_of_itself_counts_no_death(group, drop, monkeypatch) -> None:
    put(drop / "night" / "customers.csv", "C1")
    mark(drop / "night.done")
    with monkeypatch.context() as busy:
        busy.setattr(folders.loading, "load", lambda *a, **k: False)
        for _ in range(5):
            assert folders.take_up(group.tenant.pk) == 0
    assert folders.take_up(group.tenant.pk) == 1
    assert numbers(group) == ["C1"]


def test_what_was_set_aside_may_be_dropped_again(group, drop, monkeypatch) -> None:
    monkeypatch.setattr(folders, "MOST_DEATHS", 0)
    put(drop / "night" / "customers.csv", "C1")
    mark(drop / "night.done")
    folders.take_up(group.tenant.pk)
    assert ended(group)[0] == "failed"
    monkeypatch.setattr(folders, "MOST_DEATHS", 3)
    put(drop / "night" / "customers.csv", "C1")
    mark(drop / "night.done")
    folders.take_up(group.tenant.pk)
    assert numbers(group) == ["C1"]
    assert incoming.has_something(drop) is False
