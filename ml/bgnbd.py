"""BG/NBD and MBG/NBD: likelihood, probability alive, expected transactions.

Sources: Fader, Hardie & Lee (2005), "Counting your customers the easy way", Marketing Science
24(2) (BG/NBD); Batislam, Denizel & Filiztekin (2007), IJRM 24(3) (MBG/NBD, the variant in which
a customer may also drop out right after birth).

Given that a customer with x repeat transactions is alive at age T, the transaction rate is
Gamma(r + x, α + T) and the drop-out probability Beta(a, b + x) (MBG: Beta(a, b + x + 1)).
Everything about the future is therefore an expectation over one Beta variable:

    E[transactions in (T, T + t] | alive] = E_p[(1 − (1 + p·u)^−(r + x)) / p]
    P(still alive at T + t      | alive] = E_p[(1 + p·u)^−(r + x)],   u = t / (α + T).

The first equals the published form with the Gauss hypergeometric function (by Pfaff's
transformation), but its integrand is positive and smooth for every a and b, so nothing special
happens at a = 1 or a + b + x = 1, where the published form is 0/0.
Both depend on (x, T) only and are evaluated once for each distinct pair.
"""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, expit, gammaln

from ml.quadrature import beta_rule

Floats = NDArray[np.float64]

_ROWS_AT_ONCE = 20_000


@dataclass(frozen=True)
class Parameters:
    """Parameters of one BG/NBD (or, if ``modified``, MBG/NBD) model.

    ``r`` and ``alpha`` shape the transaction rate, ``a`` and ``b`` the drop-out probability;
    ``alpha`` carries the unit of time, which is days throughout the product.
    """

    r: float
    alpha: float
    a: float
    b: float
    modified: bool = False

    def __post_init__(self) -> None:
        values = np.array([self.r, self.alpha, self.a, self.b])
        if not (np.isfinite(values).all() and (values > 0).all()):
            raise ValueError(f"BG/NBD parameters must be positive and finite, got {values}")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        return cls(**values)


def check_history(x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return the histories as float arrays of one shape; refuse impossible ones.

    Raises ValueError unless 0 ≤ t_x ≤ T, x ≥ 0 and whole, and t_x = 0 wherever x = 0.
    """
    x_, t_x_, age_ = np.broadcast_arrays(
        np.atleast_1d(np.asarray(x, dtype=float)),
        np.atleast_1d(np.asarray(t_x, dtype=float)),
        np.atleast_1d(np.asarray(age, dtype=float)),
    )
    possible = (x_ >= 0) & (x_ == np.floor(x_)) & (t_x_ >= 0) & (t_x_ <= age_) & np.isfinite(age_)
    possible &= (x_ > 0) | (t_x_ == 0)
    if not possible.all():
        at = int(np.flatnonzero(~possible)[0])
        raise ValueError(
            f"row {at}: x={x_[at]}, t_x={t_x_[at]}, T={age_[at]} is not a possible history "
            "(x whole and not negative, 0 ≤ t_x ≤ T, t_x = 0 where x = 0)"
        )
    return x_, t_x_, age_


def log_odds_dead(params: Parameters, x: Floats, t_x: Floats, age: Floats) -> Floats:
    """Log of P(dropped out)/P(alive) at age T; −inf where drop-out is impossible (BG, x = 0)."""
    growth = (params.r + x) * (np.log(params.alpha + age) - np.log(params.alpha + t_x))
    if params.modified:
        return np.log(params.a) - np.log(params.b + x) + growth
    odds = np.log(params.a) - np.log(params.b + np.maximum(x, 1.0) - 1.0) + growth
    return np.where(x > 0, odds, -np.inf)


def log_likelihood(params: Parameters, x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> Floats:
    """Log-likelihood of each history, shape (n,)."""
    x_, t_x_, age_ = check_history(x, t_x, age)
    r, alpha, a, b = params.r, params.alpha, params.a, params.b
    coins = x_ + 1.0 if params.modified else x_
    return np.asarray(
        gammaln(r + x_)
        - gammaln(r)
        - r * np.log1p(age_ / alpha)
        - x_ * np.log(alpha + age_)
        + betaln(a, b + coins)
        - betaln(a, b)
        + np.logaddexp(0.0, log_odds_dead(params, x_, t_x_, age_))
    )


def probability_alive(params: Parameters, x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> Floats:
    """P(alive at age T | history), shape (n,).

    In the BG form a customer without repeat transactions is alive with certainty; the MBG form
    has no such exception.
    """
    x_, t_x_, age_ = check_history(x, t_x, age)
    return np.asarray(expit(-log_odds_dead(params, x_, t_x_, age_)))


def futures(
    params: Parameters, x: ArrayLike, t_x: ArrayLike, age: ArrayLike, t: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """What is to be expected of each customer up to each horizon.

    Parameters: histories of shape (n,), horizons ``t`` of shape (m,), same unit as α.
    Returns ``(alive, transactions, still_alive)``: P(alive at T), shape (n,); the expected number
    of transactions in (T, T + t], shape (n, m); P(alive at T + t), shape (n, m). Survival is
    contained in the transactions: never multiply them by a probability alive.
    """
    x_, t_x_, age_ = check_history(x, t_x, age)
    horizons = np.atleast_1d(np.asarray(t, dtype=float))
    if not (np.isfinite(horizons).all() and (horizons >= 0).all()):
        raise ValueError("horizons must be finite and not negative")
    alive = np.asarray(expit(-log_odds_dead(params, x_, t_x_, age_)))
    first, inverse = _distinct_pairs(x_, age_)
    transactions, survival = _given_alive(params, x_[first], age_[first], horizons)
    share = alive[:, None]
    return alive, transactions[inverse] * share, survival[inverse] * share


def expected_transactions(
    params: Parameters, x: ArrayLike, t_x: ArrayLike, age: ArrayLike, t: ArrayLike
) -> Floats:
    """Expected transactions in (T, T + t], shape (n, m); see :func:`futures`."""
    return futures(params, x, t_x, age, t)[1]


def _distinct_pairs(x: Floats, age: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row of the first of each distinct (x, T), and each row's place among them."""
    _, x_code = np.unique(x, return_inverse=True)
    ages, age_code = np.unique(age, return_inverse=True)
    code = x_code.astype(np.int64) * max(ages.size, 1) + age_code
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    return first, inverse


def _given_alive(params: Parameters, x: Floats, age: Floats, t: Floats) -> tuple[Floats, Floats]:
    """Expected transactions and survival given alive at T, both of shape (rows, m)."""
    transactions = np.empty((x.size, t.size))
    survival = np.empty((x.size, t.size))
    points = _points_needed(params, x, age, float(t.max(initial=0.0)))
    order = np.lexsort((points, x))
    breaks = np.flatnonzero(np.diff(x[order]) != 0) + 1
    breaks = np.union1d(breaks, np.flatnonzero(np.diff(points[order]) != 0) + 1)
    for rows in np.split(order, breaks.astype(int)):
        if rows.size == 0:
            continue
        frequency = float(x[rows[0]])
        coins = frequency + 1.0 if params.modified else frequency
        p, w = beta_rule(params.a, params.b + coins, int(points[rows[0]]))
        shape = params.r + frequency
        for part in np.array_split(rows, -(-rows.size // _ROWS_AT_ONCE)):
            u = t[None, :, None] / (params.alpha + age[part])[:, None, None]
            lost = np.expm1(-shape * np.log1p(u * p))
            transactions[part] = -(lost @ (w / p))
            survival[part] = 1.0 + lost @ w
    return transactions, np.clip(survival, 0.0, 1.0)


def _points_needed(params: Parameters, x: Floats, age: Floats, longest: float) -> NDArray[np.intp]:
    """Quadrature points for about 1e-11: the error falls like exp(−4·points/√u).

    Past the 512 points allowed (u·steep above 7,000, hundreds of visits a week) it is larger.
    """
    u = longest / (params.alpha + age)
    steep = np.maximum(1.0, (params.r + x) / (params.a + params.b + x))
    wanted = 12.0 + 6.0 * np.sqrt(u * steep)
    return np.exp2(np.ceil(np.log2(np.clip(wanted, 16.0, 512.0)))).astype(int)
