"""MBG/CNBD-k against its definition, against simulation, and at its edges."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln, gammaln

from ml import bgnbd, cnbd
from ml.bgnbd import Parameters
from ml.cnbd import RegularParameters
from ml.lifetimes_adapter import CONVERGED, fit_bgnbd, fit_mbgnbd
from ml.maximum_likelihood import Collapsed
from ml.regular_timing import RegularLikelihood, fit_regular
from tests.ml.cdnow import cdnow
from tests.ml.shoppers import regular_shoppers

HISTORIES = [(0, 0.0, 40.0), (1, 12.0, 52.0), (3, 30.0, 31.0), (9, 200.0, 260.0)]

positive = st.floats(-6.0, 6.0).map(lambda power: float(np.exp(power)))


def by_integration(params: RegularParameters, x: int, t_x: float, age: float) -> tuple:
    """P(alive) and likelihood without litt's term, from the definition: a fine sum over log λ, in
    which the integrands are smooth and vanish at both ends."""
    k, r, alpha, a, b = params.k, params.r, params.alpha, params.a, params.b
    log_rate = np.linspace(-60.0, 6.0, 40_001)
    step, rate = log_rate[1] - log_rate[0], np.exp(log_rate)
    density = r * np.log(alpha) - gammaln(r) + r * log_rate - alpha * rate
    stages = sum((rate * (age - t_x)) ** j / math.factorial(j) for j in range(k))
    alive = np.exp(density + k * x * log_rate - rate * age) @ stages * step
    dead = np.exp(density + k * x * log_rate - rate * t_x).sum() * step
    alive *= np.exp(betaln(a, b + x + 1) - betaln(a, b))
    dead *= np.exp(betaln(a + 1, b + x) - betaln(a, b))
    return alive / (alive + dead), np.log(alive + dead)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize(("x", "t_x", "age"), HISTORIES)
def test_alive_and_likelihood_equal_the_definition(k, x, t_x, age):
    params = RegularParameters(k, 0.8, 9.0, 0.7, 2.1)
    alive, log_likelihood = by_integration(params, x, t_x, age)
    assert cnbd.probability_alive(params, x, t_x, age)[0] == pytest.approx(alive, rel=1e-8)
    got = cnbd.log_likelihood(params, x, t_x, age, 0.0)[0]
    factorials = x * math.log(math.factorial(k - 1))
    assert got + factorials == pytest.approx(log_likelihood, rel=1e-9)


def test_one_stage_is_mbg_nbd():
    own = RegularParameters(1, 0.52, 6.18, 0.89, 1.61)
    other = Parameters(0.52, 6.18, 0.89, 1.61, modified=True)
    x, t_x, age = (np.array(column, dtype=float) for column in zip(*HISTORIES, strict=True))
    for got, want in zip(
        cnbd.futures(own, x, t_x, age, [1.0, 52.0, 520.0]),
        bgnbd.futures(other, x, t_x, age, [1.0, 52.0, 520.0]),
        strict=True,
    ):
        np.testing.assert_allclose(got, want, rtol=1e-10)
    np.testing.assert_allclose(
        cnbd.log_likelihood(own, x, t_x, age, 5.0), bgnbd.log_likelihood(other, x, t_x, age)
    )


def expected_by_integration(params: RegularParameters, x: int, t_x: float, age: float, t: float):
    """Expected transactions given alive, term by term with incomplete beta functions."""
    with mpmath.workdps(30):
        shape, z = params.r + params.k * x, mpmath.mpf(t) / (params.alpha + age + t)
        b = params.b + x + 1
        share = (mpmath.mpf(age) - t_x) / (params.alpha + age)
        weights = [mpmath.rf(shape, j) * share**j / mpmath.factorial(j) for j in range(params.k)]
        total = mpmath.mpf(0)
        for j, weight in enumerate(weights):
            for m in range(1, 400):
                stay = mpmath.beta(params.a, b + m - 1) / mpmath.beta(params.a, b)
                reach = mpmath.betainc(m * params.k - j, shape + j, 0, z, regularized=True)
                total += weight * stay * reach
                if reach < mpmath.mpf(10) ** -16:
                    break
        return float(total / sum(weights))


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize(("x", "t_x", "age"), HISTORIES)
def test_expected_transactions_equal_the_sum_over_arrivals(k, x, t_x, age):
    params = RegularParameters(k, 0.8, 9.0, 0.7, 2.1)
    alive, got, _ = cnbd.futures(params, x, t_x, age, [26.0])
    want = expected_by_integration(params, x, t_x, age, 26.0)
    assert got[0, 0] / alive[0] == pytest.approx(want, rel=1e-9)


@given(
    st.integers(1, 4), positive, positive, positive, positive, st.integers(0, 300),
    st.floats(0, 1), st.floats(0, 1e4), st.floats(0, 4000),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_nothing_is_ever_nan_or_out_of_range(k, r, alpha, a, b, x, part, age, t):
    params = RegularParameters(k, r, alpha, a, b)
    t_x = part * age if x else 0.0
    assert np.isfinite(cnbd.log_likelihood(params, x, t_x, age, 0.0)).all()
    alive, visits, still = cnbd.futures(params, x, t_x, age, [t, 2 * t])
    assert np.isfinite(visits).all()
    assert np.isfinite(still).all()
    assert (visits >= 0).all()
    assert visits[0, 1] >= visits[0, 0] * (1 - 1e-9)
    assert 0 <= still[0, 1] <= still[0, 0] * (1 + 1e-9)
    assert still[0, 0] <= alive[0] * (1 + 1e-12)
    assert alive[0] <= 1


def test_thousands_of_stages_join_the_exact_sum_smoothly():
    params = RegularParameters(3, 2.0, 1.0, 0.4, 5.0)
    exact = cnbd.futures(params, 4, 30.0, 60.0, [8_000.0])
    rough = cnbd._of_many(params, 10.0, 14.0, 0, np.array([[8_000.0 / 61.0]]))
    fine = cnbd._summed(14.0, np.array([8_000.0 / 61.0]), cnbd._table(params, 10.0, 0, 9_000))
    assert rough[0][0, 0] == pytest.approx(fine[0, 0], rel=2e-3)
    assert np.isfinite(exact[1]).all()


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_gradient_equals_differences(k):
    x, t_x, age, _, _ = regular_shoppers(400, k=2, seed=3)
    likelihood = RegularLikelihood(Collapsed.of(x, t_x, age), k)
    at = np.log([1.3, 0.7, 0.6, 3.0])
    _, gradient = likelihood(at)
    step = np.eye(4) * 1e-6
    rise = [(likelihood(at + s)[0] - likelihood(at - s)[0]) / 2e-6 for s in step]
    np.testing.assert_allclose(gradient, rise, atol=1e-7)


def test_cdnow_is_not_regular_and_gives_the_published_mbg_nbd():
    """Batislam et al. (2007) on the CDNOW sample; weeks. Gaps are unknown and weigh nothing for
    k = 1, so k is fixed by handing in gaps so uneven that no more regular model fits."""
    data = cdnow()
    fit = fit_regular(data["x"], data["t_x"], data["T"], data["x"] * -50.0)
    assert fit.model == "MBG/CNBD-1"
    got = [fit.params.r, fit.params.alpha, fit.params.a, fit.params.b]
    np.testing.assert_allclose(got, [0.524838, 6.182992, 0.891356, 1.613999], rtol=1e-4)
    assert fit.log_likelihood == pytest.approx(-9582.132685, abs=1e-4)


@pytest.mark.parametrize("k", [2, 3])
def test_k_and_parameters_are_recovered(k):
    x, t_x, age, litt, _ = regular_shoppers(20_000, k=k, seed=k)
    fit = fit_regular(x, t_x, age, litt)
    assert fit.status == CONVERGED
    assert fit.params.k == k
    assert fit.params.r == pytest.approx(2.0, rel=0.1)
    assert fit.params.a / (fit.params.a + fit.params.b) == pytest.approx(0.9 / 6.9, rel=0.05)


@pytest.mark.parametrize("k", [2, 3])
def test_overdue_customers_are_forecast_where_bg_nbd_is_far_too_high(k):
    x, t_x, age, litt, came = regular_shoppers(40_000, k=k, seed=10 + k)
    overdue = (x >= 2) & (age - t_x > 1.5 * t_x / np.maximum(x, 1))
    fit, plain = fit_regular(x, t_x, age, litt), fit_bgnbd(x, t_x, age)
    year = [365.25]
    own = cnbd.futures(fit.params, x[overdue], t_x[overdue], age[overdue], year)[1].sum()
    other = bgnbd.futures(plain.params, x[overdue], t_x[overdue], age[overdue], year)[1].sum()
    assert own / came[overdue].sum() == pytest.approx(1.0, abs=0.05)
    assert other / came[overdue].sum() > 1.25


def test_equal_rows_may_carry_weights():
    x, t_x, age, litt, _ = regular_shoppers(1_500, k=2, seed=4)
    twice = fit_regular(*(np.tile(v, 2) for v in (x, t_x, age, litt)))
    weighted = fit_regular(x, t_x, age, litt, np.full(x.size, 2.0))
    assert weighted.params.alpha == pytest.approx(twice.params.alpha, rel=1e-5)
    assert weighted.log_likelihood == pytest.approx(twice.log_likelihood, rel=1e-9)


def test_too_few_repeaters_are_refused():
    fit = fit_regular([0, 0, 1], [0, 0, 3.0], [9.0, 9.0, 9.0], [0, 0, 1.0])
    assert fit.params is None
    assert "came back" in fit.reason


def test_memoryless_fit_of_the_same_data_is_the_likelier_model_for_chance_visits():
    x, t_x, age, litt, _ = regular_shoppers(8_000, k=1, seed=8)
    regular, plain = fit_regular(x, t_x, age, litt), fit_mbgnbd(x, t_x, age)
    assert regular.params.k == 1
    assert regular.log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-8)
