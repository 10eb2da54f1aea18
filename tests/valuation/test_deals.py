"""Terms that make no sense are refused by name and range."""

import copy
import math

import pytest

from valuation.refusals import Refused
from valuation.structure.analytics import analyse
from valuation.structure.deals import parse_deal
from valuation.structure.waterfall import distribute, stressed_collections

SOUND = {
    "A": {"balance": 100.0, "coupon": 0.06, "target": [60.0, 30.0, 0.0]},
    "B": {"balance": 10.0, "coupon": 0.12},
    "collections": [50.0, 40.0, 30.0],
    "fee_fixed": 1.0,
    "fee_pct": 0.01,
    "reserve": {"initial": 5.0, "pct": 0.05, "floor": 1.0},
    "oc": {"threshold": 1.1, "curable": True, "asset_rate": 0.08},
    "ioi": True,
    "survival": [0.99, 0.97, 0.96],
}
ABSENT = object()


def changed(path: str, value) -> dict:
    deal = copy.deepcopy(SOUND)
    place = deal
    *parents, key = path.split(".")
    for parent in parents:
        place = place[parent]
    if value is ABSENT:
        del place[key]
    else:
        place[key] = value
    return deal


def refusals(deal) -> dict[str, str]:
    with pytest.raises(Refused) as refused:
        parse_deal(deal)
    return {one.field: str(one) for one in refused.value.refusals}


def test_a_sound_deal_is_accepted():
    assert parse_deal(SOUND).senior.target == (60.0, 30.0, 0.0)


@pytest.mark.parametrize(
    ("path", "value", "field", "words"),
    [
        ("A.coupon", 600, "A.coupon", "fraction from 0 to below 1"),
        ("A.coupon", 6, "A.coupon", "8% is written 0.08"),
        ("A.coupon", 1, "A.coupon", "not 1"),
        ("A.coupon", -0.01, "A.coupon", "-0.01"),
        ("A.coupon", ABSENT, "A.coupon", "missing"),
        ("A.balance", -1, "A.balance", "between 0.01 and"),
        ("A.balance", 0, "A.balance", "between 0.01 and"),
        ("A.balance", 1e14, "A.balance", "10,000,000,000,000"),
        ("A.balance", math.nan, "A.balance", "finite"),
        ("A.balance", "100", "A.balance", "must be a number"),
        ("A.balance", True, "A.balance", "must be a number"),
        ("A.balance", 10**400, "A.balance", "finite"),
        ("B.balance", -5, "B.balance", "between 0 and"),
        ("B.balance", ABSENT, "B.balance", "missing"),
        ("A.target", [60, 30], "A.target", "each of the 3 collections, not 2"),
        ("A.target", [60, 70, 0], "A.target[1]", "70 follows 60"),
        ("A.target", [110, 50, 0], "A.target[0]", "110 follows 100"),
        ("A.target", [60, -1, 0], "A.target[1]", "between 0 and"),
        ("A.target", 60, "A.target", "list of numbers"),
        ("collections", [], "collections", "1 to 600 periods, not 0"),
        ("collections", [1.0] * 601, "collections", "not 601"),
        ("collections", "50", "collections", "list of numbers"),
        ("collections", ABSENT, "collections", "missing"),
        ("collections", [50, -1, 3], "collections[1]", "between 0 and"),
        ("collections", [50, math.inf, 3], "collections[1]", "finite"),
        ("fee_pct", 2, "fee_pct", "fraction"),
        ("fee_fixed", -1, "fee_fixed", "between 0 and"),
        ("reserve.pct", 5, "reserve.pct", "fraction"),
        ("reserve.initial", None, "reserve.initial", "must be a number"),
        ("reserve", [1], "reserve", "named values"),
        ("oc.threshold", 125, "oc.threshold", "between 0 and 10"),
        ("oc.threshold", ABSENT, "oc.threshold", "missing"),
        ("oc.asset_rate", 8, "oc.asset_rate", "fraction"),
        ("oc.asset_rate", ABSENT, "oc", "exactly one of"),
        ("oc.asset_value", [1, 1, 1], "oc", "exactly one of"),
        ("oc.curable", 1, "oc.curable", "true or false"),
        ("ioi", "yes", "ioi", "true or false"),
        ("survival", [0.9, 0.95, 0.8], "survival[1]", "never rise"),
        ("survival", [0.9, 0.5, 0.0], "survival", "above 0"),
        ("A", ABSENT, "A", "missing"),
        ("fee_fix", 3, "fee_fix", "did you mean fee_fixed?"),
        ("A.cupon", 0.05, "A.cupon", "did you mean A.coupon?"),
        ("horizon", 60, "horizon", "not a known key"),
    ],
)
def test_refused_by_name(path, value, field, words):
    assert words in refusals(changed(path, value))[field]


def test_every_fault_is_named_at_once():
    deal = changed("A.coupon", 600) | {"fee_pct": 3, "B": {"balance": -1, "coupon": 0.1}}
    assert set(refusals(deal)) == {"A.coupon", "fee_pct", "B.balance"}


@pytest.mark.parametrize("data", [None, [], "deal", 3])
def test_something_that_is_no_deal(data):
    assert "named values" in refusals(data)["deal"]


class TestAbsentTranche:
    def test_b_is_optional_and_has_no_figures(self):
        deal = parse_deal({"A": {"balance": 100, "coupon": 0.0}, "collections": [60, 60]})
        figures = analyse(deal, distribute(deal))
        assert figures["a_breakeven_haircut"] == pytest.approx(1 / 6, abs=1e-9)
        assert figures["wal_b_years"] is None
        assert figures["b_breakeven_haircut"] is None
        assert figures["b_irr_monthly"] is None


class TestReserveAlone:
    def test_repays_a_without_any_collections(self):
        terms = {
            "A": {"balance": 100, "coupon": 0.0},
            "collections": [10, 10],
            "reserve": {"initial": 150, "floor": 150},
        }
        deal = parse_deal(terms)
        figures = analyse(deal, distribute(deal))
        assert figures["a_breakeven_haircut"] == 1.0
        assert figures["a_breakeven_multiple"] is None


class TestAttrition:
    def test_survival_is_raised_to_the_multiple(self):
        deal = parse_deal(SOUND)
        # Base collections hold S already, so S^m / S = S^(m - 1) is what is left of them.
        expected = [50 * 0.99, 40 * 0.97, 30 * 0.96]
        assert stressed_collections(deal, attrition_multiple=2.0) == pytest.approx(expected)

    def test_break_even_multiple(self):
        terms = {
            "A": {"balance": 72, "coupon": 0.0},
            "collections": [100, 80],
            "survival": [0.5, 0.4],
        }
        deal = parse_deal(terms)
        multiple = analyse(deal, distribute(deal))["a_breakeven_attrition_multiple"]
        left = 100 * 0.5 ** (multiple - 1) + 80 * 0.4 ** (multiple - 1)
        assert left == pytest.approx(72, abs=1e-6)

    def test_needs_a_survival_curve(self):
        deal = parse_deal(changed("survival", ABSENT))
        with pytest.raises(ValueError, match="survival"):
            stressed_collections(deal, attrition_multiple=2.0)
