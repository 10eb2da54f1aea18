"""Forecasts of an earlier day against what happened, by hand and through the page."""

import datetime

import numpy as np
import pandas as pd
import pytest
from django.urls import reverse

from ml.back_testing import _keep, origins
from ml.backtest import RUNGS, DivisionResult, back_test, what_happened
from ml.churn import ChurnConfig
from ml.configuration import DEFAULTS
from ml.models import BackTest
from ml.next_year import NextYearConfig
from ml.rung_history import earlier_losses
from ml.rungs import choose
from organization.access import entered
from tests.ml.dealer_world import END
from tests.ml.extracts import world_extract

ORIGIN = END - datetime.timedelta(days=365)
TREES, CHURN = NextYearConfig(trees=25), ChurnConfig(trees=25)


@pytest.fixture(scope="module")
def data():
    return world_extract(4_000, seed=21)


@pytest.fixture(scope="module")
def results(data):
    found = back_test(data, ORIGIN, DEFAULTS, TREES, CHURN)
    return {(one.division, one.rung): one.result for one in found}


def test_every_rung_is_judged_for_the_group_and_each_division(results):
    divisions = (None, "domestic", "joint", "luxury")
    assert set(results) == {(division, rung) for division in divisions for rung in RUNGS}


def test_what_happened_is_that_of_customers_known_then(data, results):
    visits = data.records.visit_days
    cut = pd.Timestamp(ORIGIN)
    known = set(data.records.purchases.query("day < @cut")["customer"])
    later = visits[(visits["day"] >= cut) & visits["customer"].isin(known)]
    months = results[None, "champion"]["months"]
    assert len(months["visits"]["actual"]) == 12
    assert sum(months["visits"]["actual"]) == len(later)
    assert sum(months["margin"]["actual"]) == pytest.approx(later["margin"].sum(), abs=1)


def test_divisions_add_up_to_the_group(results):
    for rung in RUNGS:
        whole = np.array(results[None, rung]["months"]["margin"]["forecast"])
        parts = [
            results[division, rung]["months"]["margin"]["forecast"]
            for division in ("domestic", "joint", "luxury")
        ]
        np.testing.assert_allclose(np.sum(parts, axis=0), whole, atol=0.1)


@pytest.mark.parametrize("title", ["division", "store", "tenure", "interval", "decile"])
def test_slices_add_up_to_the_whole(results, title):
    result = results[None, "champion"]
    rows = result["slices"][title]
    assert sum(row["customers"] for row in rows) == result["customers"]
    total = sum(result["months"]["margin"]["actual"][:12])
    assert sum(row["margin_actual"] for row in rows) == pytest.approx(total, abs=1)


def test_champion_ranks_better_than_the_baseline(results):
    champion, baseline = (results[None, rung]["cards"] for rung in ("champion", "memoryless"))
    assert champion["visits"]["spearman"] > baseline["visits"]["spearman"]
    assert champion["visits"]["mae"] < baseline["visits"]["mae"]
    assert abs(champion["margin"]["bias"]) < 0.12


def test_churn_is_judged_on_the_year_that_followed(results):
    churn = results[None, "champion"]["churn"]
    assert churn["metrics"]["roc_auc"] > max(churn["baselines"].values())
    assert len(churn["calibration"]) == 10


def test_origin_whose_year_has_not_passed_is_refused(data):
    with pytest.raises(ValueError, match="has not passed"):
        back_test(data, ORIGIN + datetime.timedelta(days=1), DEFAULTS)


def test_two_stores_on_one_day_are_one_visit_day():
    day = pd.Timestamp("2024-07-03")
    visits = pd.DataFrame(
        {"customer": [1, 1], "day": [day, day], "revenue": [5.0, 7.0], "margin": [1.0, 2.0]}
    )
    actual = what_happened(visits, datetime.date(2024, 7, 1), 12, pd.Index([1, 2]))
    assert actual.visits[:, 0].tolist() == [1, 0]
    assert actual.revenue[0, 0] == 12.0


def test_origins_lie_whole_years_back():
    assert origins(END, 2) == [ORIGIN, END - datetime.timedelta(days=730)]


LOSSES = {
    "memoryless": 1.0,
    "regular": 0.999,
    "trees": 0.8,
    "money_trees": 1.1,
    "money_per_visit": 1.0,
}


def test_challenger_must_win_clearly_and_trees_at_all():
    choice = choose(LOSSES)
    assert (choice.regular, choice.trees, choice.money_trees) == (False, True, False)
    assert choose(LOSSES | {"regular": 0.9}).regular


def test_earlier_years_count_in_the_choice():
    lucky = LOSSES | {"regular": 0.97}
    assert choose(lucky).regular
    assert not choose(lucky, [LOSSES | {"regular": 1.06}, LOSSES | {"regular": 1.02}]).regular


@pytest.fixture
def kept(group, results, data):
    """The results stored for the group and, under the name of its first division, one of the
    world's; the world's first store is the group's first."""
    division, store = group.units["-LUX"], group.units["-S1"]

    def told(result):
        slices = result["slices"]
        stores = [row | {"label": str(store.pk)} for row in slices["store"][:1]]
        return result | {"slices": slices | {"store": stores}}

    found = [
        DivisionResult(None if name is None else division.code, rung, told(result))
        for (name, rung), result in results.items()
        if name in (None, "joint")
    ]
    _keep(group.system, data, ORIGIN, found)
    return group


def test_kept_results_of_nearly_the_same_day_are_replaced(kept, data, results):
    again = [DivisionResult(None, rung, results[None, rung]) for rung in RUNGS]
    _keep(kept.system, data, ORIGIN + datetime.timedelta(days=7), again)
    with entered(kept.system):
        assert BackTest.objects.count() == len(RUNGS)


def test_a_later_training_counts_the_losses_of_the_back_test(kept, results):
    found = earlier_losses(kept.system, END)
    choices = results[None, "champion"]["choices"]
    assert found["joint", "person"] == [choices["joint/person"]["losses"]]
    assert earlier_losses(kept.system, ORIGIN) == {}


def test_page_shows_the_whole_group_to_those_who_have_it(kept, client_of):
    page = client_of("ceo").get(reverse("backtest"))
    text = page.content.decode()
    assert page.status_code == 200
    assert kept.units["-S1"].name in text
    assert text.count("<svg") >= 4
    assert page.context["champion"].division is None


def test_page_of_a_division_can_be_chosen(kept, client_of):
    code = kept.units["-LUX"].code
    page = client_of("ceo").get(reverse("backtest"), {"division": code})
    assert page.context["champion"].division.code == code
    wrong = client_of("ceo").get(reverse("backtest"), {"division": "x", "origin": "y"})
    assert wrong.context["champion"].division is None


def test_people_without_the_whole_group_do_not_see_its_figures(kept, client_of):
    own = client_of("division_lux").get(reverse("backtest"))
    assert own.context["champion"].division == kept.units["-LUX"]
    page = client_of("store_manager").get(reverse("backtest"))
    assert page.status_code == 403 or "champion" not in page.context


def test_another_group_sees_nothing(kept, other_group, client_of):
    page = client_of("ceo", of=other_group).get(reverse("backtest"))
    assert page.status_code == 200
    assert "champion" not in page.context
