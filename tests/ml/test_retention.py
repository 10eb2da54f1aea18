"""Old scores go, what anybody may still ask for stays."""

import json
from datetime import date, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from ml import retention
from ml.models import Score, ScoreSet
from ml.publication import current_score_set
from ml.retention import drop_old, holdings
from ml.score_decisions import DecisionRefused, roll_back
from organization.access import entered
from organization.models import AuditEvent
from tests.factories import Group, make_customer
from tests.valuation.score_sets import AS_OF, make_fit, make_score, make_score_set
from valuation.engine import create_valuation
from valuation.models import Valuation


@pytest.fixture(autouse=True)
def keep_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "DAYS", 2)
    monkeypatch.setattr(retention, "MONTHS", 2)
    monkeypatch.setattr(retention, "TO_GO_BACK_TO", 2)


def nights(group: Group, *days: date) -> list[ScoreSet]:
    with entered(group.system):
        customer = make_customer(group, name="王芳")
        found = []
        for day in days:
            score_set = make_score_set(group, day)
            make_score(score_set, make_fit(score_set), customer)
            found.append(score_set)
        connection.check_constraints()  # as at a commit: a table with open checks cannot go
        return found


def why(group: Group) -> dict[int, str]:
    with entered(group.system):
        return {one.score_set.pk: one.why for one in holdings(group.system)}


def test_the_last_days_and_the_last_of_each_month_are_kept(group: Group) -> None:
    days = [date(2025, 1, 30), date(2025, 1, 31), date(2025, 2, 26), date(2025, 2, 27)]
    january, last, former, newest = nights(group, *days)
    assert why(group) == {
        newest.pk: "in use",
        former.pk: "to go back to",
        last.pk: "of the month",
        january.pk: "",
    }


def test_what_is_not_kept_goes_with_its_partition_and_leaves_its_row(group: Group) -> None:
    old, *_rest = nights(group, *(date(2025, 1, 28) + timedelta(days=n) for n in range(3)))
    assert [(one.score_set.pk, went) for one, went in drop_old(group.system)] == [(old.pk, True)]
    with entered(group.system):
        assert ScoreSet.objects.get(pk=old.pk).dropped_at is not None
        assert not Score.objects.filter(score_set=old).exists()
        assert AuditEvent.objects.filter(action="scores.dropped").count() == 1
        with connection.cursor() as cursor:
            cursor.execute("select to_regclass(%s)", [f"ml_score_{old.pk}"])
            assert cursor.fetchone() == (None,)
    assert list(drop_old(group.system)) == []


def test_a_valuation_keeps_its_scores_and_is_found_again_to_the_fen(group: Group) -> None:
    cited, *_rest = nights(group, AS_OF, *(date(2025, 3, 1 + n) for n in range(3)))
    valuation, _created = create_valuation(group.system, AS_OF)
    assert why(group)[cited.pk] == "cited"
    list(drop_old(group.system))
    with entered(group.system):
        Valuation.objects.get(pk=valuation.pk)
    again, created = create_valuation(group.system, AS_OF)
    assert (again.pk, created) == (valuation.pk, False)
    assert again.input_hash == valuation.input_hash


def test_nobody_goes_back_to_scores_that_are_gone(group: Group) -> None:
    *_old, former, newest = nights(
        group, *(date(2025, 1, 28) + timedelta(days=n) for n in range(4))
    )
    list(drop_old(group.system))
    roll_back(group.system, "wrong file")
    with entered(group.system):
        assert current_score_set(group.system) == former
    with pytest.raises(DecisionRefused):
        roll_back(group.system, "again")
    assert newest.pk in why(group)


def test_a_set_held_back_waits_for_a_decision_and_goes_after_a_month(group: Group) -> None:
    held, _current = nights(group, date(2025, 1, 1), date(2025, 2, 1))
    with entered(group.system):
        ScoreSet.objects.filter(pk=held.pk).update(status="held")
    assert why(group)[held.pk] == "undecided"
    with entered(group.system):
        long_ago = timezone.now() - timedelta(days=31)
        ScoreSet.objects.filter(pk=held.pk).update(created_at=long_ago)
    assert why(group)[held.pk] == ""


def test_the_database_refuses_to_drop_the_set_in_use(group: Group) -> None:
    _old, newest = nights(group, date(2025, 1, 1), date(2025, 2, 1))
    with (
        entered(group.system),
        pytest.raises(DatabaseError, match="out of use"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("select ml_retire_score_partition(%s)", [newest.pk])


def test_the_command_shows_and_drops_nothing_unless_told(group: Group) -> None:
    old, *_rest = nights(group, *(date(2025, 1, 28) + timedelta(days=n) for n in range(3)))

    def told(**options: bool) -> dict:
        out = StringIO()
        call_command("old_scores", json=True, stdout=out, **options)
        return json.loads(out.getvalue())

    shown = told()
    assert (shown["to_drop"], shown["dropped"]) == (1, 0)
    assert next(row for row in shown["score_sets"] if not row["kept"])["score_set"] == old.pk
    assert told(drop=True)["dropped"] == 1
    assert told()["to_drop"] == 0
