"""``retrain`` and ``scores`` on groups that hold too little: a clear refusal, nothing published."""

import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from customers.models import Customer, CustomerSource, CustomerTag, Visit
from ml.models import Score, ScoreSet, TrainingRun
from organization.access import entered
from tests.factories import Group, make_customer, make_visit

DAY = date(2024, 6, 1)


def refused(command: str, *arguments: Any) -> str:
    """The message of a refusal with exit status 2."""
    with pytest.raises(CommandError) as error:
        call_command(command, *arguments)
    assert error.value.returncode == 2
    return str(error.value)


def customers_with_visits(group: Group, count: int, days: list[date]) -> None:
    """``count`` customers who all came on the same days, written in a few statements."""
    store = group.units["-S1"]
    with entered(group.system):
        people = Customer.objects.bulk_create(
            Customer(tenant=group.tenant, name=f"客{n}", home_store=store, stores=[store.pk])
            for n in range(count)
        )
        sources = CustomerSource.objects.bulk_create(
            CustomerSource(
                tenant=group.tenant,
                store=store,
                customer=one,
                customer_no=f"C{n}",
                kind="person",
            )
            for n, one in enumerate(people)
        )
        Visit.objects.bulk_create(
            Visit(
                tenant=group.tenant,
                store=store,
                ro_no=f"{source.customer_no}-{day}",
                source=source,
                customer_id=source.customer_id,
                opened_at=f"{day}T02:00Z",
                day=day,
                pay_customer_fen=50_000,
            )
            for source in sources
            for day in days
        )


def nothing_published(group: Group) -> bool:
    with entered(group.system):
        return not (
            ScoreSet.objects.exists() or Score.objects.exists() or CustomerTag.objects.exists()
        )


def no_run(group: Group) -> bool:
    with entered(group.system):
        return not TrainingRun.objects.exists()


def test_an_empty_group(group: Group) -> None:
    assert "no visits" in refused("retrain", "--group", "XQ")
    assert "import_data" in refused("retrain", "--group", "XQ")
    assert nothing_published(group)
    assert no_run(group)


def test_one_customer(group: Group) -> None:
    with entered(group.system):
        make_visit(group, make_customer(group), DAY)
    message = refused("retrain", "--group", "XQ")
    assert message.startswith("1 customers were born before 2024-06-02; at least 100")
    assert nothing_published(group)
    with entered(group.system):
        run = TrainingRun.objects.get()
    assert (run.status, run.message) == ("failed", message)


def test_customers_who_all_came_once(group: Group) -> None:
    customers_with_visits(group, 120, [DAY])
    message = refused("retrain", "--group", "XQ")
    assert "came back" in message or "repeat" in message
    assert nothing_published(group)


def test_too_short_a_history_for_churn(group: Group) -> None:
    customers_with_visits(group, 120, [date(2024, 5, 1), DAY])
    message = refused("retrain", "--group", "XQ")
    assert "churn needs" in message
    assert nothing_published(group)


def test_after_a_refusal_the_group_may_be_trained_again(group: Group) -> None:
    with entered(group.system):
        make_visit(group, make_customer(group), DAY)
    assert refused("retrain", "--group", "XQ") == refused("retrain", "--group", "XQ")
    with entered(group.system):
        assert [run.status for run in TrainingRun.objects.all()] == ["failed", "failed"]


def test_without_a_worker_the_run_stays_queued_and_nobody_waits_for_ever(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.management.commands.retrain._PATIENCE", 0.0)
    customers_with_visits(group, 2, [DAY])
    message = refused("retrain", "--group", "XQ", "--worker")
    assert message.startswith("No worker listens to the queue")
    with entered(group.system):
        assert TrainingRun.objects.get().status == "queued"


@pytest.mark.parametrize("command", ["retrain", "scores"])
class TestDates:
    @pytest.fixture
    def run(self, group: Group, command: str, tmp_path: Path) -> Callable[[str], str]:
        with entered(group.system):
            make_visit(group, make_customer(group), DAY)
        more = ["--csv", str(tmp_path / "scores.csv")] if command == "scores" else []
        return lambda day: refused(command, "--group", "XQ", "--as-of", day, *more)

    @pytest.mark.parametrize("day", ["2024-05-31", "2024-06-01"])
    def test_before_the_first_visit(
        self, group: Group, run: Callable[[str], str], day: str
    ) -> None:
        assert f"--as-of {day} lies before the first visit (2024-06-01)" in run(day)
        assert no_run(group)

    def test_in_the_future(self, group: Group, run: Callable[[str], str]) -> None:
        assert "lies in the future" in run("2999-01-01")
        assert no_run(group)


def test_scores_of_a_date_without_a_set_write_no_file(group: Group, tmp_path: Path) -> None:
    with entered(group.system):
        make_visit(group, make_customer(group), DAY)
    target = tmp_path / "scores.csv"
    assert "retrain --as-of 2024-06-02" in refused("scores", "--csv", target, "--group", "XQ")
    assert list(tmp_path.iterdir()) == []


def test_scores_into_a_folder_that_is_not_there(group: Group, tmp_path: Path) -> None:
    target = tmp_path / "nowhere" / "scores.csv"
    assert "does not exist" in refused("scores", "--csv", target)


def test_scores_replace_files_and_nothing_else(group: Group, tmp_path: Path) -> None:
    target = tmp_path / "scores.csv"
    target.mkdir()
    assert "no ordinary file" in refused("scores", "--csv", target, "--group", "XQ")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "no ordinary file" in refused("scores", "--csv", pipe, "--group", "XQ")
    assert sorted(tmp_path.iterdir()) == [pipe, target]


def test_a_day_that_is_none_is_named_with_what_would_be_right(group: Group) -> None:
    with pytest.raises(CommandError, match="'2026/1/1' is no date: write it as 2026-01-31"):
        call_command("retrain", "--group", "XQ", "--as-of", "2026/1/1")
    assert no_run(group)


@pytest.mark.parametrize("months", ["11", "121"])
def test_a_horizon_out_of_range(group: Group, months: str) -> None:
    assert "--horizon-months" in refused("retrain", "--group", "XQ", "--horizon-months", months)
    assert no_run(group)


def test_an_unknown_group(group: Group) -> None:
    assert "NOPE" in refused("retrain", "--group", "NOPE")


def test_a_group_must_be_named_where_there_are_two(group: Group, other_group: Group) -> None:
    message = refused("retrain")
    assert "XQ" in message
    assert "YH" in message


def test_a_refusal_writes_no_json(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    refused("retrain", "--group", "XQ", "--json")
    out = capsys.readouterr().out
    with pytest.raises(json.JSONDecodeError):
        json.loads(out)
    assert out == ""
