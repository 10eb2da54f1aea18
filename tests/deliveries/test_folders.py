"""The watched folder: taken when whole, loaded once, archived, told of, whatever interrupts it."""

import os
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from customers.deliveries import folders, incoming, letters, loading
from customers.models import CustomerSource, Delivery, ImportRun
from organization.access import entered
from tests.deliveries.conftest import HEAD, mark, put, tree
from tests.factories import Group

TODAY = timezone.localdate().isoformat()


def numbers(group: Group) -> list[str]:
    with entered(group.system):
        return sorted(CustomerSource.objects.values_list("customer_no", flat=True))


def runs(group: Group) -> list[tuple[str, str]]:
    with entered(group.system):
        return list(ImportRun.objects.order_by("pk").values_list("name", "status"))


def look(group: Group) -> int:
    return folders.take_up(group.tenant.pk)


def test_a_marked_folder_is_loaded_archived_and_told_of(group, drop, client_of) -> None:
    put(drop / "night" / "customers.csv", "C1", "C2")
    mark(drop / "night.done")
    assert look(group) == 1
    assert numbers(group) == ["C1", "C2"]
    assert runs(group) == [("night", "done")]
    assert tree(drop) == [
        f"done/{TODAY}/night/{name}" for name in ("customers.csv", "report.json", "report.txt")
    ]
    [letter] = mail.outbox
    assert letter.to == ["steward@example.com"]
    assert letter.subject == "[Parcfolio] XQ 导入完成 / import done: night"
    assert "customers：读取 2 行，新增 2" in letter.body
    assert "customers: 2 rows read, 2 created" in letter.body
    assert "王芳" not in letter.body
    page = client_of("steward").get("/data/imports/").content.decode()
    assert folders.STARTED_BY in page
    assert look(group) == 0
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("where", ["inside", "beside"])
def test_the_mark_may_stand_inside_or_beside(group, drop, where: str) -> None:
    put(drop / "night" / "customers.csv", "C1")
    mark(drop / "night" / ".done" if where == "inside" else drop / "night.done")
    assert look(group) == 1
    assert numbers(group) == ["C1"]


def test_loose_files_are_one_delivery(group, drop) -> None:
    put(drop / "customers.csv", "C1")
    visits = "store_code,ro_no,customer_no,opened_at\nXQ-S1,R1,C1,2025-03-04 09:00\n"
    (drop / "visits.csv").write_text(visits, encoding="utf-8")
    mark(drop / "all.done")
    assert look(group) == 1
    with entered(group.system):
        [run] = ImportRun.objects.all()
        assert [f.kind for f in run.files.order_by("pk")] == ["customers", "visits"]
    assert not list(drop.glob("*.done"))


def test_what_is_still_written_to_waits(group, drop, settings: Any) -> None:
    put(drop / "customers.csv", "C1")
    put(drop / "night" / "customers.csv", "C2")
    settings.DROP_SETTLE_SECONDS = 3600
    assert look(group) == 0
    assert numbers(group) == []
    settings.DROP_SETTLE_SECONDS = 0
    assert look(group) == 2
    assert numbers(group) == ["C1", "C2"]


def test_a_time_set_back_by_a_copy_does_not_pass_for_settled(group, drop, settings: Any) -> None:
    os.utime(put(drop / "customers.csv", "C1"), (0, 0))
    settings.DROP_SETTLE_SECONDS = 3600
    assert look(group) == 0


@pytest.mark.parametrize(
    "name", [".customers.csv", "~$customers.xlsx", "customers.csv.part", "customers.csv.tmp", "a~"]
)
def test_hidden_and_passing_files_are_not_taken(group, drop, settings, name: str) -> None:
    put(drop / name, "C1")
    settings.DROP_SETTLE_SECONDS = 0
    assert look(group) == 0
    assert (drop / name).exists()


def test_a_folder_with_a_passing_file_waits_for_it(group, drop, settings: Any) -> None:
    put(drop / "night" / "customers.csv", "C1")
    put(drop / "night" / "visits.csv.part", "x")
    settings.DROP_SETTLE_SECONDS = 0
    assert look(group) == 0


def test_links_are_never_followed(group, drop, tmp_path) -> None:
    secret = put(tmp_path / "elsewhere" / "customers.csv", "C9")
    (drop / "customers.csv").symlink_to(secret)
    (drop / "linked").symlink_to(secret.parent, target_is_directory=True)
    put(drop / "night" / "customers.csv", "C1")
    (drop / "night" / "visits.csv").symlink_to(secret)
    for name in ("all", "linked", "night"):
        mark(drop / f"{name}.done")
    assert look(group) == 1
    assert numbers(group) == ["C1"]
    assert secret.read_text(encoding="utf-8").startswith(HEAD)
    with entered(group.system):
        assert Delivery.objects.get().ignored == ["visits.csv"]


def test_a_group_folder_that_is_a_link_is_left_alone(group, drop, tmp_path) -> None:
    put(tmp_path / "elsewhere" / "customers.csv", "C1")
    drop.rmdir()
    drop.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert look(group) == 0


@pytest.mark.parametrize("code", ["..", "a/b", "/etc", ".work", ""])
def test_a_code_that_is_a_path_opens_no_folder(drop, code: str) -> None:
    assert incoming.group_folder(code) is None


def test_a_delivery_for_another_group_fails_whole(group, other_group, drop) -> None:
    units = "code,name,level,parent_code\nYH,Group YH,group,\n"
    put(drop / "night" / "customers.csv", "C1")
    (drop / "night" / "org_units.csv").write_text(units, encoding="utf-8")
    mark(drop / "night.done")
    assert look(group) == 1
    assert (numbers(group), runs(group)) == ([], [("night", "failed")])
    assert f"failed/{TODAY}/night/report.txt" in tree(drop)
    assert "导入失败 / import failed" in mail.outbox[0].subject


def test_rows_of_another_groups_stores_are_refused(group, other_group, drop) -> None:
    put(drop / "night" / "customers.csv", "C1", store="YH-S1")
    mark(drop / "night.done")
    look(group)
    assert numbers(group) == numbers(other_group) == []
    assert "customers.store_code unknown_store: 1" in mail.outbox[0].body
    assert f"done/{TODAY}/night/report.refusals.csv" in tree(drop)


def test_what_is_no_file_of_the_format_fails_and_says_what_is(group, drop) -> None:
    (drop / "night").mkdir()
    (drop / "night" / "holiday.jpg").write_bytes(b"\xff\xd8\xff")
    mark(drop / "night.done")
    assert look(group) == 1
    assert runs(group) == [("night", "failed")]
    assert "customers" in mail.outbox[0].body


def test_the_same_content_is_loaded_once_under_any_name(group, drop) -> None:
    for name in ("monday", "tuesday"):
        put(drop / name / "customers.csv", "C1")
        mark(drop / f"{name}.done")
        assert look(group) == 1
    assert runs(group) == [("monday", "done")]
    assert f"done/{TODAY}/tuesday/report.txt" in tree(drop)
    assert "未重复导入" in mail.outbox[1].body
    assert "nothing was loaded again" in mail.outbox[1].body


def test_what_failed_may_be_dropped_again(group, drop, monkeypatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise ValueError("a defect")

    def drop_it() -> None:
        put(drop / "night" / "customers.csv", "C1")
        mark(drop / "night.done")

    drop_it()
    with monkeypatch.context() as broken:
        broken.setattr("customers.importing.running.stage", refuse)
        look(group)
    assert runs(group) == [("night", "failed")]
    drop_it()
    look(group)
    assert numbers(group) == ["C1"]
    assert runs(group) == [("night", "failed"), ("night", "done")]
    assert len(mail.outbox) == 2


class Killed(BaseException):
    """As SIGKILL: nothing of the look's own is run after it."""


@pytest.mark.parametrize(
    "moment",
    [
        "customers.deliveries.incoming._claim_loose",
        "customers.deliveries.incoming.strip",
        "customers.deliveries.folders._Claimed._record",
        "customers.deliveries.folders._Claimed._load",
        "customers.deliveries.loading.import_path",
        "customers.deliveries.folders._Claimed._archive",
        "customers.deliveries.incoming.archive",
        "customers.deliveries.folders._tell",
        "customers.deliveries.letters.send",
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_look_that_is_killed_is_finished_by_the_next(
    group, drop, monkeypatch, moment: str, when: str
) -> None:
    from pydoc import locate

    real: Any = locate(moment)

    def dying(*args: Any, **kwargs: Any) -> Any:
        if when == "after":
            real(*args, **kwargs)
        raise Killed

    put(drop / "customers.csv", "C1")
    mark(drop / "all.done")
    with monkeypatch.context() as killed:
        killed.setattr(moment, dying)
        with pytest.raises(Killed):
            look(group)
    look(group)
    assert numbers(group) == ["C1"]
    assert [status for _name, status in runs(group)] == ["done"]
    assert [p.rsplit("/", 1)[1] for p in tree(drop)] == [
        *("customers.csv", "report.json", "report.txt")
    ]
    # A letter may come twice where the kill fell between sending and noting it, never not at all.
    assert len(mail.outbox) == (2 if (moment[-4:], when) == ("send", "after") else 1)


def test_a_death_that_another_import_recorded_is_no_failure(group, drop, monkeypatch) -> None:
    def die(*args: Any, **kwargs: Any) -> None:
        raise Killed

    put(drop / "night" / "customers.csv", "C1")
    mark(drop / "night.done")
    with monkeypatch.context() as killed:
        killed.setattr(loading, "import_path", die)
        with pytest.raises(Killed):
            look(group)
    with entered(group.system):
        ImportRun.objects.update(status="failed", message="died")
    look(group)
    assert (numbers(group), runs(group)) == (["C1"], [("night", "done")])


def test_two_looks_do_not_meet(group, drop, monkeypatch) -> None:
    put(drop / "night" / "customers.csv", "C1")
    mark(drop / "night.done")
    monkeypatch.setattr(loading, "_ask", lambda *a: False)
    assert look(group) == 0
    assert (drop / "night").exists()


def test_a_letter_that_cannot_be_sent_is_tried_again(group, drop, monkeypatch) -> None:
    def unreachable(*args: Any, **kwargs: Any) -> None:
        raise OSError("no mail server")

    put(drop / "night" / "customers.csv", "C1")
    mark(drop / "night.done")
    with monkeypatch.context() as down:
        down.setattr(letters, "send_mail", unreachable)
        look(group)
    assert mail.outbox == []
    look(group)
    assert len(mail.outbox) == 1


def test_archives_expire_with_the_uploads(group, drop) -> None:
    put(drop / "done" / "2020-01-01" / "night" / "customers.csv", "C1")
    put(drop / "failed" / TODAY / "night" / "customers.csv", "C1")
    look(group)
    assert tree(drop) == [f"failed/{TODAY}/night/customers.csv"]
