"""Commands and Celery tasks: each works for the group that it was given, and for no other."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command, get_commands

from config.celery import app
from config.services import NEEDS_NO_DATABASE
from customers.models import ImportRun
from ml import tasks as training
from ml.models import TrainingRun
from organization.access import entered
from tests.access.rules import COMMANDS, TASKS
from tests.access.world import OURS, World, state_of
from valuation import tasks as valuing

GROUP_COMMANDS = [name for name, work in COMMANDS.items() if work.scope == "group"]


def ours() -> set[str]:
    return {name for name, label in get_commands().items() if label in {*OURS, "config", "web"}}


def known_tasks() -> set[str]:
    app.loader.import_default_modules()
    app.autodiscover_tasks(force=True)
    return {name for name in app.tasks if not name.startswith("celery.")}


def task(name: str) -> Any:
    known_tasks()
    return app.tasks[name]


def test_every_command_has_a_rule_and_every_rule_a_command() -> None:
    assert sorted(ours()) == sorted(COMMANDS)


def test_every_task_has_a_rule_and_every_rule_a_task() -> None:
    assert sorted(known_tasks()) == sorted(TASKS)


def test_what_opens_no_row_starts_without_a_database() -> None:
    free = {name for name, work in COMMANDS.items() if work.scope == "no data"}
    assert free - {"data_format"} <= NEEDS_NO_DATABASE


def options(name: str, folder: Path) -> dict[str, Any]:
    """What the command needs besides the group."""
    if name == "scores":
        return {"csv": folder / "scores.csv"}
    if name == "import_data":
        (folder / "comparables.csv").write_text("name,as_of\nPeer,2026-01-01\n", encoding="utf-8")
        return {"path": str(folder / "comparables.csv")}
    return {}


def run(name: str, folder: Path, **more: Any) -> str:
    """Standard output, and the file where one is written; refusals are answers too."""
    out = StringIO()
    given = options(name, folder)
    arguments = [given.pop("path")] if "path" in given else []
    if "csv" in given:
        arguments = ["--csv", str(given.pop("csv"))]
    try:
        call_command(name, *arguments, stdout=out, stderr=out, **more)
    except (CommandError, SystemExit) as refusal:
        out.write(str(refusal))
    written = folder / "scores.csv"
    return out.getvalue() + (written.read_text(encoding="utf-8-sig") if written.exists() else "")


DEMONSTRATION = ("demo_accounts", "demo_history")
WITH_GROUP = [n for n in GROUP_COMMANDS if n not in ("carry_out_training", *DEMONSTRATION)]


@pytest.mark.parametrize("name", WITH_GROUP)
def test_a_command_reads_and_changes_its_own_group_alone(
    world: World, db: None, tmp_path: Path, name: str
) -> None:
    _mine, theirs = state_of(world)
    said = run(name, tmp_path, group=world.mine.tenant.code)
    assert state_of(world)[1] == theirs
    foreign = {m for (code, _s), p in world.places.items() for m in p.marks if code == "MY"}
    assert [mark for mark in foreign if mark in said] == []


@pytest.mark.parametrize("name", WITH_GROUP)
@pytest.mark.parametrize("group", [None, "nobody", ""])
def test_a_command_refuses_to_guess_the_group(
    world: World, db: None, tmp_path: Path, name: str, group: str | None
) -> None:
    if name == "import_data" and group == "nobody":
        pytest.skip("a delivery may found a group")
    before = state_of(world)
    run(name, tmp_path, group=group)
    assert state_of(world) == before


def test_training_of_another_groups_run_is_refused(world: World, db: None) -> None:
    with entered(world.theirs.system):
        foreign = TrainingRun.objects.values_list("pk", flat=True).first()
    before = state_of(world)
    with pytest.raises((CommandError, SystemExit, TrainingRun.DoesNotExist)):
        call_command("carry_out_training", str(world.mine.tenant.pk), str(foreign))
    assert state_of(world) == before


@pytest.mark.parametrize("name", DEMONSTRATION)
def test_commands_of_the_demonstration_are_refused_in_an_installation(
    world: World, db: None, settings: Any, name: str
) -> None:
    settings.PARCFOLIO_DEMO = False
    before = state_of(world)
    with pytest.raises(CommandError, match="no demonstration"):
        call_command(name, group="MX")
    assert state_of(world) == before


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[Any, ...]]]:
    """Tasks that were handed to the broker, and processes that were started."""
    found: list[tuple[str, tuple[Any, ...]]] = []
    queued = (training.train, training.backtest, valuing.value_group, valuing.record_indicators)
    for one in queued:
        monkeypatch.setattr(one, "delay", lambda *args, name=one.name: found.append((name, args)))
    monkeypatch.setattr(
        training.subprocess, "run", lambda command, **k: found.append(("process", tuple(command)))
    )
    return found


def test_an_import_of_another_groups_run_is_not_found(world: World, db: None) -> None:
    foreign = world.place("foreign").row("customers.ImportRun").pk
    before = state_of(world)
    with pytest.raises(ImportRun.DoesNotExist):
        task("customers.tasks.run_import")(world.mine.tenant.pk, foreign)
    assert state_of(world) == before


@pytest.mark.parametrize(
    "name",
    [
        *("valuation.tasks.value_group", "valuation.tasks.record_indicators"),
        *("customers.quality.tasks.assess", "ml.tasks.train"),
    ],
)
def test_a_groups_task_changes_no_other_group(
    world: World, db: None, sent: list[Any], name: str
) -> None:
    _mine, theirs = state_of(world)
    argument: Any = 0 if name == "ml.tasks.train" else "test"
    task(name)(world.mine.tenant.pk, argument)
    assert state_of(world)[1] == theirs


SENDING = {
    *("ml.tasks.retrain_all_groups", "ml.tasks.score_all_groups"),
    "ml.tasks.backtest_all_groups",
    *("valuation.tasks.value_all_groups", "valuation.tasks.record_all_indicators"),
}
EVERY_GROUP = sorted(name for name, work in TASKS.items() if work.scope == "every group")


@pytest.mark.parametrize("name", EVERY_GROUP)
def test_the_schedules_hand_each_group_its_own_ids(
    world: World, db: None, sent: list[Any], name: str
) -> None:
    task(name)()
    tenants = {world.mine.tenant.pk, world.theirs.tenant.pk}
    for what, arguments in sent:
        assert arguments[0] in tenants
        if what == "ml.tasks.train":
            owner = world.mine if arguments[0] == world.mine.tenant.pk else world.theirs
            with entered(owner.system):
                assert TrainingRun.objects.filter(pk=arguments[1]).exists()
    if name in SENDING:
        assert {arguments[0] for _what, arguments in sent} == tenants
