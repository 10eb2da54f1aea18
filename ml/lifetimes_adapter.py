"""The only place that imports `lifetimes`.

The library estimates BG/NBD and Gamma-Gamma; nothing else of it is used. What it gets wrong stays
in here: it silences warnings for the whole process when imported and when fitting, prints on
failure, does not converge on homogeneous cohorts, and lets parameters run away. It is therefore
started from a bounded optimum found with analytic gradients (:mod:`ml.maximum_likelihood`), kept
inside the same bounds, given scaled time and money, and believed only if this product's own
gradient vanishes where it stopped.
"""

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from ml import gamma_gamma
from ml import maximum_likelihood as ml
from ml.bgnbd import Parameters
from ml.cnbd import RegularParameters
from ml.gamma_gamma import SpendParameters

Floats = NDArray[np.float64]

CONVERGED = "converged"
AT_THE_BOUND = "at the bound"
REFUSED = "refused"

BG_NBD = "BG/NBD"
MBG_NBD = "MBG/NBD"

LIBRARY_ROWS = 20_000
"""Distinct histories (for spend: customers) up to which the library estimates. Beyond, the analytic
optimum stands: on 814,000 histories both agreed to 1e-4 relative, in .8 s against 5.6 s from the
same start. The library is then fitted on a sample of them, and how far both lie apart there is
part of the fit (``agreement``) and shown on the model card."""

SAMPLE_ROWS = 5_000

MIN_REPEATERS = 2
MIN_SPENDERS = 30


@dataclass(frozen=True)
class Agreement:
    """`lifetimes` and the analytic search on the same ``rows`` of a sample: the largest relative
    difference of a parameter, None where the library gave up."""

    rows: int
    max_relative_difference: float | None


@dataclass(frozen=True)
class TransactionFit:
    """A fitted BG/NBD, MBG/NBD or (:mod:`ml.regular_timing`) MBG/CNBD-k.

    ``status``: "converged", "at the bound" (a usable optimum on the edge of the allowed region,
    named in ``reason``) or "refused" (``params`` is None, ``reason`` says why). ``estimator``:
    "lifetimes" or "analytic". ``slope``: largest projected gradient of the mean log-likelihood in
    the log parameters. ``covariance``: (4, 4) of (log r, log α, log a, log b) as nested lists.
    ``agreement``: where the library did not estimate, what it made of a sample; see
    :class:`Agreement`.
    """

    model: str
    status: str
    reason: str
    params: Parameters | RegularParameters | None
    estimator: str
    customers: float
    repeaters: float
    log_likelihood: float | None
    slope: float | None
    covariance: list[list[float]] | None
    agreement: "Agreement | None" = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class SpendFit:
    """A fitted Gamma-Gamma.

    ``params`` is None when refused. ``mean_spend``: mean over customers of their mean spend;
    ``elasticity``: slope of log spend on log frequency, which the model assumes to be 0.
    """

    status: str
    reason: str
    params: SpendParameters | None
    estimator: str
    customers: int
    mean_spend: float | None
    elasticity: float | None
    log_likelihood: float | None
    slope: float | None
    agreement: "Agreement | None" = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def fit_bgnbd(
    x: ArrayLike, t_x: ArrayLike, age: ArrayLike, weights: ArrayLike | None = None
) -> TransactionFit:
    """Fit BG/NBD to histories of shape (n,), any unit of time; equal rows may carry weights."""
    return _fit_transactions(BG_NBD, x, t_x, age, weights)


def fit_mbgnbd(
    x: ArrayLike, t_x: ArrayLike, age: ArrayLike, weights: ArrayLike | None = None
) -> TransactionFit:
    """Fit MBG/NBD, with the analytic search alone: the library has no bounds for it."""
    return _fit_transactions(MBG_NBD, x, t_x, age, weights)


# The optimisers multiply small matrices: BLAS threads cost several times what they save.
_one_thread = threadpool_limits.wrap(limits=1, user_api="blas")


@_one_thread
def _fit_transactions(
    model: str, x: ArrayLike, t_x: ArrayLike, age: ArrayLike, weights: ArrayLike | None
) -> TransactionFit:
    frequency = np.atleast_1d(np.asarray(x, dtype=float))
    weight = np.ones(frequency.size) if weights is None else np.asarray(weights, dtype=float)
    customers, repeaters = float(weight.sum()), float(weight[frequency > 0].sum())
    if repeaters < MIN_REPEATERS:
        reason = f"{repeaters:.0f} customers came back, at least {MIN_REPEATERS} are needed"
        return TransactionFit(
            model, REFUSED, reason, None, "none", customers, repeaters, None, None, None
        )
    data = ml.Collapsed.of(x, t_x, age, weight)
    likelihood, best = ml.maximise(data, modified=model == MBG_NBD)
    estimator, agreement = "analytic", None
    if model == BG_NBD and best.converged and data.x.size > LIBRARY_ROWS:
        agreement = _transactions_agree(data)
    elif model == BG_NBD and best.converged:
        theirs = _library_bgnbd(data, best.log_params)
        if theirs is not None:
            found = ml.assess(likelihood, theirs)
            if found.converged:
                best, estimator = found, "lifetimes"
    status, reason = verdict(best)
    return TransactionFit(
        model,
        status,
        reason,
        None if status == REFUSED else best.params,
        estimator,
        customers,
        repeaters,
        best.log_likelihood,
        best.slope,
        None if best.covariance is None else best.covariance.tolist(),
        agreement,
    )


def _transactions_agree(data: ml.Collapsed) -> Agreement:
    sample = data.thinned(SAMPLE_ROWS)
    _, own = ml.maximise(sample, modified=False)
    return _agreement(sample.x.size, own.log_params, _library_bgnbd(sample, own.log_params))


def _agreement(rows: int, own: Floats, theirs: Floats | None) -> Agreement:
    apart = None if theirs is None else float(np.abs(np.expm1(theirs - own)).max())
    return Agreement(rows, apart)


def verdict(found: ml.Optimum) -> tuple[str, str]:
    """Status and reason of a fit that ended there."""
    if found.slope > ml.GRADIENT_TOLERANCE:
        return REFUSED, f"no maximum found: slope {found.slope:.1e} where the search stopped"
    if found.at_bound:
        return AT_THE_BOUND, f"{', '.join(found.at_bound)} ran to the edge of the allowed range"
    return CONVERGED, ""


@_one_thread
def fit_gamma_gamma(x: ArrayLike, mean_spend: ArrayLike) -> SpendFit:
    """Fit Gamma-Gamma to customers with x ≥ 1 transactions of positive mean spend (yuan).

    Other rows are left out. q ≤ 1 is refused: the expected spend of a new customer would be
    negative or infinite.
    """
    frequency, money = np.asarray(x, dtype=float), np.asarray(mean_spend, dtype=float)
    usable = (frequency > 0) & (money > 0)
    frequency, money = frequency[usable], money[usable]
    if frequency.size < MIN_SPENDERS:
        reason = f"{frequency.size} customers with spend, at least {MIN_SPENDERS} are needed"
        return SpendFit(REFUSED, reason, None, "none", frequency.size, None, None, None, None)
    mean = float(money.mean())
    likelihood = gamma_gamma.SpendLikelihood(frequency, money / mean)
    best, estimator = gamma_gamma.maximise(likelihood), "analytic"
    slope, agreement = _spend_slope(likelihood, best), None
    if frequency.size > LIBRARY_ROWS and slope <= ml.GRADIENT_TOLERANCE:
        agreement = _spend_agrees(frequency, money / mean)
    elif slope <= ml.GRADIENT_TOLERANCE:
        theirs = _library_gamma_gamma(frequency, money / mean, best)
        if theirs is not None and _spend_slope(likelihood, theirs) <= ml.GRADIENT_TOLERANCE:
            best, estimator, slope = theirs, "lifetimes", _spend_slope(likelihood, theirs)
    p, q, gamma = (float(value) for value in np.exp(best))
    status, reason = _spend_verdict(best, q, slope)
    return SpendFit(
        status,
        reason,
        None if status == REFUSED else SpendParameters(p, q, gamma * mean),
        estimator,
        frequency.size,
        mean,
        gamma_gamma.spend_elasticity(frequency, money),
        likelihood(best)[0] * frequency.size - frequency.size * float(np.log(mean)),
        slope,
        agreement,
    )


def _spend_agrees(x: Floats, money: Floats) -> Agreement:
    part = slice(None, None, max(x.size // SAMPLE_ROWS, 1))
    own = gamma_gamma.maximise(gamma_gamma.SpendLikelihood(x[part], money[part]))
    theirs = _library_gamma_gamma(x[part], money[part], own)
    return _agreement(x[part].size, own, theirs)


def _spend_verdict(log_params: Floats, q: float, slope: float) -> tuple[str, str]:
    if slope > ml.GRADIENT_TOLERANCE:
        return REFUSED, f"no maximum found: slope {slope:.1e} where the search stopped"
    if q <= 1.0 + 1e-6:
        return REFUSED, f"q = {q:.3f} is not above 1: expected spend does not exist"
    low = log_params <= gamma_gamma.LOWER + 1e-4
    high = log_params >= gamma_gamma.UPPER - 1e-4
    if (low | high).any():
        return AT_THE_BOUND, "spend hardly differs between customers or visits"
    return CONVERGED, ""


def _spend_slope(likelihood: gamma_gamma.SpendLikelihood, log_params: Floats) -> float:
    gradient = likelihood(log_params)[1]
    low = (log_params <= gamma_gamma.LOWER + 1e-4) & (gradient <= 0)
    high = (log_params >= gamma_gamma.UPPER - 1e-4) & (gradient >= 0)
    return float(np.abs(np.where(low | high, 0.0, gradient)).max())


@contextlib.contextmanager
def _contained() -> Iterator[None]:
    """Warning filters as before afterwards; what the library prints does not reach stdout."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _library() -> ModuleType:
    """Imported when first needed: it takes a second and changes the warning filters."""
    import lifetimes

    return lifetimes


def _library_bgnbd(data: ml.Collapsed, start: Floats) -> Floats | None:
    """Log parameters on scaled time, or None if the library gives up."""
    with _contained():
        library = _library()
        fitter = library.BetaGeoFitter()
        try:
            fitter.fit(
                data.x,
                data.t_x,
                data.age,
                weights=data.weights,
                initial_params=start,
                ftol=1e-15,
                gtol=1e-8,
                bounds=list(zip(ml.LOWER, ml.UPPER, strict=True)),
            )
        except (library.utils.ConvergenceError, np.linalg.LinAlgError):
            return None
    found = np.log(fitter.params_[["r", "alpha", "a", "b"]].to_numpy(dtype=float))
    return found if np.isfinite(found).all() else None


def _library_gamma_gamma(x: Floats, money: Floats, start: Floats) -> Floats | None:
    """Log parameters on scaled money, or None if the library gives up."""
    with _contained():
        library = _library()
        fitter = library.GammaGammaFitter()
        try:
            fitter.fit(x, money, initial_params=start, tol=1e-7)
        except (library.utils.ConvergenceError, np.linalg.LinAlgError):
            return None
    found = np.log(fitter.params_[["p", "q", "v"]].to_numpy(dtype=float))
    return found if np.isfinite(found).all() else None
