"""What moved between two score sets: added up by hand, and as a page and a file."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml.champion_changes import differ, keep, what_moved
from ml.models import ChampionChange, ScoreSet
from ml.movement import moved, rank_correlation
from organization.access import entered
from organization.models import AuditEvent
from tests.factories import Group, make_customer
from tests.valuation.score_sets import make_fit, make_score, make_score_set


def pairs() -> pd.DataFrame:
    """Three in both sets, one who left, one who came."""
    nobody = np.nan
    return pd.DataFrame(
        {
            "store": [1, 1, 2, 2, 2],
            "segment": ["person", "person", "person", "organisation", "person"],
            "value_before": [100.0, 200.0, 300.0, 50.0, nobody],
            "value_after": [110.0, 260.0, 240.0, nobody, 70.0],
            "churn_before": [0.2, 0.4, nobody, 0.6, nobody],
            "churn_after": [0.3, 0.5, nobody, nobody, 0.1],
            "risk_before": ["low", "medium", "low", "high", None],
            "risk_after": ["low", "high", "low", None, "low"],
        }
    )


def test_totals_means_and_shares_by_hand() -> None:
    found = moved(pairs())
    assert found["customers"] == {"before": 4, "after": 4, "both": 3}
    assert found["value"] == {"before": 650, "after": 680}
    assert found["same_value"] == {"before": 600, "after": 610}
    assert found["churn"]["before"] == pytest.approx(0.4)
    assert found["churn"]["after"] == pytest.approx(0.3)
    assert found["risk_changed"] == pytest.approx(1 / 3)
    assert found["risks"] == [{"before": "medium", "after": "high", "customers": 1}]
    # Ranks 1, 2, 3 became 1, 3, 2: 1 − 6·2/(3·8).
    assert found["rank_correlation"] == pytest.approx(0.5)


def test_parts_sum_to_the_whole_the_largest_change_first() -> None:
    found = moved(pairs())
    for when in ("before", "after"):
        assert sum(part[when] for part in found["parts"]) == found["value"][when]
    changes = [abs(part["after"] - part["before"]) for part in found["parts"]]
    assert changes == sorted(changes, reverse=True) == [70, 50, 10]


def test_nobody_in_both_has_no_correlation_and_no_share() -> None:
    found = moved(pairs().iloc[3:])
    assert (found["rank_correlation"], found["risk_changed"]) == (None, None)


def test_ties_take_their_mean_rank() -> None:
    # Ranks 1.5, 1.5, 3 against 1, 2, 3: cov 1.5/2, deviations √.75 and 1.
    found = rank_correlation(np.array([5.0, 5.0, 9.0]), np.array([1.0, 2.0, 3.0]))
    assert found == pytest.approx(0.75 / np.sqrt(0.75))


@pytest.fixture
def change(group: Group) -> list[ChampionChange]:
    """Two customers of two divisions scored by one run's models, then by another's."""
    with entered(group.system):
        people = [make_customer(group, "-S1", "王芳"), make_customer(group, "-S4", "李强")]
        sets = []
        for values in ((1_000_000, 2_000_000), (1_500_000, 1_900_000)):
            score_set = make_score_set(group)
            fit = make_fit(score_set)
            for customer, value in zip(people, values, strict=True):
                make_score(score_set, fit, customer, ltv_fen=value, risk="low")
            sets.append(score_set)
        assert differ(*sets)
        keep(what_moved(group.system, *sets))
        return list(ChampionChange.objects.order_by("pk"))


def test_the_group_and_its_divisions_are_kept(group: Group, change: list[ChampionChange]) -> None:
    whole, *divisions = change
    assert whole.division is None
    assert whole.result["value"] == {"before": 3_000_000, "after": 3_400_000}
    assert {row.division_id for row in divisions} == {
        group.units["-LUX"].pk,
        group.units["-JV"].pk,
    }
    for when in ("before", "after"):
        parts = sum(row.result["value"][when] for row in divisions)
        assert parts == whole.result["value"][when]


def test_scores_by_the_same_models_are_no_change(group: Group) -> None:
    with entered(group.system):
        fitted, nightly = make_score_set(group), make_score_set(group)
        ScoreSet.objects.filter(pk=nightly.pk).update(model_run=fitted.run)
        nightly.refresh_from_db()
    assert not differ(fitted, nightly)


class TestPages:
    def test_the_executive_sees_the_whole_and_takes_it_along(
        self, client_of: Any, group: Group, change: list[ChampionChange]
    ) -> None:
        client = client_of("ceo")
        shown = client.get("/models/backtest/", headers={"accept-language": "en"})
        assert f"/models/changes/{change[0].pk}/" in shown.content.decode()
        path = f"/models/changes/{change[0].pk}/"
        page = client.get(path, headers={"accept-language": "zh-hans"}).content.decode()
        assert "3.40万" in page.replace("\xa0", "").replace(" ", "")
        file = client.get(f"{path}stores.csv").content.decode()
        assert "XQ-S1,person,1,10000.00,15000.00" in file
        with entered(group.system):
            assert AuditEvent.objects.filter(action="change.exported").count() == 1

    def test_without_values_there_is_nothing_to_see(
        self, client_of: Any, change: list[ChampionChange]
    ) -> None:
        client = client_of("steward")
        assert client.get(f"/models/changes/{change[0].pk}/").status_code == 403
        assert "/models/changes/" not in client.get("/models/backtest/").content.decode()

    def test_whoever_has_one_store_sees_neither_group_nor_division(
        self, client_of: Any, change: list[ChampionChange]
    ) -> None:
        for row in change:
            path = f"/models/changes/{row.pk}/"
            assert client_of("store_manager").get(path).status_code in (403, 404)
