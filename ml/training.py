"""Carrying out one training run: extract, fit, score, write aside, gate, publish."""

import hashlib
import platform
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import sklearn

from ml import publication
from ml.churn import ChurnConfig, ChurnModel, train_churn
from ml.churn import NotEnoughData as NotEnoughForModel
from ml.configuration import CODE_VERSION, SMALLEST_GROUP
from ml.extraction import Extract, NotEnoughData, extract
from ml.features import customer_features
from ml.gate import judge
from ml.lifetime_value import Forecast, LifetimeModel, fit_divisions, predict
from ml.model_files import dump
from ml.models import ModelVersion, TrainingRun
from ml.next_year import NextYearModel, anchor, train_next_year
from ml.runs import Lease
from ml.scoring import Scored, score_frame
from ml.statistics import sufficient_statistics
from ml.vehicle_life import cap_months, owned_today
from organization.access import entered


@dataclass(frozen=True)
class Trained:
    """What a run fitted; ``next_year`` is None where history is too short for it."""

    lifetime: LifetimeModel
    churn: ChurnModel
    next_year: NextYearModel | None


def carry_out(lease: Lease) -> bool:
    """Carry out the run of ``lease``; True if its scores were published.

    A run without enough data, or whose scores fail the gate, ends cleanly with its reason; any
    other error marks the run as failed and is raised on. Either way the scores that were current
    stay current.
    """
    try:
        with lease.kept_alive():
            return _carry_out(lease)
    except (NotEnoughData, NotEnoughForModel) as lacking:
        lease.end(TrainingRun.Status.FAILED, str(lacking))
        raise NotEnoughData(str(lacking)) from lacking
    except Exception as error:
        lease.end(TrainingRun.Status.FAILED, f"{type(error).__name__}: {error}")
        raise


def _carry_out(lease: Lease) -> bool:
    run, config = lease.run, lease.run.config
    with lease.timed("extract", 0.02), entered(lease.access):
        data = extract(run.as_of)
    with lease.timed("statistics", 0.15):
        statistics = statistics_of(data)
        data_hash = hash_of(statistics)
    with lease.timed("lifetime_value", 0.2):
        try:
            lifetime = fit_divisions(statistics)
        except ValueError as refusal:
            raise NotEnoughData(str(refusal)) from refusal
        forecast = forecast_of(lifetime, statistics, data, config)
    with lease.timed("churn", 0.45):
        churn = train_churn(data.records, run.as_of, ChurnConfig())
    with lease.timed("next_year", 0.6):
        next_year = _next_year(data)
    with lease.timed("score", 0.75):
        features = customer_features(data.records, run.as_of, statistics.index, churn.divisions)
        champion = anchor(next_year, forecast, features) if next_year else forecast
        scored = score_frame(data, statistics, champion, churn, features)
    with lease.timed("write", 0.85):
        trained = Trained(lifetime, churn, next_year)
        ids = publication.write_models(lease, _versions(lease, trained, forecast, data_hash))
        frame = _with_fits(scored, forecast, ids)
        score_set = publication.create_score_set(
            lease,
            as_of=run.as_of,
            horizon_months=config["horizon_months"],
            customers=len(frame),
            data_hash=data_hash,
            model_version=model_version(run),
            summary=_summary(data, scored, forecast, champion),
        )
        publication.write_scores(lease, score_set, frame)
    with lease.timed("publish", 0.97):
        fits = [cohort.chosen.status for cohort in lifetime.cohorts.values()]
        gate = judge(scored.frame, fits, churn.report)
        return publication.publish(lease, score_set, gate, scored.tagged)


def statistics_of(data: Extract) -> pd.DataFrame:
    """Sufficient statistics with division, segment, home store and number of vehicles owned.

    Raises:
        NotEnoughData: fewer customers than a model can be fitted on.
    """
    statistics = sufficient_statistics(data.records.purchases, data.records.visit_days, data.as_of)
    known = data.records.customers
    statistics = statistics[statistics.index.isin(known.index)]
    if len(statistics) < SMALLEST_GROUP:
        raise NotEnoughData(
            f"{len(statistics)} customers were born before {data.as_of}; at least"
            f" {SMALLEST_GROUP} are needed to fit a model. Load more customers and visits, or"
            " choose a later date."
        )
    statistics = statistics.join(known[["division", "segment", "store", "kind"]])
    vehicles = owned_today(data.records.vehicles, data.as_of).groupby("customer").size()
    statistics["vehicles"] = vehicles.reindex(statistics.index).fillna(1).clip(lower=1)
    return statistics


def hash_of(statistics: pd.DataFrame) -> str:
    """SHA-256 over the statistics that the models saw: the identity of the data."""
    ordered = statistics.sort_index()
    return hashlib.sha256(
        pd.util.hash_pandas_object(ordered, index=True).to_numpy().tobytes()
    ).hexdigest()


def forecast_of(
    lifetime: LifetimeModel, statistics: pd.DataFrame, data: Extract, config: dict[str, Any]
) -> Forecast:
    horizon = int(config["horizon_months"])
    cap = cap_months(
        data.records.vehicles,
        statistics,
        data.as_of,
        life_years=int(config["vehicle_life_years"]),
        horizon=horizon,
    )
    return predict(
        lifetime,
        statistics,
        months=horizon,
        discount_rate=float(config["discount_rate"]),
        cap_months=cap,
    )


def model_version(run: TrainingRun) -> str:
    return f"{run.as_of:%Y%m%d}.{run.pk}"


def _environment() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pandas": pd.__version__,
        "scikit-learn": sklearn.__version__,
        "code": CODE_VERSION,
    }


def _versions(
    lease: Lease, trained: Trained, forecast: Forecast, data_hash: str
) -> list[dict[str, Any]]:
    run, churn = lease.run, trained.churn
    common = {"version": model_version(run), "as_of": run.as_of, "data_hash": data_hash}
    divisions = _division_ids(lease)
    rows = []
    for cohort in trained.lifetime.as_dict():
        key = (cohort["division"], cohort["segment"])
        number = forecast.keys.index(key)
        rows.append(
            {
                **common,
                "kind": ModelVersion.Kind.LIFETIME_VALUE,
                "name": "/".join(key),
                "division_id": divisions.get(cohort["division"]),
                "parameters": cohort | {"map": forecast.maps[number].as_dict()},
                "metrics": {"environment": _environment()},
                "status": cohort["status"][:40],
                "converged": cohort["chosen"]["status"] == "converged",
            }
        )
    content, digest = dump(churn.classifier)
    rows.append(
        {
            **common,
            "kind": ModelVersion.Kind.CHURN,
            "name": "churn",
            "parameters": {"divisions": list(churn.divisions)},
            "metrics": churn.report | {"environment": _environment()},
            "status": "converged",
            "converged": True,
            "file": content,
            "sha256": digest,
        }
    )
    if trained.next_year is not None:
        rows.extend(_next_year_versions(common, trained.next_year))
    return rows


def _next_year_versions(common: dict[str, Any], model: NextYearModel) -> list[dict[str, Any]]:
    """The trees of months 1-12 and, where history reaches, of months 13-24."""
    rows = []
    for name, trees in (("next_year", model.first), ("second_year", model.second)):
        if trees is None:
            continue
        content, digest = dump(trees)
        rows.append(
            {
                **common,
                "kind": ModelVersion.Kind.NEXT_YEAR,
                "name": name,
                "parameters": {
                    "divisions": list(model.divisions),
                    "anchored": {"/".join(key): won for key, won in model.anchored.items()},
                    "spend_factors": {"/".join(k): v for k, v in model.spend_factors.items()},
                },
                "metrics": model.report | {"environment": _environment()},
                "status": "converged",
                "converged": True,
                "file": content,
                "sha256": digest,
            }
        )
    return rows


def _next_year(data: Extract) -> NextYearModel | None:
    """None where history is too short: the transaction model's forecast then stands."""
    try:
        return train_next_year(data.records, data.as_of)
    except NotEnoughForModel:
        return None


def _division_ids(lease: Lease) -> dict[str, int]:
    from organization.models import Unit

    with entered(lease.access):
        return dict(Unit.objects.filter(level__in=["division", "group"]).values_list("code", "pk"))


def _with_fits(scored: Scored, forecast: Forecast, ids: dict[tuple[str, str], int]) -> pd.DataFrame:
    by_number = np.array([ids["lifetime_value", "/".join(key)] for key in forecast.keys])
    return scored.frame.assign(fit_id=by_number[forecast.fit])


def _totals(forecast: Forecast) -> dict[str, float]:
    table = forecast.table()
    names = ("expected_visits_12m", "expected_revenue_12m", "expected_margin_12m", "ltv")
    return {name: round(float(table[name].sum()), 2) for name in names}


def _summary(
    data: Extract, scored: Scored, baseline: Forecast, champion: Forecast
) -> dict[str, Any]:
    factors = data.margin_factors.dropna(subset=["factor"])
    return {
        "tags": scored.tag_counts,
        "baseline": _totals(baseline),
        "champion": _totals(champion),
        "anchored": champion is not baseline,
        "margin_factor": {
            "median": float(factors["factor"].median()) if len(factors) else None,
            "store_months": len(factors),
        },
        "high_value_from_fen": scored.high_value_from_fen,
    }
