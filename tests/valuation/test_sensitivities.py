"""How a value reacts: first derivatives against revaluation, variances against simulation."""

import numpy as np
import pytest

from ml.bgnbd import Parameters
from ml.curves import CurveMap
from valuation.discounting import discount_factors
from valuation.exact_draws import compare
from valuation.sensitivities import (
    LARGEST_DEVIATION,
    NAMES,
    Histories,
    log_covariance,
    monthly_deviation,
    parameter_risk,
    portfolio_value,
    process_variance,
    relative_gradient,
    stacked,
)
from valuation.uncertainty import CommonShocks, Sensitivities, layer_variances

PARAMS = Parameters(1.2, 200.0, 0.9, 3.0)
DISCOUNT = discount_factors(0.08, 60)


def histories(count: int = 400, seed: int = 3) -> Histories:
    rng = np.random.default_rng(seed)
    age = rng.uniform(200, 2000, count)
    x = rng.poisson(age / 200)
    return Histories(
        x=x.astype(float),
        t_x=np.where(x > 0, age * rng.uniform(0.3, 1.0, count), 0.0),
        age=age,
        cap_month=rng.choice([12, 36, 60], count),
        margin_per_visit=rng.uniform(200, 600, count),
        margin_per_month=rng.uniform(0, 20, count),
    )


class TestParameters:
    def test_gradient_predicts_a_revaluation(self):
        customers = histories()
        gradient = relative_gradient(PARAMS, customers, DISCOUNT)
        base = portfolio_value(PARAMS, customers, DISCOUNT)
        change = np.array([0.03, -0.02, 0.04, 0.01])
        moved = {n: getattr(PARAMS, n) * np.exp(c) for n, c in zip(NAMES, change, strict=True)}
        exact = portfolio_value(Parameters(**moved), customers, DISCOUNT) / base - 1.0
        assert gradient @ change == pytest.approx(exact, rel=0.05)

    def test_three_times_the_customers_a_third_of_the_variance(self):
        once = histories(1000)
        thrice = Histories(*(np.tile(column, 3) for column in vars(once).values()))
        gradient = relative_gradient(PARAMS, once, DISCOUNT)
        few, many = (gradient @ log_covariance(PARAMS, one) @ gradient for one in (once, thrice))
        assert many == pytest.approx(few / 3, rel=0.05)

    def test_flat_directions_are_bounded(self):
        covariance = log_covariance(PARAMS, histories(3))
        assert np.linalg.eigvalsh(covariance).max() <= LARGEST_DEVIATION**2 * (1 + 1e-9)
        assert np.linalg.eigvalsh(covariance).min() >= 0

    def test_fits_are_independent_blocks(self):
        risk = parameter_risk(PARAMS, histories(), DISCOUNT, 1.0)
        gradient, covariance = stacked([risk, risk], np.array([100.0, 50.0]))
        one = 100.0**2 * risk.gradient @ risk.covariance @ risk.gradient
        assert gradient @ covariance @ gradient == pytest.approx(one * 1.25)

    def test_fifty_exact_draws_agree_with_linear_ones(self):
        customers = histories(2_000)
        found = compare(
            PARAMS, customers, DISCOUNT, parameter_risk(PARAMS, customers, DISCOUNT, 1.0), seed=1
        )
        assert len(found.exact) == 50
        # The furthest of fifty draws: what is left is curvature.
        assert found.error < 0.03
        assert found.deviation_ratio == pytest.approx(1.0, abs=0.1)


class TestChance:
    def test_variance_of_a_customer_who_stays(self):
        """Poisson visits with a known rate, each worth an exponential margin."""
        curve = CurveMap(400.0, 12)
        visits, margin = 6.0, 400.0
        found = process_variance(
            [curve],
            np.array([0]),
            np.ones((1, 9)),
            np.array([1e12]),
            np.array([visits]),
            np.array([margin]),
            np.array([0.0]),
            0.0,
            1.0,
        )
        rng = np.random.default_rng(5)
        counts = rng.poisson(visits, 200_000)
        sums = margin * rng.gamma(np.maximum(counts, 1e-9), 1.0)
        assert found[0] == pytest.approx(np.where(counts > 0, sums, 0).var(), rel=0.02)

    def test_one_who_may_be_gone_is_less_certain(self):
        curve = CurveMap(400.0, 12)
        arguments = ([curve], np.array([0, 0]))
        alive = np.array([np.ones(9), np.full(9, 0.5)])
        same = [np.full(2, v) for v in (1e12, 6.0, 400.0, 0.0)]
        sure, unsure = process_variance(*arguments, alive, *same, 0.0, 1.0)
        # Half alive doubles E[stay²]/E[stay]².
        assert unsure - sure == pytest.approx((6 * 400.0) ** 2)


def test_months_deviate_as_the_layer_does():
    rng = np.random.default_rng(1)
    reactions = rng.normal(100, 30, (4, 1, 3))
    shocks = CommonShocks()
    whole = Sensitivities(1.0, np.zeros(0), np.zeros((0, 0)), 0.0, reactions[:, 0, :])
    expected = np.sqrt(layer_variances(whole, shocks)["common"])
    found = monthly_deviation(reactions, shocks.volatilities(), shocks.store_correlation)
    assert found == pytest.approx([expected])
