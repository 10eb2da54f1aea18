"""Support, revolving period, triggers, stresses and terms: vectors that fit on paper."""

import pytest

from valuation.refusals import Refused
from valuation.structure.analytics import analyse
from valuation.structure.collections import Collections
from valuation.structure.deals import parse_deal
from valuation.structure.stresses import Loss, Stress, library, stressed
from valuation.structure.study import Study
from valuation.structure.terms import Terms, deal_json, parse_terms, percentage, schedule
from valuation.structure.waterfall import distribute


def deal(**more):
    terms = {"A": {"balance": 100.0, "coupon": 0.12, "target": [50.0, 0.0]}}
    return parse_deal(terms | {"collections": [41.0, 50.5]} | more)


class TestSupport:
    def test_makes_good_what_a_falls_short_of(self):
        # 1: interest 1, principal 40 of 50, so 10 is made good; 2: interest .5, principal 50.
        result = distribute(deal(support={"cap": 30.0}), supported=True)
        assert result.support == pytest.approx([10.0, 0.0])
        assert result.amounts["a_bal"] == pytest.approx([50.0, 0.0])

    def test_ends_at_its_cap(self):
        result = distribute(deal(support={"cap": 4.0}), supported=True)
        assert result.support == pytest.approx([4.0, 0.0])
        assert result.amounts["a_bal"][0] == pytest.approx(56.0)

    def test_headline_figures_leave_it_out(self):
        supported = deal(support={"cap": 30.0})
        figures = analyse(supported, distribute(supported))
        assert not figures["a_fully_paid_on_time"]
        assert figures["supported"]["a_fully_paid_on_time"]
        assert figures["supported"]["support_drawn"] == pytest.approx(10.0)


class TestRevolving:
    def test_buys_at_the_plans_price_and_repays_later(self):
        terms = {
            "A": {"balance": 50.0, "coupon": 0.0},
            "collections": [40.0, 40.0, 40.0],
            "revolving": {"periods": 1, "eligible": 0.75, "price_rate": 0.0},
        }
        result = distribute(parse_deal(terms))
        # 30 of 40 buy a quarter of the plan's 120: 10 more in months 2 and 3.
        assert result.reinvested == pytest.approx([30.0, 0.0, 0.0])
        assert result.collections == pytest.approx((40.0, 50.0, 50.0))
        assert result.amounts["residual"] == pytest.approx([10.0, 0.0, 50.0])

    def test_a_trigger_ends_it_for_good(self):
        terms = {
            "A": {"balance": 50.0, "coupon": 0.0},
            "collections": [40.0, 40.0, 40.0, 40.0],
            "revolving": {"periods": 3, "eligible": 1.0, "price_rate": 0.0},
            "triggers": [{"measure": "collections", "level": 0.9, "consequence": "stop_revolving"}],
        }
        result = distribute(parse_deal(terms), (40.0, 10.0, 40.0, 40.0))
        assert result.reinvested[0] > 0
        assert result.reinvested[1:] == [0.0, 0.0, 0.0]
        assert result.tripped == [[False, True, True, True]]

    def test_must_leave_a_month_to_repay(self):
        with pytest.raises(Refused) as refused:
            deal(revolving={"periods": 2, "price_rate": 0.0})
        assert refused.value.refusals[0].field == "revolving.periods"


class TestTriggers:
    def run(self, *collections, **trigger):
        terms = {
            "A": {"balance": 100.0, "coupon": 0.0, "target": [90.0, 80.0, 70.0, 60.0, 50.0]},
            "collections": [20.0] * 5,
            "triggers": [{"measure": "dscr", "level": 1.0, **trigger}],
        }
        return distribute(parse_deal(terms), collections)

    def test_trips_after_months_running_and_is_cured(self):
        result = self.run(5.0, 5.0, 40.0, 60.0, 20.0, after=2, cure=1)
        assert result.tripped == [[False, True, False, False, False]]
        assert result.triggered == result.tripped[0]

    def test_is_irrevocable_without_a_cure(self):
        result = self.run(5.0, 40.0, 20.0, 20.0, 20.0)
        assert result.tripped == [[True] * 5]

    @pytest.mark.parametrize(
        ("trigger", "field"),
        [
            ({"measure": "weather", "level": 1}, "triggers[0].measure"),
            ({"measure": "dscr"}, "triggers[0].level"),
            ({"measure": "dscr", "level": 125}, "triggers[0].level"),
            ({"measure": "dscr", "level": 1, "after": 0}, "triggers[0].after"),
            ({"measure": "dscr", "level": 1, "consequence": "panic"}, "triggers[0].consequence"),
        ],
    )
    def test_refused_by_name(self, trigger, field):
        with pytest.raises(Refused) as refused:
            deal(triggers=[trigger])
        assert field in {one.field for one in refused.value.refusals}

    def test_the_same_one_twice(self):
        with pytest.raises(Refused):
            deal(triggers=[{"measure": "dscr", "level": 1}] * 2)


class TestStresses:
    AMOUNTS, SURVIVAL = (100.0, 100.0, 100.0), (1.0, 0.8, 0.5)

    @pytest.mark.parametrize(
        ("stress", "expected"),
        [
            (Stress(), (100, 100, 100)),
            (Stress(attrition=2), (100, 80, 50)),
            (Stress(margin=0.2), (80, 80, 80)),
            (Stress(volume=0.5, margin=0.2), (40, 40, 40)),
            (Stress(delay=1), (0, 100, 100)),
            (Stress(delay=5), (0, 0, 0)),
            (Stress(store=Loss(0.3, 2)), (100, 70, 70)),
            (Stress(brand=Loss(1.0, 3)), (100, 100, 0)),
        ],
    )
    def test_by_hand(self, stress, expected):
        assert stressed(self.AMOUNTS, self.SURVIVAL, stress) == pytest.approx(expected)

    @pytest.mark.parametrize(
        ("stress", "field"),
        [
            (Stress(attrition=11), "attrition"),
            (Stress(margin=20), "margin"),
            (Stress(delay=-1), "delay"),
            (Stress(store=Loss(0.5, 0)), "store.month"),
        ],
    )
    def test_refused_by_name(self, stress, field):
        with pytest.raises(Refused) as refused:
            stressed(self.AMOUNTS, self.SURVIVAL, stress)
        assert refused.value.refusals[0].field == field

    def test_months_of_a_loss_of_nothing_stress_nothing(self):
        assert Stress(store=Loss(0.0, 13)).is_base
        assert not Stress(store=Loss(0.1, 13)).is_base

    def test_the_library_without_survival_has_no_attrition(self):
        assert all(one.stress.attrition == 1 for one in library(0.5, 0.5, with_survival=False))


class TestTerms:
    @pytest.mark.parametrize("profile", ["sculpted", "level", "balloon"])
    def test_schedules_fall_to_nothing(self, profile):
        targets = schedule(60.0, profile, 4, [30.0, 25.0, 20.0, 15.0, 10.0], 0.08)
        assert targets is not None
        assert all(a >= b for a, b in zip([60.0, *targets], targets, strict=False))
        assert targets[3:] == [0.0, 0.0]

    def test_level_by_hand(self):
        assert schedule(60.0, "level", 3, [1.0] * 3, 0.0) == pytest.approx([40.0, 20.0, 0.0])

    def test_the_originator_keeps_five_percent(self):
        with pytest.raises(Refused) as refused:
            parse_terms({"a_share": 0.8, "b_share": 0.16})
        assert refused.value.refusals[0].field == "b_share"
        assert parse_terms({"a_share": 0.8, "b_share": 0.15}).b_share == 0.15

    @pytest.mark.parametrize(
        ("data", "field"),
        [
            ({"a_coupon": 6.0}, "a_coupon"),
            ({"a_share": -0.1}, "a_share"),
            ({"horizon": 0}, "horizon"),
            ({"horizon": 601}, "horizon"),
            ({"profile": "bullet"}, "profile"),
            ({"dscr_after": 0}, "dscr_after"),
            ({"colour": 1}, "colour"),
        ],
    )
    def test_refused_by_name(self, data, field):
        with pytest.raises(Refused) as refused:
            parse_terms(data)
        assert refused.value.refusals[0].field == field

    def test_every_switch_reaches_the_deal(self):
        terms = Terms(horizon=6, support=True, revolving=2, dscr=1.2, plan=0.9, months=3)
        deal = parse_deal(deal_json(terms, [100.0] * 6))
        assert deal.support is not None
        assert deal.revolving is not None
        assert [one.consequence for one in deal.triggers] == ["turbo", "stop_revolving"]
        assert deal.senior.target is not None
        assert deal.senior.target[1] == deal.senior.balance

    @pytest.mark.parametrize(("typed", "fine"), [(5, True), (0, True), (0.05, False), (600, False)])
    def test_percentages(self, typed, fine):
        found = percentage("coupon", typed, 0.005, 0.36)
        assert (found == typed / 100) is fine


def test_headroom_is_the_lowest_value_less_the_level():
    study = Study(Terms(horizon=24, months=12), Collections("x", (100.0,) * 24))
    found = study.triggers[0]
    known = [ratio for ratio in study.run.oc if ratio is not None]
    assert found.headroom == pytest.approx(min(known) - 1.10)
    assert found.first is None
