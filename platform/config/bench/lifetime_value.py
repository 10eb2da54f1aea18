"""Transactions → statistics → fits → 60-month values: this product against ``lifetimes``.

Both sides get the same frame, one after the other in one process. The library's public functions
are called as its documentation does.
"""

import contextlib
import sys
import warnings
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from config.bench.catalogue import BenchRefused, Order
from config.bench.measurement import PeakMemory, Stages
from config.bench.purchases import FIRST_DAY, TRUTH, WINDOW_DAYS, draw
from ml.bgnbd import Parameters, expected_transactions
from ml.curves import DAYS_PER_MONTH
from ml.gamma_gamma import SpendParameters
from ml.lifetime_value import Forecast, LifetimeModel, fit_divisions, predict
from ml.statistics import sufficient_statistics

Floats = NDArray[np.float64]

MONTHS = 60
DISCOUNT_RATE = 0.08
AS_OF = FIRST_DAY + WINDOW_DAYS
DIVISION = ("D", "person")
YEAR_DAYS = 12 * DAYS_PER_MONTH


def measure(order: Order) -> dict[str, Any]:
    """Keys of the report: seconds of both sides, fits, and how far predictions differ."""
    ledger = draw(order.customers, order.seed)
    _warm_up()
    stages = Stages()
    with PeakMemory() as memory:
        statistics, model, forecast = _ours(ledger, stages)
    theirs = Stages()
    with PeakMemory() as peer_memory:
        summary, fitters, their_values = _theirs(ledger, theirs)
    ours_seconds, peer_seconds = sum(stages.seconds.values()), sum(theirs.seconds.values())
    return {
        "transactions": len(ledger),
        "seconds": {**stages.seconds, "total": round(ours_seconds, 4)},
        **memory.figures(),
        "peer": "lifetimes: summary_data_from_transaction_data, BetaGeoFitter.fit,"
        " GammaGammaFitter.fit, customer_lifetime_value",
        "peer_stages": theirs.seconds,
        "peer_seconds": round(peer_seconds, 4),
        "peer_peak_mb": peer_memory.own_mb,
        "ratio": round(peer_seconds / ours_seconds, 2),
        "ratio_is": "peer / ours: how many times faster ours is",
        **_differences(statistics, summary, model, forecast, fitters[0]),
        "fits": _fits(model, fitters),
        "values": {
            "ours_total": round(float(forecast.table()["ltv"].sum()), 2),
            "peer_total": round(float(np.nansum(their_values)), 2),
            "peer_not_a_number": int((~np.isfinite(their_values)).sum()),
        },
    }


def _warm_up() -> None:
    """Both sides once on little: imports and first calls take seconds and are not measured."""
    little = draw(2_000, seed=1)
    _ours(little, Stages())
    _theirs(little, Stages())


@contextlib.contextmanager
def _quiet() -> Any:
    """The library warns a great deal; what it prints goes to stderr, stdout is for the report."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        yield


def _ours(ledger: pd.DataFrame, stages: Stages) -> tuple[pd.DataFrame, LifetimeModel, Forecast]:
    visit_days = ledger.assign(margin=ledger["revenue"], accident_revenue=0.0, accident_margin=0.0)
    no_purchases = pd.DataFrame(
        {"customer": np.empty(0, dtype=np.int64), "day": np.empty(0, dtype="datetime64[s]")}
    )
    with stages.timed("statistics"):
        statistics = sufficient_statistics(no_purchases, visit_days, AS_OF.item())
        statistics["division"], statistics["segment"] = DIVISION
    with stages.timed("fits"):
        model = fit_divisions(statistics)
    with stages.timed("values"):
        forecast = predict(model, statistics, months=MONTHS, discount_rate=DISCOUNT_RATE)
        forecast.table()
    return statistics, model, forecast


def _theirs(ledger: pd.DataFrame, stages: Stages) -> tuple[pd.DataFrame, tuple[Any, Any], Floats]:
    from lifetimes.utils import summary_data_from_transaction_data

    # In yuan the library's search for the spend model often stops short ("precision loss").
    scale = float(ledger["revenue"].mean())
    ledger = ledger.assign(revenue=ledger["revenue"] / scale)
    with _quiet():
        with stages.timed("statistics"):
            summary = summary_data_from_transaction_data(
                ledger,
                "customer",
                "day",
                monetary_value_col="revenue",
                observation_period_end=pd.Timestamp(AS_OF),
            )
        with stages.timed("fits"):
            transactions, spend = _library_fits(summary)
        with stages.timed("values"):
            values = spend.customer_lifetime_value(
                transactions,
                summary["frequency"],
                summary["recency"],
                summary["T"],
                summary["monetary_value"],
                time=MONTHS,
                discount_rate=(1.0 + DISCOUNT_RATE) ** (1.0 / 12.0) - 1.0,
                freq="D",
            )
    spend.params_["v"] *= scale
    return summary, (transactions, spend), values.to_numpy(dtype=float) * scale


def _library_fits(summary: pd.DataFrame) -> tuple[Any, Any]:
    import lifetimes
    from lifetimes.utils import ConvergenceError

    transactions, spend = lifetimes.BetaGeoFitter(), lifetimes.GammaGammaFitter()
    repeat = summary[(summary["frequency"] > 0) & (summary["monetary_value"] > 0)]
    try:
        transactions.fit(summary["frequency"], summary["recency"], summary["T"])
        spend.fit(repeat["frequency"], repeat["monetary_value"])
    except ConvergenceError as error:
        raise BenchRefused(
            f"lifetimes does not converge on {len(summary):,} customers of this seed, so there is"
            " nothing to compare with: choose more customers or another --seed."
        ) from error
    return transactions, spend


def _differences(
    statistics: pd.DataFrame,
    summary: pd.DataFrame,
    model: LifetimeModel,
    forecast: Forecast,
    fitter: Any,
) -> dict[str, Any]:
    """Expected visits of twelve months at our parameters and on our month, customer by customer.

    The product's figure comes from the eight numbers of a curve; ``formula`` compares the function
    under it. The library's is left out where it is not a number.
    """
    params = model.cohorts[DIVISION].params
    if not isinstance(params, Parameters):
        raise TypeError("the library has no counterpart of MBG/CNBD-k")
    x, t_x, age = (statistics[name].to_numpy(dtype=float) for name in ("x", "t_x", "T"))
    same = [summary[name].to_numpy(dtype=float) for name in ("frequency", "recency", "T")]
    with _at_parameters(fitter, params), np.errstate(all="ignore"):
        library = np.asarray(
            fitter.conditional_expected_number_of_purchases_up_to_time(YEAR_DAYS, *same),
            dtype=float,
        )
    right = np.isfinite(library) & (library > 0)
    year = (np.arange(1, MONTHS + 1) <= 12).astype(float)
    published = forecast.total_visits(year)
    direct = expected_transactions(params, x, t_x, age, YEAR_DAYS)[:, 0]
    return {
        "max_relative_difference": _largest(published[right], library[right]),
        "difference_is": "expected visits of 12 months of 30.4375 days, at our parameters",
        "formula_max_relative_difference": _largest(direct[right], library[right]),
        "compared": int(right.sum()),
        "peer_wrong": int((~right).sum()),
        "statistics_equal": all(
            bool((ours == peer).all()) for ours, peer in zip((x, t_x, age), same, strict=True)
        ),
    }


@contextlib.contextmanager
def _at_parameters(fitter: Any, params: Parameters) -> Any:
    """The library's fitter with other parameters than those it found."""
    found = fitter.params_
    fitter.params_ = pd.Series({"r": params.r, "alpha": params.alpha, "a": params.a, "b": params.b})
    try:
        with _quiet():
            yield
    finally:
        fitter.params_ = found


def _largest(ours: Floats, theirs: Floats) -> float:
    return float(np.max(np.abs(ours / theirs - 1.0), initial=0.0))


def _fits(model: LifetimeModel, fitters: tuple[Any, Any]) -> dict[str, Any]:
    """Parameters of both sides beside those that the data were drawn from."""
    cohort, worth = model.cohorts[DIVISION], model.worths[DIVISION]
    spend: SpendParameters | None = worth.spend.params
    transactions = cohort.params
    ours = {name: getattr(transactions, name) for name in ("r", "alpha", "a", "b")}
    theirs = {name: float(value) for name, value in fitters[0].params_.items()}
    money = fitters[1].params_
    their_money = {"p": float(money["p"]), "q": float(money["q"]), "gamma": float(money["v"])}
    return {
        "truth": asdict(TRUTH),
        "transactions": {
            "ours": ours,
            "peer": theirs,
            "model": cohort.chosen.model,
            "estimator": cohort.chosen.estimator,
            "status": cohort.chosen.status,
            "max_relative_difference": _largest(
                np.array(list(ours.values())), np.array([theirs[name] for name in ours])
            ),
        },
        "spend": {
            # The product counts the first visit's money too, the library leaves it out.
            "ours": None if spend is None else asdict(spend),
            "peer": their_money,
            "estimator": worth.spend.estimator,
            "status": worth.spend.status,
        },
    }
