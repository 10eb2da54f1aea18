import numpy as np
import pytest

from ml.comparable import churn_context, visits_context


def test_lift_is_bounded_by_the_rate():
    happened = np.arange(100) < 40
    found = churn_context(happened, {"perfect": happened.astype(float), "none": np.ones(100)})
    assert found["rate"] == pytest.approx(0.4)
    assert found["largest_lift"] == pytest.approx(2.5)
    assert found["rules"]["perfect"]["lift_10"] == pytest.approx(2.5)
    assert found["rules"]["none"]["roc_auc"] == 0.5


def test_error_of_chance_is_that_of_poisson_draws():
    rng = np.random.default_rng(1)
    rate = rng.gamma(1.0, 1.2, 200_000)
    actual = rng.poisson(rate).astype(float)
    found = visits_context(actual, rate)
    assert found["mae_if_chance"] == pytest.approx(np.abs(actual - rate).mean(), rel=0.01)
    assert found["mean"] == pytest.approx(1.2, rel=0.02)


def test_median_has_a_smaller_error_and_a_wrong_total():
    rng = np.random.default_rng(2)
    rate = rng.gamma(1.0, 1.0, 50_000)
    actual = rng.poisson(rate).astype(float)
    found = visits_context(actual, rate)
    assert found["mae_of_median"] < np.abs(actual - rate).mean()
    assert found["bias_of_median"] < -0.05
