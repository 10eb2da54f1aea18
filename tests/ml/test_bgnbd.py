import itertools

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifetimes import BetaGeoFitter

from ml import bgnbd
from ml.bgnbd import Parameters
from tests.ml.cdnow import cdnow

CDNOW = Parameters(0.242593, 4.413532, 0.792886, 2.425753)

positive = st.floats(-6.5, 6.5).map(lambda power: float(np.exp(power)))


def published(params: Parameters, x: int, t_x: float, age: float, t: float) -> float:
    """The hypergeometric form at 40 digits; 0/0 is stepped round by 1e-20."""
    with mpmath.workdps(50):
        r, alpha, a, b = (mpmath.mpf(v) for v in (params.r, params.alpha, params.a, params.b))
        coins = b + x + (1 if params.modified else 0)
        if a == 1 or a + coins == 1:
            a += mpmath.mpf(10) ** -20
        bracket = 1 - mpmath.hyp2f1(r + x, a - 1, a + coins - 1, -mpmath.mpf(t) / (alpha + age))
        growth = ((alpha + age) / (alpha + t_x)) ** (r + x)
        if params.modified:
            dead = a / (b + x) * growth
        else:
            dead = a / (b + x - 1) * growth if x else mpmath.mpf(0)
        return float((a + coins - 1) / (a - 1) * bracket / (1 + dead))


@pytest.mark.parametrize("modified", [False, True])
@pytest.mark.parametrize(("r", "alpha"), [(0.02, 4.4), (0.24, 400.0), (3.0, 60.0), (20.0, 300.0)])
def test_expected_transactions_equal_the_published_form(modified, r, alpha):
    histories = [
        (0, 0.0, 0.0),
        (0, 0.0, 40.0),
        (1, 3.0, 200.0),
        (7, 35.0, 38.0),
        (40, 200.0, 210.0),
    ]
    horizons = [0.5, 52.0, 1826.25]
    for a, b in itertools.product([0.01, 0.3, 0.5, 1.0, 3.0, 90.0], [0.02, 0.5, 2.4, 900.0]):
        params = Parameters(r, alpha, a, b, modified)
        for x, t_x, age in histories:
            got = bgnbd.expected_transactions(params, x, t_x, age, horizons)[0]
            want = [published(params, x, t_x, age, t) for t in horizons]
            np.testing.assert_allclose(got, want, rtol=1e-9)


def test_expected_transactions_equal_the_library_where_it_is_right():
    data = cdnow()
    library = BetaGeoFitter()
    library.params_ = {"r": CDNOW.r, "alpha": CDNOW.alpha, "a": CDNOW.a, "b": CDNOW.b}
    history = (data["x"].to_numpy(), data["t_x"].to_numpy(), data["T"].to_numpy())
    for t in (1.0, 39.0, 260.0):
        got = bgnbd.expected_transactions(CDNOW, *history, t)[:, 0]
        want = library.conditional_expected_number_of_purchases_up_to_time(t, *history)
        np.testing.assert_allclose(got, want, rtol=1e-6)
    alive = bgnbd.probability_alive(CDNOW, *history)
    np.testing.assert_allclose(alive, library.conditional_probability_alive(*history), rtol=1e-9)


def test_total_survives_where_the_library_drops_most_customers():
    data = cdnow()
    params = Parameters(0.2426, 4.4135, 0.28, 0.55)  # a + b < 1: the published form is NaN-prone
    got = bgnbd.expected_transactions(params, data["x"], data["t_x"], data["T"], 39.0)
    assert np.isfinite(got).all()
    assert got[data["x"].to_numpy() == 0].min() > 0


@given(
    positive, positive, positive, positive, st.booleans(), st.integers(0, 400),
    st.floats(0, 1), st.floats(0, 1e4), st.floats(0, 4000),
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_nothing_is_ever_nan_or_out_of_range(r, alpha, a, b, modified, x, part, age, t):
    params = Parameters(r, alpha, a, b, modified)
    t_x = part * age if x else 0.0
    assert np.isfinite(bgnbd.log_likelihood(params, x, t_x, age)).all()
    alive, visits, still = bgnbd.futures(params, x, t_x, age, [t, 2 * t])
    assert np.isfinite(visits).all()
    assert (visits >= 0).all()
    assert visits[0, 1] >= visits[0, 0]
    assert 0 <= still[0, 1] <= still[0, 0] + 1e-12
    assert still[0, 0] <= alive[0] + 1e-12
    assert alive[0] <= 1


@pytest.mark.parametrize("x", [0, 1, 5])
def test_forms_meet_smoothly_where_the_published_one_is_singular(x):
    for a, b in [(1.0, 0.5), (0.4, 0.6), (1.0, 3.0)]:
        exact = bgnbd.expected_transactions(
            Parameters(0.5, 10, a, b), x, 0 if x == 0 else 9, 20, 52
        )
        near = bgnbd.expected_transactions(
            Parameters(0.5, 10, a + 1e-9, b), x, 0 if x == 0 else 9, 20, 52
        )
        np.testing.assert_allclose(exact, near, rtol=1e-7)


def test_expected_visits_are_the_integral_of_rate_while_alive():
    """With x = 0 and certain knowledge (r, α large) the rate is λ and drop-out λp: closed form."""
    rate, drop = 0.02, 0.25
    params = Parameters(1e6, 1e6 / rate, 1e6 * drop, 1e6 * (1 - drop))
    got = bgnbd.expected_transactions(params, 0, 0, 10, 100)[0, 0]
    assert got == pytest.approx((1 - np.exp(-rate * drop * 100)) / drop, rel=1e-4)


def test_mbg_lets_a_buyer_who_never_came_be_lost():
    assert bgnbd.probability_alive(CDNOW, 0, 0, 500)[0] == 1.0
    modified = Parameters(0.52, 6.18, 0.89, 1.61, modified=True)
    assert bgnbd.probability_alive(modified, 0, 0, 500)[0] < 0.2


@pytest.mark.parametrize(
    ("x", "t_x", "age"), [(0, 1.0, 2.0), (1, 3.0, 2.0), (-1, 0.0, 2.0), (1.5, 1.0, 2.0)]
)
def test_impossible_history_is_refused(x, t_x, age):
    with pytest.raises(ValueError, match="not a possible history"):
        bgnbd.log_likelihood(CDNOW, x, t_x, age)


def test_no_customers_give_empty_futures():
    alive, visits, still = bgnbd.futures(CDNOW, [], [], [], [1.0, 2.0])
    assert alive.shape == (0,)
    assert visits.shape == still.shape == (0, 2)
