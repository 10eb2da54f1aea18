"""The band: layers, shares, seeds."""

import numpy as np
import pytest

from valuation.refusals import Refused
from valuation.uncertainty import (
    CommonShocks,
    Sensitivities,
    band_warnings,
    layer_variances,
    linear_error,
    value_band,
)


def pool(customers: int = 100_000, **changes) -> Sensitivities:
    """Customers worth 1,000 each with a coefficient of variation of 2, in ten equal stores."""
    value = 1_000.0 * customers
    values = {
        "expected": value,
        "gradient": np.array([0.5, -0.8]) * value,
        "covariance": np.array([[4e-5, 1e-5], [1e-5, 9e-5]]),
        "process_variance": customers * 2_000.0**2,
        "shocks": np.tile(np.array([-0.4, 1.1, 1.0]) * value / 10, (10, 1)),
    }
    return Sensitivities(**{**values, **changes})


def test_variance_of_each_layer_by_hand():
    variances = layer_variances(pool(), CommonShocks(0.1, 0.05, 0.08, store_correlation=0.5))
    # 0.25 x 4e-5 + 0.64 x 9e-5 - 2 x 0.4 x 1e-5 = 5.96e-5 of the value squared.
    assert variances["parameter"] == pytest.approx(5.96e-5 * 1e16)
    assert variances["process"] == pytest.approx(1e5 * 4e6)
    # Per factor (0.04, 0.055, 0.08): half of it shared, half divided by ten stores.
    factors = 0.04**2 + 0.055**2 + 0.08**2
    assert variances["common"] == pytest.approx((0.5 + 0.05) * factors * 1e16)


def test_common_shocks_dominate_a_large_pool():
    layers = {layer.name: layer for layer in value_band(pool(), seed=1).layers}
    assert layers["common"].share > 0.9
    assert sum(layer.share for layer in layers.values()) == pytest.approx(1.0)


def test_chance_dominates_a_handful_of_customers():
    layers = {layer.name: layer for layer in value_band(pool(20), seed=1).layers}
    assert layers["process"].share > 0.9


def test_quantiles_agree_with_the_normal_law():
    band = value_band(pool(), seed=11, draws=200_000)
    deviation = np.sqrt(sum(layer_variances(pool(), CommonShocks()).values()))
    assert band.p50 == pytest.approx(band.expected, abs=0.02 * deviation)
    assert band.p95 - band.expected == pytest.approx(1.6449 * deviation, rel=0.02)
    assert band.expected - band.p5 == pytest.approx(1.6449 * deviation, rel=0.02)


def test_same_seed_same_band_other_seed_other_band():
    assert value_band(pool(), seed=3) == value_band(pool(), seed=3)
    assert value_band(pool(), seed=3).p5 != value_band(pool(), seed=4).p5


def test_changing_one_layer_leaves_the_draws_of_the_others():
    without = value_band(pool(gradient=np.zeros(2)), seed=5)
    whole = value_band(pool(), seed=5)
    assert without.layers[1:] != whole.layers[1:]  # the shares move
    for before, after in zip(whole.layers[1:], without.layers[1:], strict=True):
        assert (before.p5, before.p95) == (after.p5, after.p95)


def test_stores_that_move_together_widen_the_band():
    apart = value_band(pool(), CommonShocks(store_correlation=0.0), seed=2)
    together = value_band(pool(), CommonShocks(store_correlation=1.0), seed=2)
    assert together.p95 - together.p5 > 2 * (apart.p95 - apart.p5)


def test_a_band_without_common_shocks_says_so():
    band = value_band(pool(), CommonShocks(0.0, 0.0, 0.0), seed=1)
    assert "too narrow" in str(band_warnings(band)[0])
    assert band_warnings(value_band(pool(), seed=1)) == ()


def test_linear_draws_against_exact_ones():
    assert linear_error([101.0, 98.0], [100.0, 99.5], 100.0) == pytest.approx(0.015)


class TestRefusals:
    def test_volatility_as_a_whole_number(self):
        with pytest.raises(Refused, match="margin"):
            CommonShocks(margin=5)

    def test_covariance_of_other_parameters(self):
        with pytest.raises(ValueError, match="do not belong together"):
            pool(covariance=np.eye(3))

    def test_covariance_that_is_none(self):
        with pytest.raises(ValueError, match="negative variance"):
            value_band(pool(covariance=-np.eye(2)), seed=1)

    def test_gradient_that_is_no_number(self):
        with pytest.raises(ValueError, match="finite"):
            pool(gradient=np.array([np.nan, 1.0]))

    def test_negative_process_variance(self):
        with pytest.raises(ValueError, match="process_variance"):
            pool(process_variance=-1.0)

    def test_too_few_draws_for_a_quantile(self):
        with pytest.raises(ValueError, match="100 draws"):
            value_band(pool(), seed=1, draws=50)
