"""Recording indicators, their page, bands and moat entries; tasks up to their measured effect."""

from datetime import date, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from customers.models import Task, TaskMeasurement
from organization.access import Access, entered
from organization.models import Unit
from tests.factories import add_person, make_visit
from tests.valuation.score_sets import AS_OF
from tests.valuation.test_lineage import add_books
from valuation.improvement.measuring import measure_due_tasks
from valuation.indicators import recording
from valuation.indicators.definitions import DEFINITIONS
from valuation.indicators.recording import NothingToRecord, record
from valuation.indicators.records import BandSet, IndicatorRun, MoatInput, UnitIndicators
from valuation.traps import REDEFINED

MONTH = date(2024, 12, 1)


@pytest.fixture
def recorded(portfolio, valued):
    record(portfolio.group.system, reason="test")
    return portfolio


def figures(portfolio, suffix: str, month: date = MONTH) -> dict:
    with entered(portfolio.group.system):
        rows = UnitIndicators.objects.filter(unit=portfolio.group.units[suffix], month=month)
        return rows.order_by("-run").first().figures


def page(client, code: str = "XQ", **query):
    return client.get(reverse("unit_indicators", args=[code]), query)


class TestRecording:
    def test_every_unit_and_month(self, recorded):
        with entered(recorded.group.system):
            units = Unit.objects.count()
            assert UnitIndicators.objects.count() == 25 * units

    def test_figures_of_the_valuations_month_are_its_own(self, recorded, valued):
        """As of 1 January the year to December is the valuation's own window."""
        with entered(recorded.group.system):
            own = valued.units.get(unit=recorded.group.units[""]).counters
            row = UnitIndicators.objects.get(unit=recorded.group.units[""], month=MONTH)
        for name in ("opening", "retained", "base", "returned", "new", "ndr_now_fen"):
            assert row.counters[name] == own[name]

    def test_children_add_up(self, recorded):
        with entered(recorded.group.system):
            rows = {
                row.unit.code: row.counters
                for row in UnitIndicators.objects.filter(month=MONTH).select_related("unit")
            }
        for name in ("active", "opening", "month_visits", "month_revenue_fen", "ndr_opening_fen"):
            parts = sum(rows[code].get(name, 0) for code in ("XQ-LUX", "XQ-JV"))
            assert rows["XQ"][name] == parts

    def test_nothing_new_adds_no_row(self, recorded):
        assert record(recorded.group.system, reason="again").rows == 0

    def test_a_late_order_adds_a_row_and_keeps_the_former(self, recorded):
        group = recorded.group
        with entered(group.system):
            make_visit(group, recorded.steady, date(2024, 12, 20))
        assert record(group.system, reason="after import").rows > 0
        with entered(group.system):
            rows = UnitIndicators.objects.filter(unit=group.units["-S1"], month=MONTH)
            kept = [row.figures["visits"] for row in rows.order_by("run")]
        assert kept == [1, 2]

    def test_a_changed_definition_is_recorded_again_for_all_months(self, recorded, monkeypatch):
        versions = recording.versions() | {"retention": "2·changed"}
        monkeypatch.setattr(recording, "versions", lambda: versions)
        found = record(recorded.group.system, reason="new definition")
        assert found.months == 25
        assert found.run.definitions["retention"] == "2·changed"

    def test_without_a_valuation(self, portfolio):
        with pytest.raises(NothingToRecord, match="no valuation yet"):
            record(portfolio.group.system, reason="test")
        with pytest.raises(CommandError) as refused:
            call_command("indicators", group="XQ")
        assert refused.value.returncode == 2

    def test_is_written_once(self, recorded):
        with entered(recorded.group.system), pytest.raises(Exception, match="permission denied"):
            UnitIndicators.objects.update(digest="x")


class TestPage:
    @pytest.mark.parametrize("person", ["ceo", "auditor", "analyst", "store_manager"])
    def test_starts_at_the_own_unit(self, recorded, client_of, person):
        assert client_of(person).get(reverse("indicators")).status_code == 200

    @pytest.mark.parametrize("person", ["advisor", "steward", "admin"])
    def test_needs_the_capability(self, recorded, client_of, person):
        assert client_of(person).get(reverse("indicators")).status_code == 403

    def test_before_anything_is_recorded(self, portfolio, client_of):
        assert "尚无指标记录" in page(client_of("ceo")).content.decode()

    @pytest.mark.parametrize("month", ["1999-01", "nonsense", "2024-13"])
    def test_a_month_that_was_not_recorded(self, recorded, client_of, month):
        assert page(client_of("ceo"), month=month).status_code == 404

    @pytest.mark.parametrize("by", ["operations", "growth", "profit", "moat", "nonsense"])
    def test_parts_by_dimension_foot_with_the_unit(self, recorded, client_of, by):
        table = page(client_of("ceo"), by=by).context["parts"]
        assert table.total.unit.code == "XQ"
        assert {row.unit.code for row in table.rows} == {"XQ-LUX", "XQ-JV"}

    def test_missing_books_are_said(self, portfolio, valued, client_of):
        with entered(portfolio.group.system):
            add_books(portfolio.group, "-S1", 30, without=(5,))
        record(portfolio.group.system, reason="test")
        response = page(client_of("ceo"), "XQ-S1")
        assert response.context["missing"] == ["2024-07"]
        lines = {
            one.definition.key: one for _l, rows in response.context["sections"] for one in rows
        }
        assert lines["gross_margin"].value is None
        assert "2024-07" in lines["gross_margin"].why_none
        parent = page(client_of("ceo"), "XQ-E").context["sections"]
        (margin,) = [o for _l, rows in parent for o in rows if o.definition.key == "gross_margin"]
        assert "XQ-S1" in margin.lacking

    def test_the_traps_are_named(self, recorded, client_of):
        alarms = page(client_of("ceo")).context["alarms"]
        assert {"comparables", "vanity"} <= {one.trap for one in alarms}

    def test_a_definition_that_changed_between_months_is_an_alarm(
        self, recorded, client_of, monkeypatch
    ):
        group = recorded.group
        versions = recording.versions() | {"retention": "2·changed"}
        monkeypatch.setattr(recording, "versions", lambda: versions)
        monkeypatch.setattr(recording, "_complete", lambda newest, month: True)
        with entered(group.system):
            make_visit(group, recorded.steady, date(2024, 12, 20))
        record(group.system, reason="test")
        alarms = page(client_of("ceo")).context["alarms"]
        assert [one.metric for one in alarms if one.reason.msgid == REDEFINED] == [""]

    def test_queries_do_not_grow_with_units_and_months(self, recorded, client_of):
        client = client_of("ceo")
        page(client)
        with CaptureQueriesContext(connection) as few:
            page(client)
        with entered(recorded.group.system):
            for number in range(5):
                Unit.objects.create(
                    tenant=recorded.group.tenant,
                    code=f"XQ-N{number}",
                    name="new",
                    level="store",
                    parent=recorded.group.units["-N"],
                    path=[*recorded.group.units["-N"].path, 10**6 + number],
                )
        with CaptureQueriesContext(connection) as many:
            page(client)
        assert len(many) == len(few) <= 20


class TestBands:
    def store(self, client, **values):
        given = {"indicator": "retention", "good": "70", "fair": "50", "reason": "luxury brands"}
        return client.post(
            reverse("store_bands"), {**given, "division": "", "car_age": "", **values}
        )

    def band(self, client, code: str) -> str | None:
        sections = page(client, code).context["sections"]
        (line,) = [o for _l, rows in sections for o in rows if o.definition.key == "retention"]
        return line.band.level if line.band else None

    def test_a_division_may_have_its_own(self, recorded, client_of):
        client = client_of("ceo")
        lux = recorded.group.units["-LUX"].pk
        assert self.store(client, division=lux, good="101", fair="100").status_code == 302
        assert self.band(client, "XQ-S1") == "fair"
        assert self.band(client, "XQ-S4") == "good"

    def test_changes_are_kept_with_their_reason(self, recorded, client_of):
        client = client_of("analyst")
        self.store(client)
        self.store(client, good="", fair="", reason="back to the course")
        assert self.band(client, "XQ-S1") == "good"
        text = client.get(reverse("indicator_bands")).content.decode()
        assert "luxury brands" in text
        assert "back to the course" in text

    @pytest.mark.parametrize(
        "wrong",
        [
            {"good": "50", "fair": "70"},
            {"good": "70", "fair": ""},
            {"indicator": "new_share"},
            {"reason": "short"},
            {"car_age": "0-99"},
            {"good": "many"},
        ],
    )
    def test_what_cannot_be_is_refused(self, recorded, client_of, wrong):
        assert self.store(client_of("ceo"), **wrong).status_code == 400
        with entered(recorded.group.system):
            assert not BandSet.objects.exists()

    @pytest.mark.parametrize("person", ["store_manager", "auditor"])
    def test_are_the_groups_to_change(self, recorded, client_of, person):
        assert self.store(client_of(person)).status_code == 403


class TestMoat:
    def enter(self, client, **values):
        given = {
            **{"indicator": "price_premium", "above": "1800", "below": "1200"},
            **{"month": "2024-06-01", "source": "price survey", "reason": "asked twelve shops"},
        }
        return client.post(reverse("moat_inputs", args=["XQ-S1"]), {**given, **values})

    def test_an_entry_holds_from_its_month_on(self, recorded, client_of):
        assert self.enter(client_of("ceo")).status_code == 302
        record(recorded.group.system, reason="test", restate_all=True)
        assert figures(recorded, "-S1")["price_premium"] == 0.5
        assert figures(recorded, "-S1", date(2024, 5, 1))["price_premium"] is None
        assert figures(recorded, "")["price_premium"] is None

    def test_the_newest_counts_and_the_former_stay(self, recorded, client_of):
        client = client_of("ceo")
        self.enter(client)
        self.enter(client, above="1500", reason="asked again in autumn")
        record(recorded.group.system, reason="test")
        assert figures(recorded, "-S1")["price_premium"] == 0.25
        with entered(recorded.group.system):
            assert [one.author for one in MoatInput.objects.all()] == ["ceo@xq"] * 2

    @pytest.mark.parametrize(
        "wrong",
        [
            {"below": ""},
            {"below": "0"},
            {"above": "-1"},
            {"indicator": "referral", "above": "5", "below": "4"},
            {"month": "2099-01-01"},
            {"source": ""},
        ],
    )
    def test_what_cannot_be_is_refused(self, recorded, client_of, wrong):
        assert self.enter(client_of("ceo"), **wrong).status_code == 400


class TestTasks:
    TODAY = timezone.localdate()

    def make(self, client, code: str = "XQ-S1", key: str = "retention", **values):
        address = reverse("new_task", args=[code, key])
        opened = client.get(address)
        given = {
            "title": "Call those who are due",
            "owner": opened.context["form"]["owner"].value() if opened.context else "",
            "due_on": str(self.TODAY + timedelta(days=10)),
            "measure_on": str(self.TODAY + timedelta(days=60)),
            **values,
        }
        return client.post(address + "?why=peers", given)

    def task(self, portfolio) -> Task:
        with entered(portfolio.group.system):
            return Task.objects.select_related("unit").get()

    def test_is_made_of_a_figure_with_its_baseline(self, recorded, client_of):
        assert self.make(client_of("region_east")).status_code == 302
        task = self.task(recorded)
        assert (task.metric, task.baseline, task.baseline_month) == ("retention", 1, MONTH)
        assert task.anomaly == "peers"

    @pytest.mark.parametrize("days", [{"due_on": "2020-01-01"}, {"measure_on": "2020-01-01"}])
    def test_days_that_cannot_be_are_refused(self, recorded, client_of, days):
        assert self.make(client_of("ceo"), **days).status_code == 400

    def test_there_is_one_at_a_time(self, recorded, client_of):
        client = client_of("ceo")
        self.make(client)
        self.make(client)
        assert self.task(recorded)

    def test_done_waits_for_its_measurement(self, recorded, client_of):
        client = client_of("region_east")
        self.make(client)
        pk = self.task(recorded).pk
        assert client.post(reverse("task_done", args=[pk])).status_code == 302
        assert self.task(recorded).status == Task.Status.DONE
        assert "尚未复测" in client.get(reverse("task", args=[pk])).content.decode()

    def test_of_other_units_is_not_there(self, recorded, client_of):
        self.make(client_of("ceo"))
        pk = self.task(recorded).pk
        other = client_of("store_manager")
        assert other.get(reverse("task", args=[pk])).status_code == 200
        with entered(recorded.group.system):
            add_person(recorded.group, "manager_s4", "manager", "-S4")
        stranger = client_of("manager_s4")
        assert stranger.get(reverse("task", args=[pk])).status_code == 404
        assert stranger.post(reverse("task_done", args=[pk])).status_code == 404

    def test_the_list_shows_open_and_closed_ones(self, recorded, client_of):
        client = client_of("ceo")
        self.make(client)
        for view, count in (("open", 1), ("closed", 0), ("measured", 0), ("nonsense", 1)):
            assert len(client.get(reverse("tasks"), {"view": view}).context["lines"]) == count


class TestLoop:
    """A task measured on its day: three stores of the division stand beside it, untreated."""

    NEXT = date(2025, 2, 20)

    def with_months(self, group, own: float, others: float) -> None:
        """January as recorded later: retention of every store of the division."""
        with entered(group.system):
            run = IndicatorRun.objects.order_by("-pk").first()
            stores = {suffix: group.units[suffix] for suffix in ("-S1", "-S2", "-S3")}
            extra = Unit.objects.create(
                tenant=group.tenant,
                code="XQ-S9",
                name="ninth",
                level="store",
                parent=group.units["-W"],
                path=[],
            )
            extra.path = [*group.units["-W"].path, extra.pk]
            extra.save()
            spread = {"-S2": -0.01, "-S3": 0.0, "-S9": 0.01}
            for suffix, unit in {**stores, "-S9": extra}.items():
                after = own if suffix == "-S1" else others + spread[suffix]
                for month, value in ((date(2024, 11, 1), 0.5), (date(2025, 1, 1), after)):
                    UnitIndicators.objects.create(
                        tenant=group.tenant,
                        run=run,
                        unit=unit,
                        month=month.replace(year=month.year + 1),
                        counters={},
                        figures={"retention": value},
                        digest="x",
                    )

    def made(self, group, **values) -> Task:
        with entered(group.system):
            return Task.objects.create(
                tenant=group.tenant,
                unit=group.units["-S1"],
                title="Call",
                metric="retention",
                baseline=0.5,
                baseline_month=date(2025, 11, 1),
                due_on=date(2026, 1, 1),
                measure_on=date(2026, 2, 20),
                **values,
            )

    def measured(self, group, today: date = date(2026, 2, 20)) -> list[TaskMeasurement]:
        return measure_due_tasks(Access.system(group.tenant.pk, "test"), today)

    def test_what_worked_is_closed(self, recorded):
        group = recorded.group
        self.with_months(group, own=0.7, others=0.5)
        task = self.made(group)
        (one,) = self.measured(group)
        assert (one.verdict, one.peers) == ("worked", 3)
        assert one.effect == pytest.approx(0.2)
        with entered(group.system):
            task.refresh_from_db()
        assert (task.status, float(task.measured)) == (Task.Status.CLOSED, 0.7)

    def test_what_peers_did_as_well_is_opened_again(self, recorded):
        group = recorded.group
        self.with_months(group, own=0.6, others=0.6)
        task = self.made(group, status=Task.Status.DONE)
        (one,) = self.measured(group)
        assert one.verdict == "not_shown"
        with entered(group.system):
            task.refresh_from_db()
        assert task.status == Task.Status.REOPENED
        assert task.measure_on == date(2026, 5, 21)

    def test_peers_with_such_a_task_are_left_out(self, recorded):
        group = recorded.group
        self.with_months(group, own=0.7, others=0.5)
        self.made(group)
        with entered(group.system):
            Task.objects.create(
                tenant=group.tenant,
                unit=group.units["-S2"],
                title="Call too",
                metric="retention",
                due_on=date(2026, 1, 1),
                measure_on=date(2099, 1, 1),
            )
        (one,) = self.measured(group)
        assert (one.verdict, one.peers) == ("no_peers", 2)

    def test_not_before_its_day_and_not_twice(self, recorded):
        group = recorded.group
        self.with_months(group, own=0.7, others=0.5)
        self.made(group)
        assert self.measured(group, date(2026, 2, 19)) == []
        assert len(self.measured(group)) == 1
        assert self.measured(group) == []

    def test_a_target_that_is_reached_ahead_of_peers_closes(self, recorded):
        group = recorded.group
        self.with_months(group, own=0.51, others=0.5)
        task = self.made(group, target=0.51)
        (one,) = self.measured(group)
        assert one.verdict == "not_shown"
        with entered(group.system):
            task.refresh_from_db()
        assert task.status == Task.Status.CLOSED

    def test_the_page_tells_the_effect(self, recorded, client_of):
        group = recorded.group
        self.with_months(group, own=0.7, others=0.5)
        task = self.made(group)
        self.measured(group)
        text = client_of("ceo").get(reverse("task", args=[task.pk])).content.decode()
        assert "见效" in text
        assert "+20.0" in text


def test_definitions_are_whole():
    for key, one in DEFINITIONS.items():
        assert one.key == key
        assert str(one.formula)
        assert one.shape in ("sum", "payback") or one.denominator
    assert AS_OF > MONTH
