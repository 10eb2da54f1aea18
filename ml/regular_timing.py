"""Bounded maximum likelihood of MBG/CNBD-k, k chosen by likelihood.

Same scaling, bounds and gradient test as :mod:`ml.maximum_likelihood`. ``litt`` enters the
likelihood of a given k only as a constant, so histories of equal (x, t_x, T) still collapse.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, psi
from threadpoolctl import threadpool_limits

from ml import maximum_likelihood as ml
from ml.cnbd import LARGEST_K, RegularParameters
from ml.cnbd import log_likelihood as likelihood_of
from ml.lifetimes_adapter import MIN_REPEATERS, REFUSED, TransactionFit, verdict

Floats = NDArray[np.float64]

SEARCH_ROWS = 8_000
"""Distinct histories on which k is chosen."""
FIT_ROWS = 40_000
"""Distinct histories on which the chosen k is fitted: every n-th, weights kept. The standard error
that this adds is far below the spread between years."""

_START = np.log([1.0, 1.0, 0.6, 2.5])


class RegularLikelihood:
    """Mean log-likelihood of collapsed histories for one k, without the terms that no parameter
    changes, and its gradient in the logs of r, α (scaled time), a, b."""

    def __init__(self, data: ml.Collapsed, k: int) -> None:
        self.data, self.k = data, k
        self._x, self._code = np.unique(data.x, return_inverse=True)
        self._w = data.weights / data.customers
        self._w_x = np.bincount(self._code, self._w, self._x.size)
        with np.errstate(divide="ignore"):
            self._log_silence = np.log(data.age - data.t_x)

    def __call__(self, log_params: Floats) -> tuple[float, Floats]:
        """Value and gradient, shape (4,)."""
        r, alpha, a, b = np.exp(log_params)
        k, x, code, w = self.k, self._x, self._code, self._w
        shape_x = r + k * x
        shape = shape_x[code]
        log_age, log_t_x = np.log(alpha + self.data.age), np.log(alpha + self.data.t_x)
        gone = (np.log(a) - np.log(b + x))[code] + shape * (log_age - log_t_x)
        stages = self._stages(shape_x, log_age)
        top = np.maximum(gone, stages.max(axis=1))
        parts = np.exp(np.column_stack([gone, stages]) - top[:, None])
        total = parts.sum(axis=1)
        share = parts / total[:, None] * w[:, None]
        dead = share[:, 0]
        value = float(
            self._w_x @ (betaln(a, b + x + 1) - betaln(a, b) + gammaln(shape_x) - gammaln(r))
            + r * log_params[1]
            - w @ (shape * log_age)
            + w @ (top + np.log(total))
        )
        inverse_age, inverse_t_x = 1 / (alpha + self.data.age), 1 / (alpha + self.data.t_x)
        j = np.arange(k)
        risen = np.column_stack([psi(shape_x + i) - psi(shape_x) for i in j])[code]
        dead_x = np.bincount(code, dead, x.size)
        d_r = (
            self._w_x @ (psi(shape_x) - psi(r))
            + log_params[1]
            - w @ log_age
            + dead @ (log_age - log_t_x)
            + float((share[:, 1:] * risen).sum())
        )
        d_alpha = (
            r / alpha
            - w @ (shape * inverse_age)
            + (dead * shape) @ (inverse_age - inverse_t_x)
            - (share[:, 1:] @ j) @ inverse_age
        )
        ends = psi(a + b + x + 1)
        d_a = self._w_x @ (psi(a + b) - ends) + dead.sum() / a
        d_b = self._w_x @ (psi(b + x + 1) - psi(b) + psi(a + b) - ends) - dead_x @ (1 / (b + x))
        return value, np.array([d_r * r, d_alpha * alpha, d_a * a, d_b * b])

    def total(self, mean: float) -> float:
        """Of all customers, still without what does not depend on the parameters."""
        return mean * self.data.customers

    def parameters(self, log_params: Floats) -> RegularParameters:
        """Back to the caller's unit of time."""
        r, alpha, a, b = (float(value) for value in np.exp(log_params))
        return RegularParameters(self.k, r, alpha / self.data.scale, a, b)

    def _stages(self, shape_x: Floats, log_age: Floats) -> Floats:
        terms = np.zeros((self.data.x.size, self.k))
        for j in range(1, self.k):
            rise = gammaln(shape_x + j) - gammaln(shape_x) - gammaln(j + 1)
            terms[:, j] = rise[self._code] + j * (self._log_silence - log_age)
        return terms


@threadpool_limits.wrap(limits=1, user_api="blas")
def fit_regular(
    x: ArrayLike,
    t_x: ArrayLike,
    age: ArrayLike,
    litt: ArrayLike,
    weights: ArrayLike | None = None,
) -> TransactionFit:
    """Fit MBG/CNBD-k, k = 1 … 4 by likelihood, to histories of shape (n,).

    ``litt`` (n,): Σ log of the gaps between transactions since birth, in the unit of the times.
    """
    frequency = np.atleast_1d(np.asarray(x, dtype=float))
    gaps = np.atleast_1d(np.asarray(litt, dtype=float))
    weight = np.ones(frequency.size) if weights is None else np.asarray(weights, dtype=float)
    customers, repeaters = float(weight.sum()), float(weight[frequency > 0].sum())
    if repeaters < MIN_REPEATERS:
        reason = f"{repeaters:.0f} customers came back, at least {MIN_REPEATERS} are needed"
        return TransactionFit(
            "MBG/CNBD-k", REFUSED, reason, None, "none", customers, repeaters, None, None, None
        )
    data = ml.Collapsed.of(x, t_x, age, weight)
    few = data.thinned(SEARCH_ROWS) if data.x.size > SEARCH_ROWS else data
    # What of the likelihood depends on k but on no parameter, per customer and in scaled time.
    mean_gaps = float(weight @ gaps) / customers
    mean_x = float(weight @ frequency) / customers
    scaled = mean_gaps + mean_x * float(np.log(data.scale))
    found: dict[int, tuple[float, Floats]] = {}
    start = _START
    for k in range(1, LARGEST_K + 1):
        value, start = _search(RegularLikelihood(few, k), start)
        found[k] = value + (k - 1) * scaled - mean_x * float(gammaln(k)), start
    best = max(found, key=lambda k: found[k][0])
    part = data.thinned(FIT_ROWS) if data.x.size > 2 * FIT_ROWS else data
    likelihood = RegularLikelihood(part, best)
    _, log_params = _search(likelihood, found[best][1])
    optimum = ml.assess(likelihood, log_params)
    status, reason = verdict(optimum)
    params = likelihood.parameters(log_params)
    total = weight @ likelihood_of(params, x, t_x, age, gaps) if status != REFUSED else None
    return TransactionFit(
        f"MBG/CNBD-{best}",
        status,
        reason,
        None if status == REFUSED else params,
        "analytic",
        customers,
        repeaters,
        None if total is None else float(total),
        optimum.slope,
        None if optimum.covariance is None else optimum.covariance.tolist(),
    )


def _search(likelihood: RegularLikelihood, start: Floats) -> tuple[float, Floats]:
    def downhill(log_params: Floats) -> tuple[float, Floats]:
        value, gradient = likelihood(log_params)
        return -value, -gradient

    found = minimize(
        downhill,
        np.clip(start, ml.LOWER + 0.1, ml.UPPER - 0.1),
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(ml.LOWER, ml.UPPER, strict=True)),
        options={"maxiter": 300, "maxfun": 600, "ftol": 1e-14, "gtol": 1e-8, "maxcor": 20},
    )
    return -float(found.fun), np.asarray(found.x)
