"""Any deal: money is conserved, and floats agree with exact fractions."""

import json
import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.valuation import exact_waterfall
from valuation.structure.analytics import analyse, break_evens, irr_monthly
from valuation.structure.deals import parse_deal
from valuation.structure.waterfall import AMOUNTS, distribute, stressed_collections

cents = st.integers(0, 5_000_000).map(lambda n: n / 100)
rates = st.integers(0, 3_000).map(lambda n: n / 10_000)


@st.composite
def tranches(draw, periods):
    balance = draw(st.integers(100, 8_000_000)) / 100
    tranche = {"balance": balance, "coupon": draw(rates)}
    if draw(st.booleans()):
        steps = draw(st.lists(st.integers(0, 100), min_size=periods, max_size=periods))
        tranche["target"] = [round(balance * step / 100, 2) for step in sorted(steps)[::-1]]
        tranche["target"] = [min(target, balance) for target in tranche["target"]]
    return tranche


triggers = st.fixed_dictionaries(
    {
        "measure": st.sampled_from(["dscr", "collections"]),
        "level": st.integers(0, 300).map(lambda n: n / 100),
        "after": st.integers(1, 3),
        "cure": st.integers(0, 3),
        "consequence": st.sampled_from(["turbo", "stop_revolving"]),
    }
)


@st.composite
def deals(draw):
    periods = draw(st.integers(1, 10))
    amounts = st.lists(cents, min_size=periods, max_size=periods)
    deal = {"A": draw(tranches(periods)), "collections": draw(amounts)}
    if draw(st.booleans()):
        deal["B"] = draw(tranches(periods))
    if draw(st.booleans()):
        deal |= {"fee_fixed": draw(cents) / 100, "fee_pct": draw(rates) / 10}
    if draw(st.booleans()):
        deal["reserve"] = {"initial": draw(cents), "pct": draw(rates), "floor": draw(cents)}
    if draw(st.booleans()):
        test = {"threshold": draw(st.integers(50, 300)) / 100, "curable": draw(st.booleans())}
        given_values = draw(st.booleans())
        test |= {"asset_value": draw(amounts)} if given_values else {"asset_rate": 0.0}
        deal["oc"] = test
    deal["ioi"] = draw(st.booleans())
    if draw(st.booleans()):
        deal["support"] = {"cap": draw(cents)}
    if periods > 1 and draw(st.booleans()):
        months = draw(st.integers(1, periods - 1))
        eligible = draw(st.integers(0, 100)) / 100
        deal["revolving"] = {"periods": months, "eligible": eligible, "price_rate": 0.0}
    if draw(st.booleans()):
        deal["triggers"] = draw(
            st.lists(triggers, max_size=3, unique_by=lambda t: (t["measure"], t["consequence"]))
        )
    return deal


@settings(max_examples=400, deadline=None)
@given(deals(), st.booleans(), st.integers(0, 99))
def test_agrees_with_exact_fractions(terms, supported, lost):
    deal = parse_deal(terms)
    received = stressed_collections(deal, haircut=lost / 100)
    result = distribute(deal, received, supported=supported)
    exact = exact_waterfall.run(terms, Fraction(lost, 100), supported=supported)
    for t, month in enumerate(exact):
        if _on_a_knife_edge(deal, month):
            return
        for name in AMOUNTS:
            assert result.amounts[name][t] == pytest.approx(float(month[name]), abs=1e-6), name
        assert result.triggered[t] == month["triggered"]
        assert result.support[t] == pytest.approx(float(month["support"]), abs=1e-6)
        assert result.reinvested[t] == pytest.approx(float(month["reinvested"]), abs=1e-6)
        assert result.collections[t] == pytest.approx(float(month["collected"]), abs=1e-6)
        for name, value in (("oc", result.oc[t]), ("dscr", result.dscr[t])):
            if month[name] is None:
                assert value is None, name
            else:
                assert value == pytest.approx(float(month[name]), rel=1e-6, abs=1e-6), name


def _on_a_knife_edge(deal, month) -> bool:
    """Whether a test is met to the last digit of a float: from then on both are right."""
    levels = [] if deal.oc is None or month["oc"] is None else [(month["oc"], deal.oc.threshold)]
    levels += [
        (value, one.level)
        for one in deal.triggers
        if (value := month["measured"][one.measure]) is not None
    ]
    return any(0 < abs(float(value) - level) < 1e-9 * max(level, 1e-6) for value, level in levels)


@settings(max_examples=1_000, deadline=None)
@given(deals(), st.booleans())
def test_money_is_conserved_in_every_period(terms, supported):
    deal = parse_deal(terms)
    result = distribute(deal, supported=supported)
    amounts = result.amounts
    reserve = deal.reserve.initial
    for t, collected in enumerate(result.collections):
        paid = sum(amounts[k][t] for k in ("fee", "a_int", "a_prin", "b_int", "b_prin", "residual"))
        change = amounts["reserve_end"][t] - reserve
        came = collected + result.support[t]
        assert came == pytest.approx(paid + change + result.reinvested[t], abs=1e-6)
        moves = amounts["reserve_topup"][t] - amounts["reserve_release"][t]
        assert change == pytest.approx(moves - amounts["reserve_draw"][t], abs=1e-6)
        assert min(amounts[k][t] for k in AMOUNTS) >= 0.0
        assert min(result.support[t], result.reinvested[t]) >= 0.0
        reserve = amounts["reserve_end"][t]
    assert reserve == 0.0
    if supported and deal.support is not None:
        assert sum(result.support) <= deal.support.cap * (1 + 1e-9) + 1e-9


@settings(max_examples=200, deadline=None)
@given(deals())
def test_support_leaves_a_no_worse(terms):
    deal = parse_deal(terms)
    alone, helped = distribute(deal), distribute(deal, supported=True)
    if "revolving" not in terms and "triggers" not in terms and "oc" not in terms:
        assert helped.amounts["a_bal"][-1] <= alone.amounts["a_bal"][-1] + 1e-6
    if "support" not in terms:
        assert helped.amounts == alone.amounts


class TestClosedForms:
    """Break-evens that follow from a line of algebra."""

    def test_turbo_without_coupon_needs_its_balance(self):
        deal = parse_deal({"A": {"balance": 60.0, "coupon": 0.0}, "collections": [50.0, 50.0]})
        assert break_evens(deal)["a_breakeven_haircut"] == pytest.approx(0.40, abs=1e-8)

    def test_one_month_needs_balance_interest_and_fees(self):
        terms = {
            "A": {"balance": 60.0, "coupon": 0.12},
            "B": {"balance": 20.0, "coupon": 0.24},
            "fee_fixed": 1.0,
            "fee_pct": 0.02,
            "collections": [100.0],
        }
        found = break_evens(parse_deal(terms))
        # c (1 - h) (1 - 2%) = 1 + 60.6 and B's interest of 0.4, which goes before A's principal.
        assert found["a_breakeven_haircut"] == pytest.approx(1 - 62.0 / 98, abs=1e-8)
        assert found["b_breakeven_haircut"] == pytest.approx(1 - 82.0 / 98, abs=1e-8)
        assert found["a_breakeven_multiple"] == pytest.approx(98 / 62.0, abs=1e-6)

    def test_interest_that_must_be_on_time_needs_every_month(self):
        deal = parse_deal({"A": {"balance": 100.0, "coupon": 0.12}, "collections": [2.0, 200.0]})
        # With k kept: 2k - 1 repays in month 1, so (101 - 2k) 1.01 = 200k in month 2.
        kept = 101 * 1.01 / 202.02
        assert break_evens(deal)["a_breakeven_haircut"] == pytest.approx(1 - kept, abs=1e-8)

    def test_attrition_of_one_month(self):
        terms = {
            "A": {"balance": 45.0, "coupon": 0.0},
            "collections": [90.0],
            "survival": [0.5],
        }
        # 90 x 0.5^(m - 1) = 45.
        found = break_evens(parse_deal(terms))["a_breakeven_attrition_multiple"]
        assert found == pytest.approx(2.0, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(deals())
def test_a_break_even_is_survived_and_a_little_more_is_not(terms):
    deal = parse_deal(terms)
    figures = break_evens(deal)
    for tranche in ("a", "b"):
        haircut = figures[f"{tranche}_breakeven_haircut"]
        if haircut is None:
            late = not distribute(deal).on_time(tranche)
            assert late or (tranche == "b" and "B" not in terms)
            continue
        at = distribute(deal, stressed_collections(deal, haircut=haircut))
        assert at.on_time(tranche)
        if haircut < 1.0:
            beyond = stressed_collections(deal, haircut=min(haircut + 1e-6, 1.0))
            assert not distribute(deal, beyond).on_time(tranche)


@settings(max_examples=100, deadline=None)
@given(
    balance=st.floats(0.01, 1e13),
    coupon=st.floats(0, 0.999),
    collections=st.lists(st.sampled_from([0.0, 0.01, 1.0, 1e6, 1e13]), min_size=1, max_size=40),
    rate=st.floats(0, 0.999),
)
def test_extreme_deals_have_finite_figures(balance, coupon, collections, rate):
    tranche = {"balance": balance, "coupon": coupon}
    test = {"threshold": 1.0, "asset_rate": rate}
    deal = parse_deal({"A": tranche, "B": tranche, "collections": collections, "oc": test})
    json.dumps(analyse(deal, distribute(deal)), allow_nan=False)


def test_one_fen_after_fifty_years_of_nothing_has_figures():
    terms = {"A": {"balance": 1e13, "coupon": 0.0}, "collections": [0.01] + [0.0] * 599}
    deal = parse_deal(terms)
    assert analyse(deal, distribute(deal))["a_duration_years"] == pytest.approx(1 / 12)


@given(
    rate=st.floats(-0.02, 0.05),
    flows=st.lists(st.floats(0, 1e6), min_size=1, max_size=120).filter(lambda f: sum(f) > 1),
)
def test_irr_finds_the_rate_that_priced_the_flows(rate, flows):
    price = sum(flow * (1 + rate) ** -t for t, flow in enumerate(flows, start=1))
    assert irr_monthly(price, flows) == pytest.approx(rate, abs=1e-9)


def test_ten_years_with_every_break_even_in_half_a_second():
    months = 120
    terms = {
        "A": {"balance": 2e7, "coupon": 0.05},
        "B": {"balance": 3e6, "coupon": 0.08},
        "collections": [1e6 * 0.98**k for k in range(months)],
        "survival": [0.99**k for k in range(months)],
        "reserve": {"initial": 5e5, "pct": 0.02, "floor": 1e5},
        "oc": {"threshold": 1.05, "asset_rate": 0.08},
        "fee_fixed": 1000,
    }
    started = time.process_time()
    deal = parse_deal(terms)
    analyse(deal, distribute(deal))
    assert time.process_time() - started < 0.5
