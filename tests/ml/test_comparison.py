"""Challenger against champion: paired draws, figures against scikit-learn, what is worse."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from ml.comparison import (
    _ties,
    _weighted_auc,
    compare_churn,
    compare_visits,
    recode_divisions,
)

RNG = np.random.default_rng(4)
N = 4_000
TRUTH = RNG.beta(2, 3, N)
CHURNED = RNG.random(N) < TRUTH
VISITS = RNG.poisson(2 * TRUTH).astype(float)


def blurred(noise: float, seed: int = 1) -> np.ndarray:
    """A forecast of the truth that is the worse the noisier."""
    drawn = TRUTH + np.random.default_rng(seed).normal(0, noise, N)
    return np.clip(drawn, 0.01, 0.99)


def test_the_weighted_auc_is_that_of_drawn_rows() -> None:
    forecast = np.round(blurred(0.2), 2)  # with ties
    weight = np.random.default_rng(9).integers(0, 4, N)
    order = np.argsort(forecast, kind="stable")
    ours = _weighted_auc(
        CHURNED[order].astype(float), weight[order].astype(float), _ties(forecast[order])
    )
    assert ours == pytest.approx(roc_auc_score(np.repeat(CHURNED, weight), forecast.repeat(weight)))


def test_equal_models_are_equal_on_every_draw() -> None:
    card = compare_churn(CHURNED, blurred(0.1), blurred(0.1))["roc_auc"]
    assert (card["worse_by"], card["low"], card["high"], card["passed"]) == (0, 0, 0, True)


@pytest.mark.parametrize("noise", [0.05, 0.1])
def test_a_better_challenger_passes(noise: float) -> None:
    found = compare_churn(CHURNED, blurred(0.3), blurred(noise))
    assert all(card["passed"] for card in found.values())
    assert found["roc_auc"]["worse_by"] < 0


def test_a_surely_worse_challenger_does_not() -> None:
    found = compare_churn(CHURNED, blurred(0.1), blurred(0.6))
    assert not found["roc_auc"]["passed"]
    assert not found["brier"]["passed"]
    assert 0 < found["roc_auc"]["low"] < found["roc_auc"]["worse_by"] < found["roc_auc"]["high"]


def test_a_difference_that_may_be_chance_passes() -> None:
    few = slice(0, 60)
    found = compare_churn(CHURNED[few], blurred(0.1)[few], blurred(0.25)[few])
    assert found["roc_auc"]["passed"]


def test_visits_are_held_against_what_happened() -> None:
    found = compare_visits(VISITS, 2 * TRUTH, 2 * TRUTH[::-1])
    assert not found["mae"]["passed"]
    assert not found["deviance"]["passed"]
    assert found["mae"]["champion"] == pytest.approx(np.abs(VISITS - 2 * TRUTH).mean())


def test_divisions_are_numbered_as_the_other_model_knows_them() -> None:
    features = pd.DataFrame({"division_code": [0.0, 1.0, 2.0, np.nan], "tenure": 1.0})
    recoded = recode_divisions(features, ("jv", "lux", "new"), ("lux", "old", "jv"))
    np.testing.assert_array_equal(recoded["division_code"], [2.0, 0.0, np.nan, np.nan])
