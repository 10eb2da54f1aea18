"""Every figure of the executive pages has an address that lists rows and recomputes from them."""

from datetime import date

import pytest
from django.urls import reverse

from customers.models import Contract, MarketingSpend, MonthlyFinancials, Survey
from organization.access import Access, entered
from organization.models import AuditEvent
from tests.factories import make_customer, make_vehicle, make_visit
from tests.valuation.score_sets import AS_OF, make_fit, make_score
from tests.valuation.test_roll_forward import LATER, next_scores
from valuation.engine import create_valuation
from valuation.indicators.definitions import DEFINITIONS
from valuation.indicators.recording import record
from valuation.lineage.parts_evidence import implied_quantile
from valuation.lineage.registry import AT_VALUATION, COHORTS, FIGURES
from valuation.lineage.value_parts import STEP_FIGURES
from valuation.models import ValuedUnit
from valuation.shown import figure_address

MONTH = "2024-12"
COSTS = ("parts_cost_fen", "labour_cost_fen", "site_cost_fen", "admin_expense_fen")
REST = ("selling_expense_fen", "depreciation_fen", "amortisation_fen", "tax_fen")


def add_books(group, suffix: str, months: int, *, without: tuple[int, ...] = ()) -> None:
    """Whole books of the months before the as-of date; 0 is the last of them."""
    for back in range(months):
        if back in without:
            continue
        number = 2025 * 12 - 1 - back
        for scope in ("after_sales", "store"):
            MonthlyFinancials.objects.create(
                tenant=group.tenant,
                unit=group.units[suffix],
                month=date(number // 12, number % 12 + 1, 1),
                scope=scope,
                revenue_fen=1_000_000 - 1_000 * back,
                **dict.fromkeys(COSTS, 100_000),
                **dict.fromkeys(REST, 20_000),
                fixed_assets_fen=3_000_000,
                working_capital_fen=500_000,
                total_assets_fen=6_000_000 + 1_000 * back,
            )


@pytest.fixture
def records(portfolio):
    """The portfolio with a newcomer, books, marketing, answers and policies at S1 and S2."""
    group = portfolio.group
    with entered(group.system):
        newcomer = make_customer(group, "-S1", "赵新")
        fit = make_fit(portfolio.score_set, "LUX/new")
        make_score(portfolio.score_set, fit, newcomer, born_on=date(2024, 6, 1))
        make_visit(group, newcomer, date(2024, 6, 1), paid_fen=80_000, cost_fen=30_000)
        vehicle = make_vehicle(group, portfolio.steady, "LSVAB0000NF000001", date(2022, 5, 1))
        make_visit(group, portfolio.capped, date(2024, 12, 5), paid_fen=70_000, cost_fen=20_000)
        for suffix in ("-S1", "-S2"):
            store = group.units[suffix]
            add_books(group, suffix, 75)
            for month in (3, 9):
                MarketingSpend.objects.create(
                    tenant=group.tenant,
                    store=store,
                    month=date(2024, month, 1),
                    channel="video",
                    amount_fen=25_000,
                    purpose="new_customers",
                )
        for number, score in enumerate((10, 9, 3)):
            Survey.objects.create(
                tenant=group.tenant,
                store=group.units["-S1"],
                survey_no=f"N{number}",
                customer=portfolio.steady,
                sent_at=f"2024-11-{number + 1:02d}T02:00Z",
                day=date(2024, 11, number + 1),
                answered_at=f"2024-11-{number + 2:02d}T02:00Z",
                score=score,
            )
        for number, (start, end) in enumerate(
            [(date(2023, 2, 1), date(2024, 2, 1)), (date(2024, 2, 2), date(2025, 2, 1))]
        ):
            Contract.objects.create(
                tenant=group.tenant,
                store=group.units["-S1"],
                contract_no=f"P{number}",
                source=portfolio.steady.sources.get(),
                customer=portfolio.steady,
                vehicle=vehicle,
                type=Contract.Type.INSURANCE,
                starts_on=start,
                ends_on=end,
            )
    create_valuation(group.system, AS_OF)
    record(group.system, reason="test")
    return portfolio


def answer(client, code: str, key: str, query: str = ""):
    return client.get(reverse("figure", args=[code, key]) + (f"?{query}" if query else ""))


@pytest.mark.parametrize("code", ["XQ", "XQ-LUX", "XQ-E", "XQ-S1", "XQ-S2", "XQ-S4"])
class TestEveryFigureRecomputes:
    def check(self, client, code: str, key: str, query: str) -> None:
        response = answer(client, code, key, query)
        assert response.status_code == 200, (key, query)
        assert response.context["recomputes"], (key, query, response.context["recomputed"])

    def test_of_the_indicators(self, records, client_of, code):
        client = client_of("ceo")
        page = client.get(reverse("unit_indicators", args=[code]))
        shown = [line for _label, rows in page.context["sections"] for line in rows]
        assert {line.definition.key for line in shown} == set(DEFINITIONS)
        for line in shown:
            self.check(client, code, line.definition.key, f"at={MONTH}")

    def test_of_the_valuation(self, records, client_of, code):
        client = client_of("ceo")
        for key in AT_VALUATION:
            if key not in COHORTS:
                self.check(client, code, key, "at=valuation")

    @pytest.mark.parametrize("measure", ["retention", "revenue", "value"])
    def test_of_the_cells_of_the_heat_map(self, records, client_of, code, measure):
        client = client_of("ceo")
        page = client.get(reverse("valued_cohorts", args=[code]), {"cohort": measure})
        chart = page.context["map"]
        cells = [
            chart.href(label, number)
            for label, _size, row in chart.rows
            for number, cell in enumerate(row)
            if cell is not None
        ]
        for href in cells[:: max(len(cells) // 6, 1)]:
            response = client.get(href)
            assert response.status_code == 200
            assert response.context["recomputes"], href


class TestDashboard:
    def test_every_tile_leads_to_its_figure(self, records, client_of):
        client = client_of("ceo")
        page = client.get(reverse("valued_unit", args=["XQ"])).context
        tiles = [one.lineage for one in (*page["operating"], *page["tiles"])]
        for lineage in (*tiles, page["value_lineage"]):
            response = client.get(lineage.rows_href)
            assert response.status_code == 200
            assert response.context["recomputes"], lineage.rows_href

    def test_every_cell_of_the_league_leads_to_its_figure(self, records, client_of):
        client = client_of("ceo")
        for table in client.get(reverse("valued_unit", args=["XQ"])).context["league"]:
            for row in table.body():
                for cell in row.cells[1:]:
                    assert not cell.href or client.get(cell.href).context["recomputes"]
                assert sum(bool(cell.href) for cell in row.cells[1:]) == 5

    def test_a_tile_shows_what_its_address_shows(self, records, client_of):
        client = client_of("ceo")
        (nps,) = [
            one
            for one in client.get(reverse("valued_unit", args=["XQ"])).context["tiles"]
            if one.label == "NPS"
        ]
        assert nps.value == "33"
        assert client.get(nps.lineage.rows_href).context["value"] == "33.33"


class TestPartsOfTheValue:
    def test_the_ends_of_the_band_follow_from_its_layers(self, records, client_of):
        page = answer(client_of("ceo"), "XQ", "p5", "at=valuation")
        assert page.context["recomputes"]
        assert page.context["within"]
        valued = page.context["one"].anchor
        assert valued.figure == valued.counters["p5_fen"]
        # The error of two thousand draws is far less than the way from the value to its end.
        distance = valued.counters["value_fen"] - valued.counters["p5_fen"]
        assert implied(valued, 0.05)[1] * 3.5 < 0.2 * distance

    def test_streams_list_their_customers_and_sum_to_the_value(self, records, client_of):
        client = client_of("store_manager")
        names = ("stream_regular", "stream_accident", "stream_organisations")
        pages = [answer(client, "XQ-S1", name, "at=valuation") for name in names]
        assert "王芳" in pages[0].content.decode()
        counters = pages[0].context["one"].anchor.counters
        assert sum(counters[f"{name}_fen"] for name in names) == counters["value_fen"]

    def test_shares_are_shown_down_to_the_repair_order(self, records, client_of):
        page = answer(client_of("store_manager"), "XQ-S1", "payer_customer", "at=valuation")
        assert "RO" in page.content.decode()
        assert any("30" in str(label) for label, _value in page.context["details"])

    def test_every_step_since_the_former_valuation_recomputes(self, records, client_of):
        with entered(records.group.system):
            next_scores(records)
        create_valuation(records.group.system, LATER)
        client = client_of("ceo")
        for code in ("XQ", "XQ-S1"):
            for key in STEP_FIGURES:
                page = answer(client, code, key, "at=valuation")
                assert page.context["recomputes"], (code, key)
        bridge = client.get(reverse("valued_bridge", args=["XQ"]))
        assert reverse("figure", args=["XQ", "change_retention"]) in bridge.content.decode()

    def test_the_first_valuation_has_no_step(self, records, client_of):
        assert answer(client_of("ceo"), "XQ", "change_margin", "at=valuation").status_code == 404

    def test_the_page_of_the_unit_leads_to_each(self, records, client_of):
        page = client_of("ceo").get(reverse("valued_unit", args=["XQ"])).content.decode()
        for key in ("p5", "p95", "stream_accident", "payer_insurer", "kind_repair"):
            assert reverse("figure", args=["XQ", key]) in page, key


def implied(anchor, share: float) -> tuple[float, float]:
    with entered(Access.system(anchor.valuation.tenant_id, "test")):
        valued = ValuedUnit.objects.get(valuation=anchor.valuation, unit=anchor.unit)
    return implied_quantile(valued, share)


class TestRows:
    def test_parts_sum_to_the_parent(self, records, client_of):
        found = answer(client_of("ceo"), "XQ", "value", "at=valuation").context["listings"][0]
        rows = list(found.table.rows)
        stored = answer(client_of("ceo"), "XQ", "value", "at=valuation").context["one"].anchor
        assert sum(row["above"] for row in rows) == stored.counters["value_fen"]

    def test_repair_orders_are_named(self, records, client_of):
        page = answer(client_of("store_manager"), "XQ-S1", "output", f"at={MONTH}")
        assert "RO3" in page.content.decode()

    def test_names_are_whole_for_the_store_masked_above_and_absent_for_the_auditor(
        self, records, client_of
    ):
        def text(person: str) -> str:
            return answer(client_of(person), "XQ-S1", "retention").content.decode()

        assert "王芳" in text("store_manager")
        assert "王芳" not in text("ceo")
        assert "王**" in text("ceo")
        assert "王" not in text("auditor")
        assert str(records.steady.uid) not in text("auditor")

    def test_what_was_spent_elsewhere_is_one_line_without_a_name(self, records, client_of):
        group = records.group
        with entered(group.system):
            visit = make_visit(group, records.steady, date(2024, 10, 1), paid_fen=500_000)
            visit.store = group.units["-S4"]
            visit.save()
        create_valuation(group.system, AS_OF)
        record(group.system, reason="test", restate_all=True)
        one, whole = (
            answer(client_of(person), "XQ-S1", "ndr", f"at={MONTH}").context
            for person in ("store_manager", "ceo")
        )
        assert one["recomputes"]
        assert one["value"] == whole["value"]
        amounts = {row["customer"]: row["above"] for row in one["listings"][0].table.rows}
        assert amounts[-1] == 500_000
        assert -1 not in {row["customer"] for row in whole["listings"][0].table.rows}

    def test_records_that_changed_since_are_said(self, records, client_of):
        with entered(records.group.system):
            make_visit(records.group, records.steady, date(2024, 12, 20))
        page = answer(client_of("ceo"), "XQ-S1", "visits", f"at={MONTH}")
        assert not page.context["recomputes"]


class TestAddresses:
    @pytest.mark.parametrize(
        ("code", "key", "query"),
        [
            ("XQ", "nonsense", ""),
            ("nowhere", "retention", ""),
            ("XQ", "retention", "at=1999-01"),
            ("XQ", "retention", "at='"),
            ("XQ", "gross_margin", "at=valuation"),
            ("XQ", "cohort_retention", ""),
            ("XQ", "cohort_retention", "cohort=2024-Q9&elapsed=1"),
            ("XQ", "cohort_retention", "cohort=2024-Q1&elapsed=9999"),
        ],
    )
    def test_that_there_are_not(self, records, client_of, code, key, query):
        assert answer(client_of("ceo"), code, key, query).status_code == 404

    def test_outside_the_own_units_do_not_exist(self, records, client_of):
        client = client_of("store_manager")
        assert answer(client, "XQ-S2", "retention").status_code == 404
        assert client.get(reverse("figure_rows", args=["XQ", "retention"])).status_code == 404

    def test_every_registered_figure_has_one(self, records):
        unit = records.group.units[""]
        assert all(figure_address(unit, key) for key in FIGURES)


class TestExport:
    def rows(self, client):
        return client.get(reverse("figure_rows", args=["XQ-S1", "retention"]))

    def test_holds_the_rows_of_the_page_and_is_on_the_trail(self, records, client_of):
        response = self.rows(client_of("auditor"))
        text = response.content.decode("utf-8-sig")
        assert len(text.splitlines()) == 2
        assert "王" not in text
        with entered(records.group.system):
            event = AuditEvent.objects.get(action="figure.exported")
            assert event.detail["rows"] == 1
