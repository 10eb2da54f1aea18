"""Months that a load touched are measured again, once, and only when every load has ended."""

from datetime import date, timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from customers.models import ImportRun
from organization.access import Access, entered
from tests.factories import make_visit
from valuation import tasks
from valuation.indicators import after_loads
from valuation.indicators.recording import record
from valuation.indicators.records import IndicatorRun, UnitIndicators


@pytest.fixture
def recorded(portfolio, valued):
    cache.clear()
    record(portfolio.group.system, reason="test")
    return portfolio


def loaded(portfolio, *, running: bool = False) -> ImportRun:
    """A run that began just now and has ended, as far as it has."""
    now = timezone.now()
    status = ImportRun.Status.RUNNING if running else ImportRun.Status.DONE
    return ImportRun.objects.create(
        tenant=portfolio.group.tenant,
        name="late orders",
        started_by="test",
        status=status,
        started_at=now - timedelta(minutes=1),
        finished_at=None if running else now,
    )


def visits_of(portfolio, month: date) -> list[int]:
    """Visit days of the whole group in every recording of the month, the newest first."""
    rows = UnitIndicators.objects.filter(unit=portfolio.group.units[""], month=month)
    return [row.figures["visits"] for row in rows.order_by("-run_id")]


@pytest.fixture
def queue(monkeypatch):
    """Tasks are collected and carried out when the test says so."""
    waiting: list[int] = []
    monkeypatch.setattr(tasks.record_after_loads, "delay", waiting.append)
    return waiting


@pytest.fixture
def touching(monkeypatch):
    """The earliest day that the loads wrote: a test's rows all change in one transaction."""

    def since(day: date) -> None:
        monkeypatch.setattr(after_loads, "_touched", lambda _since: day)

    return since


def test_the_earliest_day_that_was_written_counts(recorded):
    with entered(recorded.group.system):
        hour = timedelta(hours=1)
        assert after_loads._touched(timezone.now() - hour) == date(2023, 3, 1)
        assert after_loads._touched(timezone.now() + hour) is None


def test_a_late_order_changes_its_month_and_not_the_ones_before(recorded, queue, touching):
    touching(date(2024, 6, 5))
    with entered(recorded.group.system):
        make_visit(recorded.group, recorded.steady, date(2024, 6, 5))
        loaded(recorded)
        before = visits_of(recorded, date(2024, 6, 1))
    tasks.look_for_loads()
    assert queue == [recorded.group.tenant.pk]
    assert tasks.record_after_loads(queue.pop()) > 0
    with entered(recorded.group.system):
        assert visits_of(recorded, date(2024, 6, 1)) == [before[0] + 1, *before]
        assert len(visits_of(recorded, date(2024, 5, 1))) == 1
        run = IndicatorRun.objects.order_by("-pk").first()
        assert (run.reason, run.first_month) == ("loads", date(2024, 6, 1))


def test_ten_loads_are_one_recording_and_none_a_second_time(recorded, queue, touching):
    touching(date(2024, 11, 5))
    with entered(recorded.group.system):
        make_visit(recorded.group, recorded.steady, date(2024, 11, 5))
        for _ in range(10):
            loaded(recorded)
    tasks.look_for_loads()
    tasks.look_for_loads()
    assert len(queue) == 1
    tasks.record_after_loads(queue.pop())
    tasks.look_for_loads()
    assert queue == []


def test_waits_while_a_load_is_at_work(recorded, queue):
    with entered(recorded.group.system):
        loaded(recorded)
        loaded(recorded, running=True)
    tasks.look_for_loads()
    assert queue == []


def test_what_lies_after_the_valuation_is_left_to_the_next_one(recorded, touching):
    touching(date(2025, 1, 15))
    access = Access.system(recorded.group.tenant.pk, "test")
    with entered(recorded.group.system):
        runs = IndicatorRun.objects.count()
        make_visit(recorded.group, recorded.steady, date(2025, 1, 15))
        loaded(recorded)
    assert after_loads.record_after_loads(access) is None
    with entered(recorded.group.system):
        assert IndicatorRun.objects.count() == runs
        assert after_loads.loads_since(access) is None


def test_loads_before_the_valuation_are_in_its_own_recording(portfolio, valued):
    cache.clear()
    with entered(portfolio.group.system) as access:
        run = loaded(portfolio)
        ImportRun.objects.filter(pk=run.pk).update(finished_at=valued.created_at)
        assert after_loads.loads_since(access) is None
