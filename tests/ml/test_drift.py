"""Population stability: nothing where nothing changed, much where a column is missing."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from ml.drift import BROKEN, SHIFTED, judge, psi, reference, stability, tree_weights

RNG = np.random.default_rng(2)


def people(n: int = 5_000, shift: float = 0.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "tenure": RNG.gamma(3, 1.2, n) + shift,
            "never_visited": (RNG.random(n) < 0.2).astype(float),
            "nps_last": np.where(RNG.random(n) < 0.7, np.nan, RNG.integers(0, 11, n)),
            "division_code": RNG.integers(0, 3, n).astype(float),
        }
    )


def test_the_index_of_two_distributions_by_hand() -> None:
    # (.6 − .5)·ln(.6/.5) + (.4 − .5)·ln(.4/.5)
    assert psi(np.array([0.5, 0.5]), np.array([0.6, 0.4])) == pytest.approx(0.0405465, abs=1e-6)


def test_other_customers_of_the_same_kind_have_not_drifted() -> None:
    found = stability(reference(people()), people())
    assert max(found.values()) < 0.02


def test_a_reference_survives_json() -> None:
    then = reference(people())
    assert stability(json.loads(json.dumps(then)), people()).keys() == then.keys()


def test_a_shift_is_seen_and_comes_first() -> None:
    found = stability(reference(people()), people(shift=1.5))
    assert next(iter(found)) == "tenure"
    assert found["tenure"] > SHIFTED


def test_a_file_that_was_not_delivered_breaks_its_column() -> None:
    found = stability(reference(people()), people().assign(nps_last=np.nan))
    assert found["nps_last"] > BROKEN
    assert found["tenure"] < SHIFTED


def test_features_of_the_place_are_left_out() -> None:
    assert "division_code" not in reference(people())


def test_a_column_that_was_always_empty_is_no_drift() -> None:
    empty = people().assign(nps_last=np.nan)
    assert stability(reference(empty), empty)["nps_last"] == 0.0


NEEDED = {"tenure": 0.6, "never_visited": 0.2, "nps_last": 0.2}


def test_a_group_that_begins_to_ask_for_surveys_is_not_held_back() -> None:
    before = reference(people().assign(nps_last=np.nan))
    assert stability(before, people())["nps_last"] > BROKEN
    found = judge(before, people(), NEEDED)
    assert (found.broken, found.began) == ({}, ("nps_last",))


def test_a_source_that_widens_is_judged_by_its_known_values() -> None:
    few = people()
    few.loc[few.index % 4 > 0, "nps_last"] = np.nan
    again = judge(reference(few), people(), NEEDED)
    assert again.began == ("nps_last",)
    assert again.psi["nps_last"] < SHIFTED
    moved_up = people().assign(nps_last=lambda frame: frame["nps_last"] + 20)
    assert list(judge(reference(few), moved_up, NEEDED).broken) == ["nps_last"]


def test_a_source_that_ends_is_not_a_beginning() -> None:
    found = judge(reference(people()), people().assign(nps_last=np.nan), NEEDED)
    assert list(found.broken) == ["nps_last"]
    assert found.began == ()


def test_what_no_tree_asks_for_holds_nothing_back() -> None:
    ended = people().assign(nps_last=np.nan)
    found = judge(reference(people()), ended, NEEDED | {"nps_last": 0.0})
    assert (found.broken, found.unused) == ({}, ("nps_last",))
    assert "nps_last" not in found.psi


def test_the_weight_of_a_feature_is_its_share_of_the_gain() -> None:
    x = RNG.normal(size=(2_000, 3))
    model = HistGradientBoostingClassifier(max_iter=20).fit(x[:, :2], x[:, 0] > 0)
    found = tree_weights([model], ["tells", "noise"])
    assert found["tells"] > 0.95
    assert sum(found.values()) == pytest.approx(1.0)
