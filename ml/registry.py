"""Fitted models into the registry and out of it again.

A retraining writes one version for each (division, segment) and one for each set of trees; what
scores with them later, on whatever machine, loads them from here by the run that fitted them. Tree
files travel in the database, checked by SHA-256 (:mod:`ml.model_files`).
"""

import platform
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from ml import drift
from ml.churn import ChurnModel
from ml.configuration import CODE_VERSION
from ml.features import FEATURES
from ml.lifetime_value import Forecast, LifetimeModel
from ml.model_files import Model, UntrustedModelFile, dump, load
from ml.models import ModelVersion, TrainingRun
from ml.next_year import NextYearModel
from ml.remarks import Remark
from ml.restoring import NotRestorable, restore
from ml.rungs import Choice
from ml.runs import Lease
from organization.access import Access, entered
from organization.models import Unit

Kind = ModelVersion.Kind


class NoUsableModels(Exception):
    """The registry has no models of that run that this version of the program can use."""


@dataclass(frozen=True)
class Trained:
    """What a run fitted; ``next_year`` is None where history is too short for it."""

    lifetime: LifetimeModel
    churn: ChurnModel
    next_year: NextYearModel | None


@dataclass(frozen=True)
class Loaded(Trained):
    """Models out of the registry: ``fits`` is the id of the version of each (division, segment);
    ``reference`` is what the features were like when they were fitted (:mod:`ml.drift`)."""

    fits: dict[tuple[str, str], int]
    reference: dict[str, Any]


def model_version(run: TrainingRun) -> str:
    return f"{run.as_of:%Y%m%d}.{run.pk}"


def environment() -> dict[str, str]:
    """What a figure may depend on besides data and configuration."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pandas": pd.__version__,
        "scikit-learn": sklearn.__version__,
        "code": CODE_VERSION,
    }


def versions_of(
    lease: Lease,
    trained: Trained,
    forecast: Forecast,
    features: pd.DataFrame,
    data_hash: str,
) -> list[dict[str, Any]]:
    """The rows of a retraining for :func:`ml.publication.write_models`.

    ``features``: those of everybody scored, which later ones are held against for drift.
    """
    run = lease.run
    common = {"version": model_version(run), "as_of": run.as_of, "data_hash": data_hash}
    with entered(lease.access):
        units = Unit.objects.filter(level__in=["division", "group"])
        divisions = dict(units.values_list("code", "pk"))
    made = {"environment": environment(), "configuration": run.config}
    rows: list[dict[str, Any]] = []
    for cohort in trained.lifetime.as_dict():
        key = (cohort["division"], cohort["segment"])
        number = forecast.keys.index(key)
        rows.append(
            {
                **common,
                "kind": Kind.LIFETIME_VALUE,
                "name": "/".join(key),
                "division_id": divisions.get(cohort["division"]),
                "parameters": cohort | {"map": forecast.maps[number].as_dict()},
                "metrics": made,
                "status": cohort["status"][:40],
                "converged": cohort["chosen"]["status"] == "converged",
            }
        )
    rows.append(
        {
            **common,
            "kind": Kind.CHURN,
            "name": "churn",
            "parameters": {"divisions": list(trained.churn.divisions)},
            "metrics": trained.churn.report | made | {"reference": drift.reference(features)},
            "status": "converged",
            "converged": True,
            **_files(trained.churn.classifier, trained.churn.trial),
        }
    )
    if trained.next_year is not None:
        rows.extend(_next_year_rows(common, trained.next_year, made))
    return rows


def _files(model: Model, trial: Model | None = None) -> dict[str, Any]:
    content, digest = dump(model)
    files: dict[str, Any] = {"file": content, "sha256": digest}
    if trial is not None:
        files["trial_file"], files["trial_sha256"] = dump(trial)
    return files


def _next_year_rows(
    common: dict[str, Any], model: NextYearModel, made: dict[str, Any]
) -> list[dict[str, Any]]:
    """The trees of visits and money of months 1-12 and, where history reaches, of visits after."""
    parameters = {
        "divisions": list(model.divisions),
        "choices": {"/".join(key): one.as_dict() for key, one in model.choices.items()},
        "overall": model.overall.as_dict(),
        "money_unit": model.money_unit,
        "spend_factors": {"/".join(k): v for k, v in model.spend_factors.items()},
        "overall_spend_factor": model.overall_spend_factor,
    }
    return [
        {
            **common,
            "kind": name,
            "name": name,
            "parameters": parameters,
            "metrics": model.report | made,
            "status": "converged",
            "converged": True,
            **_files(trees, trial),
        }
        for name, trees, trial in (
            ("next_year", model.first, model.trial),
            ("second_year", model.second, None),
            ("next_year_revenue", model.money, None),
        )
        if trees is not None
    ]


@lru_cache(maxsize=2)
def load_models(access: Access, run_id: int, *, trials: bool = False) -> Loaded:
    """The models that the run fitted; with ``trials`` as they were judged, too (scoring needs none
    of that, and reading them takes as long again).

    Raises:
        NoUsableModels: there are none, or they were made by an incompatible program.
        UntrustedModelFile: a file is not the one that was recorded.
    """
    with entered(access):
        stored = ModelVersion.objects.filter(run_id=run_id).order_by("pk")
        rows = list(stored if trials else stored.defer("trial_file"))
    cohorts = [row for row in rows if row.kind == Kind.LIFETIME_VALUE]
    named = {row.name: row for row in rows if row.kind != Kind.LIFETIME_VALUE}
    if not cohorts or "churn" not in named:
        raise NoUsableModels(Remark("no_models_left", run=run_id))
    churn = named["churn"]
    made_by = churn.metrics.get("environment", {}).get("code")
    if churn.metrics.get("features") != list(FEATURES) or made_by != CODE_VERSION:
        raise NoUsableModels(Remark("other_program", run=run_id))
    try:
        lifetime = LifetimeModel.from_dict([row.parameters for row in cohorts])
    except (NotRestorable, KeyError) as wrong:
        raise NoUsableModels(Remark("unreadable_models", run=run_id, why=wrong)) from wrong
    return Loaded(
        lifetime,
        ChurnModel(
            _classifier(churn.file, churn.sha256),
            tuple(churn.parameters["divisions"]),
            churn.metrics,
            _classifier(churn.trial_file, churn.trial_sha256)
            if trials and churn.trial_file
            else None,
        ),
        _next_year_of(named, trials=trials),
        {(row.parameters["division"], row.parameters["segment"]): row.pk for row in cohorts},
        churn.metrics.get("reference", {}),
    )


def _next_year_of(named: dict[str, ModelVersion], *, trials: bool) -> NextYearModel | None:
    row = named.get("next_year")
    if row is None:
        return None
    second, money, stored = (
        named.get("second_year"),
        named["next_year_revenue"],
        row.parameters,
    )
    return NextYearModel(
        _regressor(row.file, row.sha256),
        _regressor(second.file, second.sha256) if second else None,
        _regressor(money.file, money.sha256),
        float(stored["money_unit"]),
        tuple(stored["divisions"]),
        {_key(name): restore(Choice, one) for name, one in stored["choices"].items()},
        restore(Choice, stored["overall"]),
        {_key(name): float(v) for name, v in stored["spend_factors"].items()},
        float(stored["overall_spend_factor"]),
        row.metrics,
        _regressor(row.trial_file, row.trial_sha256) if trials and row.trial_file else None,
    )


def _key(name: str) -> tuple[str, str]:
    division, _, segment = name.rpartition("/")
    return division, segment


def _classifier(content: Any, sha256: str) -> HistGradientBoostingClassifier:
    model = load(bytes(content or b""), sha256)
    if not isinstance(model, HistGradientBoostingClassifier):
        raise UntrustedModelFile(f"the churn file holds a {type(model).__name__}")
    return model


def _regressor(content: Any, sha256: str) -> HistGradientBoostingRegressor:
    model = load(bytes(content or b""), sha256)
    if not isinstance(model, HistGradientBoostingRegressor):
        raise UntrustedModelFile(f"the forecast file holds a {type(model).__name__}")
    return model
