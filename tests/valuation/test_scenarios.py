"""Scenarios, tornado and levers: exact against changed curves, stored, refused by range."""

import numpy as np
import pytest
from django.urls import reverse

from organization.access import entered
from tests.valuation.portfolio import MONTHS, node_maps, portfolio
from valuation.cash_flows import value_customers
from valuation.discounting import discount_factors
from valuation.models import Scenario
from valuation.pool_flows import FlowAssumptions
from valuation.pools.basis import basis_of
from valuation.pools.rules import PoolRules
from valuation.pools.selection import pool_sums
from valuation.refusals import Refused
from valuation.scenarios.changes import Change, valued
from valuation.scenarios.presets import levers, preset, tornado

TERMS = FlowAssumptions(discount_factors(0.08, MONTHS), service_cost_rate=0.10, retention_cost=60.0)
MAPS = node_maps()


@pytest.fixture(scope="module")
def whole():
    return value_customers(portfolio(3_000, 4), MAPS, TERMS, 4)


def under(whole, **change) -> float:
    return valued(whole.sums, whole.cells, MAPS, TERMS, Change(**change)).value


class TestArithmetic:
    def test_no_change_is_the_value(self, whole):
        assert under(whole) == pytest.approx(whole.total_fen / 100, rel=1e-7)

    def test_discount_rate_moved_by_two_points(self, whole):
        other = FlowAssumptions(discount_factors(0.10, MONTHS), 0.10, 60.0)
        exact = value_customers(portfolio(3_000, 4), MAPS, other, 4).total_fen / 100
        assert under(whole, discount_points=2.0) == pytest.approx(exact, rel=1e-7)

    def test_mid_month_and_tax_stay(self, whole):
        factors = discount_factors(0.08, MONTHS, mid_month=True) * 0.75
        moved = discount_factors(0.06, MONTHS, mid_month=True) * 0.75
        terms = FlowAssumptions(factors, 0.10, 60.0)
        found = valued(whole.sums, whole.cells, MAPS, terms, Change(discount_points=-2.0)).value
        exact = value_customers(portfolio(3_000, 4), MAPS, FlowAssumptions(moved, 0.1, 60.0), 4)
        # The month's half stands in the factor: (1.06/1.08)^(1/24) of it is left.
        assert found == pytest.approx(exact.total_fen / 100, rel=1e-3)

    def test_costs(self, whole):
        other = FlowAssumptions(TERMS.discount, 0.15, 90.0)
        exact = value_customers(portfolio(3_000, 4), MAPS, other, 4).total_fen / 100
        assert under(whole, service_cost_points=5.0, retention_cost=1.5) == pytest.approx(exact)

    def test_attrition_of_customers_lost_alike(self):
        """Where everybody of a cell is lost at one rate, S^m is exact for alive lines."""
        whole = value_customers(portfolio(3_000, 4), MAPS, TERMS, 4)
        more = valued(whole.sums, whole.cells, MAPS, TERMS, Change(attrition=1.2)).value
        exact = value_customers(portfolio(3_000, 4, attrition=1.2), MAPS, TERMS, 4).total_fen / 100
        # Visits are an integral of survival within the month, customers of a cell differ.
        assert more == pytest.approx(exact, rel=0.02)

    @pytest.mark.parametrize("field", ["margin", "volume"])
    def test_margin_and_volume_scale_what_is_earned(self, whole, field):
        free = FlowAssumptions(TERMS.discount, 0.10, 0.0)
        base = valued(whole.sums, whole.cells, MAPS, free, Change()).value
        more = valued(whole.sums, whole.cells, MAPS, free, Change(**{field: 1.1})).value
        assert more == pytest.approx(1.1 * base)


class TestRanges:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("attrition", 0.0),
            ("attrition", 50),
            ("margin", 110),
            ("volume", -1),
            ("discount_points", 800),
            ("retention_cost", -0.1),
            ("margin", float("nan")),
        ],
    )
    def test_refuses_naming_the_field(self, field, value):
        with pytest.raises(Refused, match=field):
            Change(**{field: value})

    def test_a_discount_rate_below_nothing(self, whole):
        with pytest.raises(Refused, match="discount_rate"):
            under(whole, discount_points=-9.0)


@pytest.fixture
def everybody(portfolio, valued):
    with entered(portfolio.group.system):
        basis = basis_of(valued)
        yield basis, pool_sums(basis, PoolRules(), list(basis.tree.stores))


class TestOfAGroup:
    def test_presets_stand_on_both_sides_of_the_base(self, everybody):
        from valuation.scenarios.changes import valued as value_under

        basis, found = everybody
        values = [
            value_under(
                found.sums, found.cells, basis.maps, basis.flows, preset(kind, basis.terms)
            ).value
            for kind in ("pessimistic", "base", "optimistic")
        ]
        assert values == sorted(values)
        assert values[1] == pytest.approx(found.value_fen / 100, rel=1e-5)

    def test_tornado_has_every_assumption_the_widest_first(self, everybody):
        basis, found = everybody
        swings = tornado(basis, found)
        assert {one.name for one in swings} >= {"attrition", "discount_rate", "tax_rate"}
        widths = [one.width for one in swings]
        assert widths == sorted(widths, reverse=True)
        tax = next(one for one in swings if one.name == "tax_rate")
        assert tax.value_at_high == pytest.approx(0.75 * tax.value_at_low)

    def test_levers(self, everybody):
        basis, found = everybody
        gains = {one.name: one for one in levers(basis, found)}
        value = found.value_fen / 100
        assert gains["customers"].gain == pytest.approx(0.01 * value, rel=1e-5)
        # Without retention cost here, 1% more visits is 1% more value.
        assert gains["visits"].gain == pytest.approx(0.01 * value, rel=1e-4)
        # Duration: 1% of the rate of 8% is 0.08 points.
        assert 0 < gains["discount_rate"].gain < 0.003 * value
        assert gains["discount_rate"].takes == pytest.approx(0.08)
        assert np.isfinite([one.gain for one in gains.values()]).all()


class TestPage:
    ADDRESS = "/value/scenarios/"

    def test_the_tornado_explains_each_mark_once(self, valued, client_of):
        figure = client_of("analyst").get("/value/scenarios/").context["tornado"]
        words = [text for _css, text in figure.legend]
        assert len(words) == len(set(words)) == 2

    def test_shows_presets_tornado_and_levers(self, valued, client_of):
        response = client_of("analyst").get(self.ADDRESS)
        assert response.status_code == 200
        assert len(response.context["table"].rows) == 3
        assert len(response.context["levers"].rows) == 7

    def test_tries_what_stands_in_the_address(self, valued, client_of):
        response = client_of("analyst").get(self.ADDRESS + "?margin=1.1&attrition=1.2")
        assert len(response.context["table"].rows) == 4

    def test_refuses_percentages(self, valued, client_of):
        response = client_of("analyst").get(self.ADDRESS + "?margin=110")
        assert len(response.context["refusals"]) == 1

    def test_stores_versions_that_nobody_changes(self, portfolio, valued, client_of):
        client = client_of("analyst")
        for margin in ("1.1", "1.2"):
            data = {"margin": margin, "name": "New price list", "reason": "agreed"}
            client.post(reverse("store_scenario"), data)
        with entered(portfolio.group.system):
            rows = Scenario.objects.order_by("version")
            assert [(one.version, one.inputs["margin"]) for one in rows] == [(1, 1.1), (2, 1.2)]

    def test_a_reason_is_needed(self, portfolio, valued, client_of):
        client_of("analyst").post(reverse("store_scenario"), {"margin": "1.1", "name": "x"})
        with entered(portfolio.group.system):
            assert not Scenario.objects.exists()
