"""A delivery that could not be loaded: one task for a steward, until it is loaded or gone."""

import shutil
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from customers import tasks
from customers.deliveries import folders
from customers.models import Delivery, ImportRun, Task
from organization.access import entered
from organization.models import AuditEvent
from tests.deliveries.conftest import mark, put
from tests.factories import Group

TODAY = timezone.localdate().isoformat()


def look(group: Group) -> int:
    return folders.take_up(group.tenant.pk)


def found(group: Group) -> list[Task]:
    with entered(group.system):
        return list(Task.objects.select_related("unit", "owner").order_by("pk"))


def states(group: Group) -> list[str]:
    return [str(task.status) for task in found(group)]


def why_closed(group: Group) -> list[str]:
    with entered(group.system):
        events = AuditEvent.objects.filter(action="task.done").order_by("pk")
        return [event.detail["why"] for event in events]


def drop_bad(drop, name: str = "night") -> None:
    """A file that nobody can read."""
    folder = drop / name
    folder.mkdir()
    (folder / "customers.xlsx").write_bytes(b"PK\x03\x04 no workbook")
    mark(drop / f"{name}.done")


def drop_other_group(drop) -> None:
    folder = drop / "night"
    folder.mkdir()
    tree = "code,name,level,parent_code\nZZ,别的集团,group,\n"
    (folder / "org_units.csv").write_text(tree, encoding="utf-8")
    mark(drop / "night.done")


@pytest.mark.parametrize("bad", [drop_bad, drop_other_group])
def test_a_delivery_that_is_set_aside_is_a_task_of_the_steward(group, drop, bad) -> None:
    bad(drop)
    assert look(group) == 1
    [task] = found(group)
    assert (task.status, task.unit.level, task.owner.username) == ("open", "group", "steward")
    assert "night" in task.title
    with entered(group.system):
        assert task.note == ImportRun.objects.get().message != ""
        assert AuditEvent.objects.filter(action="task.created").count() == 1


def test_it_is_made_once_a_file(group, drop) -> None:
    for _time in range(3):
        drop_bad(drop)
        look(group)
    assert states(group) == ["open"]
    with entered(group.system):
        assert Delivery.objects.count() == 1


def test_another_file_is_another_task(group, drop) -> None:
    drop_bad(drop)
    folder = drop / "day"
    folder.mkdir()
    (folder / "visits.xlsx").write_bytes(b"PK\x03\x04 nor this")
    mark(drop / "day.done")
    look(group)
    assert states(group) == ["open", "open"]


def test_what_loads_is_no_task(group, drop) -> None:
    put(drop / "night" / "customers.csv", "C1")
    mark(drop / "night.done")
    assert look(group) == 1
    assert found(group) == []


def test_it_is_closed_when_the_content_is_loaded(group, drop, monkeypatch) -> None:
    def broken(*_args: Any, **_more: Any) -> bool:
        raise OSError("disk")

    put(drop / "night" / "customers.csv", "C1")
    mark(drop / "night.done")
    with monkeypatch.context() as patched:
        patched.setattr("customers.importing.running.import_files", broken, raising=False)
        patched.setattr(folders, "_refuse_other_groups", refuse)
        look(group)
    assert states(group) == ["open"]
    put(drop / "again" / "customers.csv", "C1")
    mark(drop / "again.done")
    look(group)
    assert states(group) == ["closed"]
    assert why_closed(group) == ["loaded"]


def refuse(*_args: Any) -> None:
    from customers.importing.messages import FileRefused

    raise FileRefused("unknown_group", code="ZZ", known="XQ")


def test_it_is_closed_when_a_later_delivery_of_its_name_is_loaded(group, drop) -> None:
    drop_bad(drop)
    look(group)
    put(drop / "night" / "customers.csv", "C1")
    mark(drop / "night.done")
    look(group)
    assert states(group) == ["closed"]
    assert why_closed(group) == ["loaded"]


def test_it_is_closed_when_somebody_takes_the_files_away(group, drop) -> None:
    drop_bad(drop)
    look(group)
    tasks.look_for_deliveries()
    assert states(group) == ["open"]
    shutil.rmtree(drop / "failed" / TODAY / "night")
    tasks.look_for_deliveries()
    assert states(group) == ["closed"]
    assert why_closed(group) == ["removed"]


def test_the_steward_deletes_the_files_on_the_page_of_imports(group, drop, client_of) -> None:
    drop_bad(drop)
    look(group)
    [task] = found(group)
    client = client_of("steward")
    page = client.get(reverse("imports")).content.decode()
    address = reverse("import_remove_delivery", args=[task.pk])
    assert task.title in page
    assert address in page
    answer = client.post(address)
    assert answer.url == reverse("imports")
    assert [str(one) for one in get_messages(answer.wsgi_request)] == ["文件已删除，任务已关闭。"]
    assert not (drop / "failed" / TODAY / "night").exists()
    assert states(group) == ["closed"]
    assert task.title not in client.get(reverse("imports")).content.decode().split("<table")[0]
    assert client.post(address).status_code == 404


def test_it_comes_again_where_the_same_file_is_dropped_after_that(group, drop, client_of) -> None:
    drop_bad(drop)
    look(group)
    client_of("steward").post(reverse("import_remove_delivery", args=[found(group)[0].pk]))
    drop_bad(drop)
    look(group)
    assert states(group) == ["closed", "open"]


def test_no_other_folder_is_deleted(group, drop, client_of, tmp_path) -> None:
    drop_bad(drop)
    look(group)
    elsewhere = tmp_path / "failed" / "night"
    elsewhere.mkdir(parents=True)
    with entered(group.system):
        ImportRun.objects.update(folder=str(elsewhere))
    client_of("steward").post(reverse("import_remove_delivery", args=[found(group)[0].pk]))
    assert elsewhere.exists()
    assert states(group) == ["closed"]


def test_it_is_not_measured_like_a_figure(group, drop, client_of) -> None:
    drop_bad(drop)
    look(group)
    [task] = found(group)
    page = client_of("ceo").get(reverse("task", args=[task.pk])).content.decode()
    assert task.title in page
    assert "测得的效果" not in page
    assert reverse("task_done", args=[task.pk]) not in page
