"""Discount factors and the build-up of the rate."""

import datetime as dt

import pytest

from valuation.discounting import DiscountRate, RatePart, course_preset, discount_factors
from valuation.refusals import Refused

DAY = dt.date(2024, 9, 30)


def test_twelve_months_are_one_effective_year():
    factors = discount_factors(0.08, 24)
    assert factors[11] == pytest.approx(1 / 1.08, rel=1e-14)
    assert factors[23] == pytest.approx(1 / 1.08**2, rel=1e-14)


def test_mid_month_is_half_a_month_earlier():
    end, middle = discount_factors(0.08, 3), discount_factors(0.08, 3, mid_month=True)
    assert middle / end == pytest.approx([1.08 ** (1 / 24)] * 3)


@pytest.mark.parametrize("rate", [8, 1.0, -0.1, float("nan"), "8%"])
def test_refuses_a_rate_that_is_no_fraction(rate):
    with pytest.raises(Refused, match="discount_rate"):
        discount_factors(rate, 12)


class TestBuildUp:
    def test_course_rate_warns_below_the_cost_of_capital(self):
        preset = course_preset(DAY)
        assert preset.rate == 0.08
        (warning,) = preset.warnings()
        assert "12.00%" in str(warning)
        assert "8.00%" in str(warning)

    def test_no_warning_at_the_cost_of_capital(self):
        free = RatePart("risk_free", 0.03, "ten-year bond", DAY)
        premium = RatePart("premium", 0.09, "board", DAY)
        assert DiscountRate(free, premium, wacc=0.12).warnings() == ()

    def test_every_part_has_a_source(self):
        with pytest.raises(Refused, match=r"premium\.source is missing"):
            RatePart("premium", 0.05, " ", DAY)
