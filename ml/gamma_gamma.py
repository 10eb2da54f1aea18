"""Gamma-Gamma model of spend per transaction (Fader & Hardie 2013, brucehardie.com/notes/025).

A customer's mean spend over x transactions is z̄; p, q and γ are the parameters, γ in the unit of
money. Expected spend exists only for q > 1.
"""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import gammaln, psi

Floats = NDArray[np.float64]

LOWER = np.log([1e-3, 1e-3, 1e-4])
UPPER = np.log([1e4, 1e4, 1e5])
"""Bounds of log p, log q, log γ for money scaled to a mean of 1."""

_START = np.log([2.0, 3.0, 1.0])


@dataclass(frozen=True)
class SpendParameters:
    p: float
    q: float
    gamma: float

    def __post_init__(self) -> None:
        values = np.array([self.p, self.q, self.gamma])
        if not (np.isfinite(values).all() and (values > 0).all()):
            raise ValueError(f"Gamma-Gamma parameters must be positive and finite, got {values}")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        return cls(**values)


def expected_spend(params: SpendParameters, x: ArrayLike, mean_spend: ArrayLike) -> Floats:
    """E[spend per transaction | x, z̄] = p(γ + x·z̄)/(p·x + q − 1), shape (n,).

    ``mean_spend`` is ignored where x = 0. Raises ValueError for q ≤ 1, where it does not exist.
    """
    if params.q <= 1:
        raise ValueError(f"expected spend does not exist for q = {params.q} ≤ 1")
    x_ = np.atleast_1d(np.asarray(x, dtype=float))
    total = np.where(x_ > 0, x_ * np.asarray(mean_spend, dtype=float), 0.0)
    return params.p * (params.gamma + total) / (params.p * x_ + params.q - 1.0)


class SpendLikelihood:
    """Mean log-likelihood over customers with x > 0 and positive spend, and its gradient."""

    def __init__(self, x: Floats, mean_spend: Floats) -> None:
        self.customers = x.size
        self._x, self._code = np.unique(x, return_inverse=True)
        self._w = np.bincount(self._code) / x.size
        self._total = x * mean_spend
        self._log_spend_x = np.bincount(self._code, np.log(mean_spend)) / x.size

    def __call__(self, log_params: Floats) -> tuple[float, Floats]:
        p, q, v = np.exp(log_params)
        px = p * self._x
        log_pool = np.log(self._total + v)
        log_pool_x = np.bincount(self._code, log_pool) / self.customers
        inverse_x = np.bincount(self._code, 1.0 / (self._total + v)) / self.customers
        log_x = np.log(self._x)
        value = (
            self._w @ (gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(v) + px * log_x)
            + (px - 1.0) @ self._log_spend_x
            - (px + q) @ log_pool_x
        )
        d_p = self._x @ (self._w * (psi(px + q) - psi(px) + log_x) + self._log_spend_x - log_pool_x)
        d_q = self._w @ (psi(px + q) - psi(q) + np.log(v)) - log_pool_x.sum()
        d_v = q / v - (px + q) @ inverse_x
        return float(value), np.array([d_p * p, d_q * q, d_v * v])


def maximise(likelihood: SpendLikelihood) -> Floats:
    """Log parameters of the bounded maximum, shape (3,)."""

    def downhill(log_params: Floats) -> tuple[float, Floats]:
        value, gradient = likelihood(log_params)
        return -value, -gradient

    found = minimize(
        downhill,
        _START,
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(LOWER, UPPER, strict=True)),
        options={"maxiter": 500, "maxfun": 1000, "ftol": 1e-14, "gtol": 1e-8, "maxcor": 20},
    )
    return np.asarray(found.x)


def spend_elasticity(x: Floats, mean_spend: Floats) -> float:
    """Slope of log spend on log frequency; the model assumes it is 0. NaN with one frequency."""
    log_x = np.log(x)
    spread = float(log_x.var())
    if spread == 0.0:
        return float("nan")
    return float(((log_x - log_x.mean()) * np.log(mean_spend)).mean() / spread)
