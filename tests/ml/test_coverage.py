"""Do the stated uncertainties of the parameters hold the truth as often as they say?"""

import numpy as np
import pytest

from ml.lifetimes_adapter import CONVERGED, fit_bgnbd
from ml.regular_timing import fit_regular
from tests.ml.shoppers import regular_shoppers

TWO_SIDED_90 = 1.645


def chance_shoppers(customers, seed, r=1.1, alpha=150.0, a=0.9, b=6.0):
    """Histories drawn from BG/NBD."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(200.0, 1500.0, customers)
    rate, drop = rng.gamma(r, 1.0 / alpha, customers), rng.beta(a, b, customers)
    now, t_x, x = np.zeros((3, customers))
    live = np.arange(customers)
    while live.size:
        now[live] += rng.exponential(1.0, live.size) / rate[live]
        live = live[now[live] < age[live]]
        x[live] += 1
        t_x[live] = now[live]
        live = live[rng.random(live.size) > drop[live]]
    return x, t_x, age


def share_held(fits, truth):
    """Share of 90% intervals on the log scale that hold the truth, over fits and parameters."""
    held = []
    for fit in fits:
        if fit.status != CONVERGED or fit.covariance is None:
            continue
        found = np.log([fit.params.r, fit.params.alpha, fit.params.a, fit.params.b])
        wide = TWO_SIDED_90 * np.sqrt(np.diag(fit.covariance))
        held.append(np.abs(found - np.log(truth)) <= wide)
    return np.mean(held, axis=0), len(held)


def regular_fits(repeats, customers):
    for seed in range(repeats):
        x, t_x, age, litt, _ = regular_shoppers(customers, k=2, seed=1000 + seed)
        yield fit_regular(x, t_x, age, litt)


def chance_fits(repeats, customers):
    return (fit_bgnbd(*chance_shoppers(customers, 2000 + seed)) for seed in range(repeats))


TRUTHS = [(regular_fits, (2.0, 55.0, 0.9, 6.0)), (chance_fits, (1.1, 150.0, 0.9, 6.0))]


@pytest.mark.slow
@pytest.mark.parametrize(("fits", "truth"), TRUTHS)
def test_ninety_percent_intervals_hold_the_truth(fits, truth):
    """40 fits: of a true 90%, fewer than 31 of 40 come up once in fifty."""
    held, judged = share_held(fits(40, 3_000), truth)
    assert judged >= 36
    assert (held >= 0.775).all()


@pytest.mark.soak
@pytest.mark.parametrize(("fits", "truth"), TRUTHS)
def test_ninety_percent_intervals_hold_the_truth_at_scale(fits, truth):
    held, judged = share_held(fits(400, 5_000), truth)
    assert judged >= 390
    assert (np.abs(held - 0.9) <= 0.045).all()
