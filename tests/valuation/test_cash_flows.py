"""Flows and values of many customers: by hand, against the plain sum, and to the fen."""

import dataclasses
import time

import numpy as np
import pytest

from tests.valuation.portfolio import MONTHS, node_maps, portfolio
from valuation.cash_flows import (
    CurveMaps,
    CustomerCurves,
    FlowAssumptions,
    value_customers,
)
from valuation.discounting import discount_factors

TERMS = FlowAssumptions(discount_factors(0.08, MONTHS), service_cost_rate=0.10)


def one_customer(**changes) -> CustomerCurves:
    """Two months given directly: half a visit, then a quarter; alive .9, then .8."""
    values = {
        "expected": np.array([[0.5, 0.75]]),
        "alive": np.array([[0.9, 0.8]]),
        "curve": np.array([0]),
        "cap_month": np.array([2]),
        "anchor": np.ones((1, 2)),
        "revenue_per_visit": np.array([1000.0]),
        "margin_per_visit": np.array([400.0]),
        "accident_rate": np.array([0.12]),
        "accident_revenue": np.array([5000.0]),
        "accident_margin": np.array([2000.0]),
        "retention_cost": np.array([120.0]),
        "group": np.array([0]),
    }
    return CustomerCurves(**{**values, **changes})


TWO_MONTHS = CurveMaps(visits=np.eye(2)[None], alive=np.eye(2)[None])


def two_month_terms(service: float = 0.10) -> FlowAssumptions:
    return FlowAssumptions(np.array([0.9, 0.8]), service_cost_rate=service)


class TestByHand:
    def test_two_months(self):
        result = value_customers(one_customer(), TWO_MONTHS, two_month_terms(), 1)
        # Month 1: 0.5 x 400 + 0.01 x 0.9 x 2000 = 218; less 21.80 and 10 x 0.9 = 9: 187.20.
        # Month 2: 0.25 x 400 + 0.01 x 0.8 x 2000 = 116; less 11.60 and 8: 96.40.
        assert result.monthly.visits.tolist() == [[0.5, 0.25]]
        assert result.monthly.revenue.tolist() == [[54_500, 29_000]]
        assert result.monthly.margin.tolist() == [[21_800, 11_600]]
        assert result.monthly.cost.tolist() == [[3_080, 1_960]]
        assert result.value_fen.tolist() == [24_560]  # 0.9 x 187.20 + 0.8 x 96.40 = 245.60
        assert result.monthly.present_value.tolist() == [[16_848, 7_712]]

    def test_nothing_flows_beyond_the_cap(self):
        capped = one_customer(cap_month=np.array([1]))
        result = value_customers(capped, TWO_MONTHS, two_month_terms(), 1)
        assert result.value_fen.tolist() == [16_848]
        assert result.monthly.revenue.tolist() == [[54_500, 0]]

    def test_anchor_scales_visits_but_not_accidents(self):
        anchored = one_customer(anchor=np.array([[2.0, 5.0]]))
        result = value_customers(anchored, TWO_MONTHS, two_month_terms(), 1)
        # Both months lie within the first twelve: only the first factor applies.
        assert result.monthly.visits.tolist() == [[1.0, 0.5]]
        assert result.monthly.margin.tolist() == [[41_800, 21_600]]


def plain_values(rows: CustomerCurves, maps: CurveMaps, terms: FlowAssumptions) -> np.ndarray:
    """The definition, customer by customer and month by month."""
    values = []
    for i in range(len(rows)):
        fit = rows.curve[i]
        ends = np.concatenate([[0.0], maps.visits[fit] @ rows.expected[i]])
        alive = maps.alive[fit] @ rows.alive[i]
        total = 0.0
        for k in range(1, rows.cap_month[i] + 1):
            visits = (ends[k] - ends[k - 1]) * rows.anchor[i, 0 if k <= 12 else 1]
            margin = visits * rows.margin_per_visit[i]
            margin += rows.accident_rate[i] / 12 * alive[k - 1] * rows.accident_margin[i]
            cost = terms.service_cost_rate * margin + rows.retention_cost[i] / 12 * alive[k - 1]
            total += (margin - cost) * terms.discount[k - 1]
        values.append(total * 100)
    return np.array(values)


class TestPortfolio:
    def test_equals_the_definition_within_half_a_fen(self):
        rows, maps = portfolio(300, 4), node_maps()
        result = value_customers(rows, maps, TERMS, 4)
        assert np.abs(result.value_fen - plain_values(rows, maps, TERMS)).max() <= 0.5 + 1e-6

    def test_everything_sums_exactly(self):
        rows = portfolio(5_000, 40)
        result = value_customers(rows, node_maps(), TERMS, 40)
        assert result.group_value_fen.sum() == result.value_fen.sum() == result.total_fen
        lines = result.monthly.present_value.sum(axis=1)
        assert lines.tolist() == result.group_value_fen.tolist()

    def test_lines_are_the_flows_that_were_valued(self):
        rows = portfolio(5_000, 3)
        flows = value_customers(rows, node_maps(), TERMS, 3).monthly
        discounted = (flows.margin - flows.cost) * TERMS.discount
        assert flows.present_value == pytest.approx(discounted, abs=60)

    def test_order_of_rows_and_size_of_chunks_change_no_fen(self):
        rows, maps = portfolio(2_000, 5), node_maps()
        whole = value_customers(rows, maps, TERMS, 5)
        order = np.random.default_rng(1).permutation(len(rows))
        shuffled = CustomerCurves(
            *(getattr(rows, f.name)[order] for f in dataclasses.fields(CustomerCurves))
        )
        again = value_customers(shuffled, maps, TERMS, 5, chunk=333)
        assert (again.value_fen == whole.value_fen[order]).all()
        for line in dataclasses.fields(whole.monthly):
            before = getattr(whole.monthly, line.name)
            assert (getattr(again.monthly, line.name) == before).all(), line.name

    def test_a_group_without_customers_is_worth_nothing(self):
        result = value_customers(portfolio(50, 2), node_maps(), TERMS, 3)
        assert result.group_value_fen[2] == 0
        assert not result.monthly.present_value[2].any()

    def test_no_customers_at_all(self):
        result = value_customers(portfolio(0, 1), node_maps(), TERMS, 1)
        assert result.total_fen == 0


class TestRefusals:
    def test_a_value_that_is_no_number(self):
        with pytest.raises(ValueError, match="margin_per_visit is not finite in row 0"):
            one_customer(margin_per_visit=np.array([np.nan]))

    @pytest.mark.parametrize(("field", "value"), [("curve", 1), ("cap_month", 3), ("group", 1)])
    def test_an_index_out_of_range(self, field, value):
        rows = one_customer(**{field: np.array([value])})
        with pytest.raises(ValueError, match=field):
            value_customers(rows, TWO_MONTHS, two_month_terms(), 1)

    def test_factors_for_other_months(self):
        with pytest.raises(ValueError, match="discount factors"):
            value_customers(one_customer(), TWO_MONTHS, TERMS, 1)


def test_two_hundred_thousand_customers_take_no_coffee():
    rows, maps = portfolio(200_000, 400), node_maps()
    started = time.perf_counter()
    value_customers(rows, maps, TERMS, 400)
    assert time.perf_counter() - started < 10.0
