"""Bounded maximum likelihood of the BG/NBD and MBG/NBD models with analytic gradients.

Works on the logs of the parameters and on time scaled so that the longest age is 10 (as
`lifetimes` does), because on data in raw days the drop-out parameters and α differ by orders of
magnitude. Logs and gamma functions are evaluated once per distinct value, not once per customer.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, psi

from ml.bgnbd import Parameters, check_history
from ml.transaction_models import AnyParameters

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

LONGEST_AGE = 10.0
LOWER = np.log([1e-3, 1e-4, 1e-3, 1e-3])
UPPER = np.log([1e3, 1e5, 1e2, 1e3])
"""Bounds of log r, log α (scaled time), log a, log b. Drop-out parameters beyond 100 and 1,000
describe customers who all drop out with the same probability: the likelihood is flat there."""

GRADIENT_TOLERANCE = 1e-5
"""Largest slope of the mean log-likelihood in any log parameter that counts as converged."""

_AT_BOUND = 1e-4
_SEARCH_ROWS = 15_000
_STARTS = np.log([[0.5, 1.0, 0.5, 2.0], [1.5, 4.0, 1.0, 10.0]])


@dataclass(frozen=True)
class Collapsed:
    """Distinct histories with their weights, times scaled by ``scale`` to a longest age of 10."""

    x: Floats
    t_x: Floats
    age: Floats
    weights: Floats
    scale: float
    customers: float

    @classmethod
    def of(
        cls, x: ArrayLike, t_x: ArrayLike, age: ArrayLike, weights: ArrayLike | None = None
    ) -> "Collapsed":
        x_, t_x_, age_ = check_history(x, t_x, age)
        w = np.ones(x_.size) if weights is None else np.asarray(weights, dtype=float)
        if x_.size == 0 or not age_.max() > 0:
            raise ValueError("at least one customer with an age above zero is needed")
        order = np.lexsort((age_, t_x_, x_))
        x_, t_x_, age_, w = x_[order], t_x_[order], age_[order], w[order]
        new = np.ones(x_.size, dtype=bool)
        new[1:] = (np.diff(x_) != 0) | (np.diff(t_x_) != 0) | (np.diff(age_) != 0)
        start = np.flatnonzero(new)
        totals = np.add.reduceat(w, start)
        scale = LONGEST_AGE / float(age_.max())
        return cls(x_[new], t_x_[new] * scale, age_[new] * scale, totals, scale, float(w.sum()))

    def thinned(self, rows: int) -> "Collapsed":
        """Every k-th distinct history, about ``rows`` of them, on the same scale of time."""
        part = slice(None, None, max(self.x.size // rows, 1))
        weights = self.weights[part]
        return Collapsed(
            self.x[part], self.t_x[part], self.age[part], weights, self.scale, float(weights.sum())
        )


class AnyLikelihood(Protocol):
    """What :func:`assess` asks of a likelihood in four log parameters on scaled time."""

    data: Collapsed

    def __call__(self, log_params: Floats) -> tuple[float, Floats]: ...

    def total(self, mean: float) -> float: ...

    def parameters(self, log_params: Floats) -> AnyParameters: ...


class Likelihood:
    """Mean log-likelihood of collapsed histories and its gradient in the log parameters."""

    def __init__(self, data: Collapsed, modified: bool) -> None:
        self.data, self.modified = data, modified
        self._x, self._x_code = _codes(data.x)
        self._age, self._age_code = _codes(data.age)
        self._t_x, self._t_x_code = _codes(data.t_x)
        self._w = data.weights / data.customers
        self._w_x = np.bincount(self._x_code, self._w, self._x.size)
        self._w_age = np.bincount(self._age_code, self._w, self._age.size)
        self._w_x_age = np.bincount(self._age_code, self._w * data.x, self._age.size)

    def __call__(self, log_params: Floats) -> tuple[float, Floats]:
        """Value and gradient, shape (4,), of the mean log-likelihood."""
        r, alpha, a, b = np.exp(log_params)
        x = self._x
        coins = x + 1.0 if self.modified else x
        survivors = b + (x if self.modified else np.maximum(x, 1.0) - 1.0)
        log_age, log_t_x = np.log(alpha + self._age), np.log(alpha + self._t_x)
        gap = log_age[self._age_code] - log_t_x[self._t_x_code]
        shape = r + self.data.x
        odds = shape * gap + (np.log(a) - np.log(survivors))[self._x_code]
        if not self.modified:
            odds[self.data.x == 0] = -np.inf
        small = np.exp(-np.abs(odds))
        dead = np.where(odds > 0, 1.0, small) / (1.0 + small) * self._w
        log_alpha = log_params[1]

        per_x = gammaln(r + x) - gammaln(r) + betaln(a, b + coins) - betaln(a, b)
        value = float(
            self._w_x @ per_x
            + r * log_alpha
            - r * (self._w_age @ log_age)
            - self._w_x_age @ log_age
            + self._w @ (np.maximum(odds, 0.0) + np.log1p(small))
        )
        dead_x = np.bincount(self._x_code, dead, x.size)
        d_r = (
            self._w_x @ (psi(r + x) - psi(r))
            + log_alpha
            - self._w_age @ log_age
            + float(dead @ gap)
        )
        inverse_age, inverse_t_x = 1.0 / (alpha + self._age), 1.0 / (alpha + self._t_x)
        d_alpha = (
            r / alpha
            - (r * self._w_age + self._w_x_age) @ inverse_age
            + (dead * shape) @ (inverse_age[self._age_code] - inverse_t_x[self._t_x_code])
        )
        d_a = self._w_x @ (psi(a + b) - psi(a + b + coins)) + dead_x.sum() / a
        d_b = self._w_x @ (psi(b + coins) - psi(a + b + coins) - psi(b) + psi(a + b)) - dead_x @ (
            1.0 / survivors
        )
        return value, np.array([d_r * r, d_alpha * alpha, d_a * a, d_b * b])

    def total(self, mean: float) -> float:
        """Log-likelihood of all customers in the caller's unit of time from the scaled mean."""
        visits = float(self.data.weights @ self.data.x)
        return mean * self.data.customers + visits * float(np.log(self.data.scale))

    def parameters(self, log_params: Floats) -> Parameters:
        """Back to the caller's unit of time."""
        r, alpha, a, b = np.exp(log_params)
        return Parameters(
            float(r), float(alpha / self.data.scale), float(a), float(b), self.modified
        )

    def log_parameters(self, params: Parameters) -> Floats:
        return np.log([params.r, params.alpha * self.data.scale, params.a, params.b])


@dataclass(frozen=True)
class Optimum:
    """Where the search ended. ``slope``: largest projected gradient; ``covariance`` (4, 4) of the
    log parameters, None where the likelihood has no proper maximum inside the bounds."""

    log_params: Floats
    params: AnyParameters
    log_likelihood: float
    slope: float
    at_bound: tuple[str, ...]
    covariance: Floats | None

    @property
    def converged(self) -> bool:
        return self.slope <= GRADIENT_TOLERANCE and not self.at_bound


def maximise(data: Collapsed, modified: bool) -> tuple[Likelihood, Optimum]:
    """Search the bounded maximum; a second start is tried where the first ends on a slope.

    Of many histories a sample is searched first: where it ends, few steps are left to do.
    """
    likelihood = Likelihood(data, modified)
    best: Optimum | None = None
    for start in _STARTS:
        if data.x.size > 2 * _SEARCH_ROWS:
            start = _search(Likelihood(data.thinned(_SEARCH_ROWS), modified), start)
        found = assess(likelihood, _search(likelihood, start))
        if best is None or found.log_likelihood > best.log_likelihood:
            best = found
        if best.slope <= GRADIENT_TOLERANCE:
            break
    if best is None:
        raise AssertionError("there is at least one start")
    return likelihood, best


def assess(likelihood: AnyLikelihood, log_params: Floats) -> Optimum:
    """Slope, bounds and curvature at a point, by this module's own gradient."""
    value, gradient = likelihood(log_params)
    names = ("r", "alpha", "a", "b")
    low, high = log_params <= LOWER + _AT_BOUND, log_params >= UPPER - _AT_BOUND
    outward = (low & (gradient <= 0)) | (high & (gradient >= 0))
    free = np.where(outward, 0.0, gradient)
    return Optimum(
        log_params,
        likelihood.parameters(log_params),
        likelihood.total(value),
        float(np.abs(free).max()),
        tuple(name for name, is_at in zip(names, low | high, strict=True) if is_at),
        None if (low | high).any() else _covariance(likelihood, log_params),
    )


def _search(likelihood: Likelihood, start: Floats) -> Floats:
    def downhill(log_params: Floats) -> tuple[float, Floats]:
        value, gradient = likelihood(log_params)
        return -value, -gradient

    found = minimize(
        downhill,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(LOWER, UPPER, strict=True)),
        options={"maxiter": 500, "maxfun": 1000, "ftol": 1e-14, "gtol": 1e-8, "maxcor": 20},
    )
    return np.asarray(found.x)


def _covariance(likelihood: AnyLikelihood, log_params: Floats) -> Floats | None:
    """Inverse information from central differences of the gradient; symmetric by construction."""
    step = 1e-4
    hessian = np.empty((4, 4))
    for i in range(4):
        move = np.zeros(4)
        move[i] = step
        up, down = likelihood(log_params + move)[1], likelihood(log_params - move)[1]
        hessian[i] = (up - down) / (2 * step)
    information = -(hessian + hessian.T) / 2 * likelihood.data.customers
    smallest = np.linalg.eigvalsh(information)[0]
    return np.asarray(np.linalg.inv(information), dtype=float) if smallest > 1e-6 else None


def _codes(values: Floats) -> tuple[Floats, Codes]:
    distinct, code = np.unique(values, return_inverse=True)
    return distinct, code
