"""Segments: cells that sum to the unit, lists behind them, exports, and the load of workshops."""

import csv
import io
from datetime import date, timedelta

import numpy as np
import pytest
from django.core.cache import cache
from django.urls import reverse

from customers.models import Visit
from ml.models import Score
from organization.access import entered
from organization.models import AuditEvent
from tests.factories import make_customer, make_visit
from tests.valuation.score_sets import AS_OF, make_fit, make_score, make_score_set
from valuation.segments import cells
from valuation.segments.reading import paces, read_workshops

MONDAY = date(2024, 12, 30)


@pytest.fixture
def client_of(client_of):
    """Clients who read English."""

    def of(*arguments):
        client = client_of(*arguments)
        client.cookies["django_language"] = "en"
        return client

    return of


@pytest.fixture
def scored(portfolio):
    """Four customers at S1 besides the portfolio's, of known risk, grade and due date."""
    cache.clear()
    group = portfolio.group
    found = {}
    with entered(group.system):
        Score.objects.filter(score_set=portfolio.score_set).update(risk="low", grade="B")
        fit = make_fit(portfolio.score_set, "LUX/more")
        for name, values in {
            "赵一": {"risk": "high", "grade": "A", "due_on": MONDAY - timedelta(days=1)},
            "钱二": {"risk": "high", "grade": "A", "due_on": MONDAY + timedelta(days=6)},
            "孙三": {"risk": "high", "grade": "D", "due_on": MONDAY + timedelta(weeks=12)},
            "李四": {"risk": "high", "grade": "A", "in_churn_population": False},
        }.items():
            customer = make_customer(group, "-S1", name)
            make_score(portfolio.score_set, fit, customer, **values)
            found[name] = customer
    return portfolio


def text_of(response) -> str:
    return response.content.decode()


def page(client, name, code="XQ-S1", query=""):
    return client.get(reverse(name, args=[code]) + query)


class TestRiskByGrade:
    def test_cells_sum_to_the_unit(self, scored, client_of):
        table = page(client_of("store_manager"), "segments").context["table"]
        assert sum(row["customers"] for row in table.rows) == table.total["customers"] == 5
        assert table.total["value_fen"] == 5 * 1_000_000
        assert table.total["margin_fen"] == 5 * 240_000

    def test_who_was_not_seen_for_two_years_is_lost_whatever_the_risk_says(self, scored):
        with entered(scored.group.system):
            grid = cells.risk_by_grade(Score.objects.filter(score_set=scored.score_set))
        assert grid["high", "A"].customers == 2
        assert grid[cells.LOST, "A"].customers == 1

    def test_a_cell_leads_to_its_customers(self, scored, client_of):
        client = client_of("store_manager")
        href = reverse("segment_customers", args=["XQ-S1"]) + "?risk=high&grade=A"
        assert href.replace("&", "&amp;") in text_of(page(client, "segments"))
        names = {line.name for line in client.get(href).context["table"].rows}
        assert names == {"赵一", "钱二"}

    @pytest.mark.parametrize("measure", ["customers", "visits", "margin_fen", "value_fen", "x"])
    def test_every_measure_draws(self, scored, client_of, measure):
        response = page(client_of("ceo"), "segments", "XQ", f"?measure={measure}")
        assert response.status_code == 200

    def test_without_scores_the_page_says_so(self, group, client_of):
        for name in ("segments", "due_calendar", "workload", "segment_customers"):
            response = page(client_of("ceo"), name, "XQ")
            assert "There are no scores yet" in text_of(response)

    def test_starts_at_the_own_unit(self, scored, client_of):
        response = client_of("store_manager").get(reverse("segments_start"))
        assert response["Location"] == reverse("segments", args=["XQ-S1"])


class TestDueCalendar:
    @pytest.mark.parametrize(
        ("day", "name"),
        [
            (MONDAY, "week0"),
            (MONDAY - timedelta(days=1), "over0"),
            (MONDAY - timedelta(weeks=4), "over0"),
            (MONDAY - timedelta(weeks=4, days=1), "over4"),
            (MONDAY - timedelta(weeks=52, days=1), "over52"),
            (MONDAY + timedelta(weeks=12, days=-1), "week11"),
            (MONDAY + timedelta(weeks=12), "later"),
        ],
    )
    def test_a_day_lies_in_its_class_and_the_class_in_its_days(self, day, name):
        assert cells.due_class(day - timedelta(days=day.weekday()), MONDAY) == name
        start, end = cells.due_range(name, MONDAY)
        assert start is None or start <= day
        assert end is None or day < end

    def test_counts_by_week_without_the_lost(self, scored, client_of):
        rows = page(client_of("store_manager"), "due_calendar").context["table"].rows
        counts = {row["name"]: row["customers"] for row in rows if row["customers"]}
        assert counts == {"over0": 1, "week0": 1, "later": 1, "unknown": 1}

    def test_every_class_lists_as_many_customers_as_it_counts(self, scored, client_of):
        client = client_of("store_manager")
        for row in page(client, "due_calendar").context["table"].rows:
            listed = client.get(row["href"]).context["table"].rows
            assert len(listed) == row["customers"], row["name"]

    def test_units_below_sum_to_the_unit(self, scored, client_of):
        below = page(client_of("ceo"), "due_calendar", "XQ").context["below"]
        for name in cells.due_classes():
            assert sum(row[name] for row in below.rows) == below.total[name]


class TestCustomers:
    def test_names_are_masked_for_the_executive(self, scored, client_of):
        response = page(client_of("ceo"), "segment_customers", "XQ", "?risk=high&grade=A")
        assert "赵**" in text_of(response)
        assert "赵一" not in text_of(response)

    def test_the_file_holds_the_same_masked_rows_and_is_on_the_trail(self, scored, client_of):
        client = client_of("analyst")
        response = page(client, "segment_csv", "XQ", "?risk=high&grade=A")
        rows = list(csv.reader(io.StringIO(text_of(response).removeprefix("\ufeff"))))
        assert sorted(row[0] for row in rows[1:]) == ["赵**", "钱**"]
        with entered(scored.group.system):
            event = AuditEvent.objects.get(action="segment.exported")
        assert event.detail["rows"] == 2

    def test_a_manager_may_not_export(self, scored, client_of):
        assert page(client_of("store_manager"), "segment_csv").status_code == 403
        assert "customers.csv" not in text_of(page(client_of("store_manager"), "segment_customers"))

    def test_another_unit_does_not_exist(self, scored, client_of):
        client = client_of("store_manager")
        for name in ("segments", "due_calendar", "workload", "segment_customers"):
            assert page(client, name, "XQ-S2").status_code == 404


@pytest.fixture
def busy(group):
    """Two stores: S1 with two visits a week for 80 weeks, S2 with one, and their scores."""
    cache.clear()
    with entered(group.system):
        score_set = make_score_set(group)
        fit = make_fit(score_set)
        for suffix, visits in (("-S1", 2), ("-S2", 1)):
            customer = make_customer(group, suffix, "王芳")
            make_score(score_set, fit, customer)
            for week in range(80):
                for number in range(visits):
                    day = MONDAY - timedelta(weeks=80 - week) + timedelta(days=number)
                    make_visit(group, customer, day, kind="repair" if number else "maintenance")
    return group, score_set


class TestWorkload:
    def test_history_is_counted_by_store_week_and_kind(self, busy):
        group, score_set = busy
        with entered(group.system):
            found = read_workshops(score_set)
        s1 = found.ids.index(group.units["-S1"].pk)
        assert found.history_weeks == 80
        assert (found.load.came[s1, 0] == 1).all()
        assert (found.load.came[s1, 1] == 1).all()
        assert found.load.first == MONDAY

    def test_the_level_is_the_curves_times_the_stores_factor(self, busy):
        """Half a visit a month by the curve; all visits of the last year are of the known."""
        group, score_set = busy
        with entered(group.system):
            load = read_workshops(score_set).load
        months = 91 / 30.4375
        assert load.expected.sum() == pytest.approx(2 * 0.5 * months, rel=0.15)

    def test_shows_weeks_with_their_interval(self, busy, client_of):
        response = page(client_of("store_manager"), "workload")
        rows = response.context["weeks_table"].rows
        assert len(rows) == 13
        assert all(row["low"] <= row["expected"] + 1 and row["high"] >= row["low"] for row in rows)
        assert response.context["stores_table"] is None

    def test_kinds_sum_to_all_work(self, busy, client_of):
        row = page(client_of("ceo"), "workload", "XQ").context["weeks_table"].rows[0]
        kinds = sum(row[name] for name in ("planned", "repair", "body", "warranty", "other"))
        assert kinds == pytest.approx(row["expected"])

    def test_a_region_sees_only_its_stores(self, busy, client_of):
        table = page(client_of("region_east"), "workload", "XQ-E").context["stores_table"]
        assert [row["store"] for row in table.rows] == ["store XQ-S1", "store XQ-S2"]

    def test_the_file_has_a_row_a_store_week_and_kind(self, busy, client_of):
        response = page(client_of("analyst"), "workload_csv", "XQ")
        rows = list(csv.DictReader(io.StringIO(text_of(response).removeprefix("\ufeff"))))
        assert len(rows) == 2 * 13 * 6
        own = [r for r in rows if r["store"] == "XQ-S1" and r["week"] == MONDAY.isoformat()]
        parts = sum(float(r["expected"]) for r in own if r["work"] != "all")
        assert parts == pytest.approx(float(own[-1]["expected"]), abs=0.05)

    def test_too_little_history_is_said(self, scored, client_of):
        """Of the portfolio only the visits of the last months."""
        with entered(scored.group.system):
            Visit.objects.filter(day__lt=date(2024, 11, 1)).delete()
        assert "Not enough history" in text_of(page(client_of("ceo"), "workload", "XQ"))


def test_the_running_week_counts_in_whole(group):
    """As of a Wednesday the two days that have passed are taken to be like the rest."""
    with entered(group.system):
        score_set = make_score_set(group)
        fit = make_fit(score_set)
        make_score(score_set, fit, make_customer(group, "-S1", "王芳"))
        (pace,) = paces(score_set, MONDAY).values()
    assert AS_OF.weekday() == 2
    assert pace == pytest.approx(np.full(13, 0.5 * 7 / 30.4375), rel=0.02)
