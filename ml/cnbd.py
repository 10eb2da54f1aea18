"""MBG/CNBD-k: customers whose visits come more regularly than by chance.

Reutterer, Platzer & Schröder (2020), "Leveraging purchase regularity for predicting customer
behavior the easy way", IJRM, doi 10.1016/j.ijresmar.2020.09.002; written from the paper's model,
not from its code. The gap between two transactions is Erlang-k: k stages, each at rate λ ~
Gamma(r, α); after birth and after every transaction a customer drops out with probability
p ~ Beta(a, b). k = 1 is MBG/NBD.

Given that the customer is alive at T, p is Beta(a, b + x + 1); and with probability w_j, the j-th
term of S2 below over their sum, j < k stages of the current gap have passed, so that λ is
Gamma(r + kx + j, α + T). The stages within the next t are then negative binomial, and everything
expected is a sum over them, exact and without approximation (the paper gives one):

    E[transactions in t | alive, j] = Σ_n NB(n; r + kx + j, z) · G(⌊(n + j)/k⌋),  z = t/(α + T + t)
    P(alive at T + t   | alive, j] = Σ_n NB(n; r + kx + j, z) · h(⌊(n + j)/k⌋)
    h(m) = B(a, b + x + 1 + m)/B(a, b + x + 1),   G(m) = h(0) + … + h(m − 1)
"""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, expit, gammaincinv, gammaln

from ml.bgnbd import check_history
from ml.quadrature import beta_rule

Floats = NDArray[np.float64]

LARGEST_K = 4
_CELLS = 4_000_000
_MOST_STAGES = 6_000
"""Beyond as many stages their number is taken as continuous; error below 1/1,000."""
_QUANTILES = 256


@dataclass(frozen=True)
class RegularParameters:
    """Parameters of one MBG/CNBD-k; ``alpha`` carries the unit of time (days in the product)."""

    k: int
    r: float
    alpha: float
    a: float
    b: float

    def __post_init__(self) -> None:
        values = np.array([self.r, self.alpha, self.a, self.b])
        if not (np.isfinite(values).all() and (values > 0).all()):
            raise ValueError(f"MBG/CNBD-k parameters must be positive and finite, got {values}")
        if self.k != int(self.k) or self.k < 1:
            raise ValueError(f"k must be a whole number of at least 1, got {self.k}")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        return cls(**values)


def log_stages(params: RegularParameters, x: Floats, t_x: Floats, age: Floats) -> Floats:
    """Logs of the k terms of S2, shape (n, k): j stages have passed since the last transaction."""
    shape = params.r + params.k * x
    share = (age - t_x) / (params.alpha + age)
    terms = np.zeros((x.size, params.k))
    with np.errstate(divide="ignore"):
        log_share = np.log(share)
    for j in range(1, params.k):
        terms[:, j] = gammaln(shape + j) - gammaln(shape) - gammaln(j + 1) + j * log_share
    return terms


def log_dead(params: RegularParameters, x: Floats, t_x: Floats, age: Floats) -> Floats:
    """Log of S1, shape (n,): the weight of having dropped out after the last transaction."""
    growth = np.log(params.alpha + age) - np.log(params.alpha + t_x)
    return np.log(params.a) - np.log(params.b + x) + (params.r + params.k * x) * growth


def log_likelihood(
    params: RegularParameters, x: ArrayLike, t_x: ArrayLike, age: ArrayLike, litt: ArrayLike
) -> Floats:
    """Log-likelihood of each history, shape (n,); ``litt`` = Σ log of the gaps since birth."""
    x_, t_x_, age_ = check_history(x, t_x, age)
    r, alpha, a, b, k = params.r, params.alpha, params.a, params.b, params.k
    shape = r + k * x_
    silent = np.logaddexp(
        log_dead(params, x_, t_x_, age_),
        np.logaddexp.reduce(log_stages(params, x_, t_x_, age_), axis=1),
    )
    return np.asarray(
        (k - 1) * np.asarray(litt, dtype=float)
        - x_ * gammaln(k)
        + betaln(a, b + x_ + 1)
        - betaln(a, b)
        + gammaln(shape)
        - gammaln(r)
        - r * np.log1p(age_ / alpha)
        - k * x_ * np.log(alpha + age_)
        + silent
    )


def probability_alive(
    params: RegularParameters, x: ArrayLike, t_x: ArrayLike, age: ArrayLike
) -> Floats:
    """P(alive at T) = S2/(S1 + S2), shape (n,)."""
    x_, t_x_, age_ = check_history(x, t_x, age)
    stages = np.logaddexp.reduce(log_stages(params, x_, t_x_, age_), axis=1)
    return np.asarray(expit(stages - log_dead(params, x_, t_x_, age_)))


def futures(
    params: RegularParameters, x: ArrayLike, t_x: ArrayLike, age: ArrayLike, t: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """P(alive at T) (n,); expected transactions in (T, T + t] and P(alive at T + t), (n, m).

    Histories of shape (n,), horizons of shape (m,), in the unit of α. As in
    :func:`ml.bgnbd.futures` the transactions contain survival.
    """
    x_, t_x_, age_ = check_history(x, t_x, age)
    horizons = np.atleast_1d(np.asarray(t, dtype=float))
    if not (np.isfinite(horizons).all() and (horizons >= 0).all()):
        raise ValueError("horizons must be finite and not negative")
    terms = log_stages(params, x_, t_x_, age_)
    total = np.logaddexp.reduce(terms, axis=1)
    alive = np.asarray(expit(total - log_dead(params, x_, t_x_, age_)))
    weight = np.exp(terms - total[:, None]) * alive[:, None]
    transactions = np.zeros((x_.size, horizons.size))
    survival = np.zeros((x_.size, horizons.size))
    for frequency in np.unique(x_):
        rows = np.flatnonzero(x_ == frequency)
        ages, place = np.unique(age_[rows], return_inverse=True)
        for j in range(params.k):
            visits, still = _given_stage(params, float(frequency), j, ages, horizons)
            transactions[rows] += weight[rows, j, None] * visits[place]
            survival[rows] += weight[rows, j, None] * still[place]
    return alive, transactions, np.clip(survival, 0.0, alive[:, None])


def _given_stage(
    params: RegularParameters, x: float, j: int, age: Floats, t: Floats
) -> tuple[Floats, Floats]:
    """Expected transactions and survival of those alive with j stages passed, each (ages, m)."""
    shape, b = params.r + params.k * x + j, params.b + x + 1.0
    odds = t[None, :] / (params.alpha + age)[:, None]
    largest = odds.max(axis=1, initial=0.0)
    wanted = shape * largest + 12.0 * np.sqrt(shape * largest * (1.0 + largest))
    wanted += 40.0 * (1.0 + largest)
    transactions, survival = np.zeros(odds.shape), np.ones(odds.shape)
    grade = np.ceil(np.log2(np.maximum(wanted, 32.0)))
    for one in np.unique(grade):
        rows = np.flatnonzero(grade == one)
        if 2**one > _MOST_STAGES:
            transactions[rows], survival[rows] = _of_many(params, b, shape, j, odds[rows])
            continue
        stages = int(2**one)
        step = max(_CELLS // (stages * max(t.size, 1)), 1)
        table = _table(params, b, j, stages)
        for part in np.array_split(rows, -(-rows.size // step)):
            found = _summed(shape, odds[part].ravel(), table)
            transactions[part] = found[:, 0].reshape(part.size, t.size)
            survival[part] = found[:, 1].reshape(part.size, t.size)
    return transactions, survival


def _table(params: RegularParameters, b: float, j: int, stages: int) -> Floats:
    """G and h at ⌊(n + j)/k⌋ for n = 0 … stages, shape (stages + 1, 2)."""
    m = np.arange((stages + j) // params.k + 1, dtype=float)
    h = np.exp(betaln(params.a, b + m) - betaln(params.a, b))
    g = np.concatenate([[0.0], np.cumsum(h)[:-1]])
    at = (np.arange(stages + 1) + j) // params.k
    return np.column_stack([g[at], h[at]])


def _summed(shape: float, odds: Floats, table: Floats) -> Floats:
    """Σ_n NB(n) · table[n], shape (rows, 2); what is left beyond the table counts as its end."""
    n = np.arange(len(table), dtype=float)
    with np.errstate(divide="ignore"):
        log_z = np.log(odds) - np.log1p(odds)
    log_choose = gammaln(shape + n) - gammaln(shape) - gammaln(n + 1)
    with np.errstate(invalid="ignore"):
        power = np.where(n == 0, 0.0, n * log_z[:, None])
    mass = np.exp(log_choose + power - shape * np.log1p(odds)[:, None])
    rest = np.maximum(1.0 - mass.sum(axis=1), 0.0)
    return np.asarray(mass @ table + rest[:, None] * table[-1])


def _of_many(
    params: RegularParameters, b: float, shape: float, j: int, odds: Floats
) -> tuple[Floats, Floats]:
    """Thousands of stages: their number at the quantiles of λ, the floor taken at its mean."""
    p, w = beta_rule(params.a, b, 256)
    rate = gammaincinv(shape, (np.arange(_QUANTILES) + 0.5) / _QUANTILES)
    stages = rate[None, None, :] * odds[:, :, None]
    visits = np.maximum((stages + j - (params.k - 1) / 2.0) / params.k, 0.0)
    flat, log_stay = visits.ravel(), np.log1p(-np.minimum(p, 1.0 - 1e-16))
    transactions, survival = np.empty(flat.size), np.empty(flat.size)
    for part in np.array_split(np.arange(flat.size), -(-flat.size // 10_000)):
        gone = np.expm1(flat[part, None] * log_stay[None, :])
        transactions[part] = -(gone @ (w / p))
        survival[part] = 1.0 + gone @ w
    shape_of = visits.shape
    return (
        transactions.reshape(shape_of).mean(axis=2),
        np.clip(survival, 0.0, 1.0).reshape(shape_of).mean(axis=2),
    )
