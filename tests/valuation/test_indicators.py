"""Indicators, bands and decisions beyond the course's own cases."""

import pytest

from valuation.bands import DEFAULT_SCALES, Band, Scale, parse_scale
from valuation.calculators.decisions import campaign, implied_rate, lock_in
from valuation.calculators.excess_earnings import excess_earnings, tax_amortisation_factor
from valuation.indicators import formulas as indicators
from valuation.multiples import comparable_range, regression_multiple
from valuation.refusals import Refused
from valuation.traps import leaky_bucket, over_optimistic, redefined, vanity_totals


class TestFiguresThatDoNotExist:
    @pytest.mark.parametrize(
        "figure",
        [
            indicators.growth(5, 0),
            indicators.cagr(0, 5, 3),
            indicators.retention(0, 0),
            indicators.price_to_earnings(12, -1),
            indicators.roic(1, 5, -6),
            indicators.net_promoter_score([]),
            indicators.payback_months(100, [1.0] * 12),
            indicators.acquisition_cost(100, 0),
        ],
    )
    def test_are_none_and_not_zero(self, figure):
        assert figure is None


class TestFormulas:
    def test_organic_growth_leaves_out_what_was_bought(self):
        assert indicators.organic_growth(150, 100, acquired=30) == pytest.approx(0.2)

    def test_payback_is_the_first_month_that_covers_the_cost(self):
        assert indicators.payback_months(300, [100.0] * 12) == 3
        assert indicators.payback_months(300, [100.0] * 12, [0.99] * 12) == 4

    def test_absorption_return_and_renewal(self):
        assert indicators.absorption(80, 100) == 0.8
        assert indicators.return_rate(76, 100) == 0.76
        assert indicators.renewal_rate(195, 419) == pytest.approx(0.4654, abs=1e-4)

    @pytest.mark.parametrize("score", [11, -1, 7.5, True, "9"])
    def test_scores_outside_the_question_are_refused(self, score):
        with pytest.raises(Refused, match="0 to 10"):
            indicators.net_promoter_score([9, score])


class TestBands:
    def test_every_real_number_has_one_band_on_scales_without_gaps(self):
        for name in ("retention", "ndr", "ebitda_margin", "roic", "ltv_cac", "nps"):
            scale = DEFAULT_SCALES[name]
            ends = {end for band in scale.bands for end in (band.low, band.high)}
            for value in [end + step for end in ends for step in (-1e-9, 0, 1e-9)]:
                if abs(value) != float("inf"):
                    assert sum(band.holds(value) for band in scale.bands) == 1, (name, value)

    def test_no_value_has_no_band(self):
        assert DEFAULT_SCALES["nps"].find(None) is None

    def test_a_group_may_edit_them(self):
        rows = [
            {"name": "good", "level": "good", "low": 0.76},
            {"name": "low", "level": "improve", "high": 0.76},
        ]
        scale = parse_scale("retention", rows)
        assert [scale.find(v).level for v in (0.76, 0.759)] == ["good", "improve"]

    @pytest.mark.parametrize(
        ("row", "words"),
        [
            ({"name": "x", "level": "superb"}, r"retention\[0\]\.level"),
            ({"level": "good"}, r"retention\[0\]\.name is missing"),
            ({"name": "x", "level": "good", "low": "0.8"}, r"retention\[0\]\.low"),
        ],
    )
    def test_edits_are_refused_by_place(self, row, words):
        with pytest.raises(Refused, match=words):
            parse_scale("retention", [row])

    def test_overlapping_bands_are_refused(self):
        with pytest.raises(Refused, match="overlaps"):
            Scale("x", (Band("a", "good", 0.5), Band("b", "fair", 0.2, 0.6)))


class TestRegression:
    def test_negative_growth_in_whole_percent_is_accepted(self):
        value = regression_multiple(growth=-5, gross_margin=30, roic=0, nps=-20)
        assert value == pytest.approx(0.5 - 0.4 + 4.5 - 0.4)

    def test_a_margin_of_one_is_taken_for_a_fraction(self):
        with pytest.raises(Refused, match="write 30 for 30%"):
            regression_multiple(growth=30, gross_margin=1, roic=25, nps=80)

    def test_comparables_must_be_positive(self):
        with pytest.raises(ValueError, match="positive"):
            comparable_range([8, -1])


class TestAlarms:
    def test_a_sound_business_raises_none(self):
        figures = {"growth": 0.3, "retention": 0.9, "retention_before": 0.88, "new_share": 0.4}
        assert leaky_bucket(**figures) == ()

    def test_reasons_are_sentences(self):
        reasons = leaky_bucket(growth=0.2, retention=0.5, retention_before=0.6, new_share=0.7)
        assert [str(one) for one in reasons] == [
            "New customers are 70.0% of all, more than 60%.",
            "Growth is 20.0% while retention falls to 50.0%.",
            "Growth is 20.0% on a retention of only 50.0%.",
        ]

    def test_two_fast_years_are_no_alarm(self):
        assert over_optimistic([0.6, 0.6, 0.4, 0.6], 0.3, 0.4) == ()

    def test_totals_without_their_twin(self):
        twins = {"outlets": "revenue_per_outlet", "staff": "revenue_per_head"}
        alarms = vanity_totals(["outlets", "staff", "revenue_per_head"], twins)
        assert [alarm.field for alarm in alarms] == ["outlets"]

    def test_definitions_that_changed(self):
        alarms = redefined({"retention": "12 months"}, {"retention": "24 months", "nps": "all"})
        assert [alarm.field for alarm in alarms] == ["retention"]


class TestDecisions:
    def test_tax_amortisation_factor(self):
        assert tax_amortisation_factor(0.25, 0.12, 15) == pytest.approx(1.12805, abs=5e-6)

    def test_excess_earnings_by_hand(self):
        # 100 x 1 x 20% x 75% - 5 = 10 after half a year, 100 x .5 x 15% - 5 = 2.5 a year later.
        value = excess_earnings(
            [100, 100], [1.0, 0.5], [5, 5], ebita_margin=0.2, tax=0.25, rate=0.21
        )
        assert value == pytest.approx(10 / 1.1 + 2.5 / 1.331)

    def test_half_of_a_campaign_would_have_come_anyway(self):
        result = campaign(1000, 12_000, 5_000_000, discount_factor=0.8, incrementality=0.5)
        assert result.net == pytest.approx(-200_000)
        assert result.break_even_customers == 1042

    def test_a_warranty_at_its_break_even_cost_gains_nothing(self):
        free = lock_in(300_000, (12_000, 15_000), (0.65, 0.90))
        paid = lock_in(300_000, (12_000, 15_000), (0.65, 0.90), free.break_even_cost)
        assert paid.net == pytest.approx(0, abs=1e-3)
        effects = free.retention_effect + free.value_effect + free.joint_effect
        assert effects == pytest.approx(free.increment)

    def test_percentages_are_refused(self):
        with pytest.raises(Refused, match="retention"):
            lock_in(300_000, (12_000, 15_000), (65, 90))

    def test_payments_that_do_not_add_up_have_no_rate(self):
        with pytest.raises(ValueError, match="not worth"):
            implied_rate(1_000, 10, 12)
