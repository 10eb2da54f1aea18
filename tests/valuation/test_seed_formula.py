"""The source's worked example: 100,000 customers, 5,500 yuan, 52%, 5 years, 75%, 8%."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuation.bridge import BridgeAssumptions, value_bridge
from valuation.discounting import mean_annual_factor
from valuation.refusals import Refused
from valuation.seed_formula import SeedInputs, equivalent_retention, lifetime_margin, variants

COURSE = SeedInputs(100_000, 5_500.0, 0.52, 5, 0.75, 0.08)
YI = 1e8


class TestVariants:
    @pytest.mark.parametrize(
        ("name", "yi"),
        [
            ("undiscounted", 10.725),
            ("printed", 8.569275),
            ("closed_form", 8.564363029532492),
            ("survival_year_end", 5.450213711216002),
            ("survival_first_year_certain", 7.266951614954669),
            ("survival_monthly", 6.477136453050465),
        ],
    )
    def test_course_inputs(self, name, yi):
        assert variants(COURSE)[name] / YI == pytest.approx(yi, rel=1e-12)

    def test_per_customer_margin(self):
        assert lifetime_margin(COURSE) == pytest.approx(10_725.0)

    def test_mean_factor_is_not_the_rate(self):
        assert mean_annual_factor(0.08, 5) == pytest.approx(0.798542007415617, rel=1e-14)

    def test_retention_that_averages_to_the_flat_rate(self):
        assert equivalent_retention(COURSE) == pytest.approx(0.9055933053861578, rel=1e-9)
        certain = equivalent_retention(COURSE, first_year_certain=True)
        assert certain == pytest.approx(0.8556143403465872, rel=1e-9)

    @given(retention=st.floats(0.0, 1.0), rate=st.floats(0.0, 0.5), years=st.integers(1, 30))
    def test_survival_readings_are_ordered(self, retention, rate, years):
        value = variants(SeedInputs(1_000, 2_000.0, 0.4, years, retention, rate))
        slack = 1e-6
        assert value["survival_year_end"] <= value["survival_monthly"] + slack
        assert value["survival_year_end"] <= value["closed_form"] + slack
        assert value["closed_form"] <= value["undiscounted"] + slack


class TestRefusals:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("gross_margin", 52),
            ("retention", 75.0),
            ("discount_rate", 8),
            ("discount_rate", 1),
            ("discount_rate", -0.01),
            ("discount_rate", float("nan")),
            ("years", 0),
            ("years", 2.5),
            ("years", 51),
            ("customers", -1),
            ("customers", True),
            ("annual_spend", float("inf")),
            ("annual_spend", "5500"),
        ],
    )
    def test_names_the_field(self, field, value):
        with pytest.raises(Refused) as refused:
            dataclasses.replace(COURSE, **{field: value})
        assert [refusal.field for refusal in refused.value.refusals] == [field]
        assert field in str(refused.value)

    def test_lists_every_field_at_once(self):
        with pytest.raises(Refused) as refused:
            SeedInputs(100_000, 5_500.0, 52, 5, 75, 8)
        assert len(refused.value.refusals) == 3


class TestBridge:
    def test_bars_of_the_course(self):
        bars = value_bridge(COURSE, BridgeAssumptions(service_cost_rate=0.10, tax_rate=0.25))
        amounts = [round(bar.amount_fen / 1e10, 4) for bar in bars]
        assert amounts == [10.7250, -2.1606, -3.1141, 1.0269, -0.6477, -1.4574]

    def test_tax_is_off_by_default(self):
        tax = next(bar for bar in value_bridge(COURSE) if bar.step == "tax")
        assert tax.amount_fen == 0

    def test_retention_cost_is_paid_while_alive(self):
        bars = value_bridge(COURSE, BridgeAssumptions(retention_cost=286.0))
        # 286 yuan is a tenth of the margin of 2,860 a year, so it costs what a 10% rate costs.
        assert bars[4].amount_fen == pytest.approx(-0.6477136453e10, rel=1e-9)

    @given(model=st.integers(-(10**14), 10**14), service=st.floats(0, 0.9), tax=st.floats(0, 0.5))
    def test_bars_sum_to_the_model_to_the_fen(self, model, service, tax):
        terms = BridgeAssumptions(service_cost_rate=service, tax_rate=tax)
        bars = value_bridge(COURSE, terms, model_value_fen=model)
        assert sum(bar.amount_fen for bar in bars) == model
        assert bars[-1].step == "individual_curves"
