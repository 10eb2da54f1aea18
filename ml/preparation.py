"""The first half of a run, done by one worker: records, models, and the inputs of every chunk.

It ends in one transaction that writes versions, an empty draft and all chunks. A worker that takes
the run over after that goes on with the chunks; before that it begins again from the records, and
nothing of the first attempt is left.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from django.db import connection

from ml import publication, registry
from ml.champion import Champion, champion_of
from ml.chunk_inputs import pack
from ml.chunks import CHUNK_CUSTOMERS, note_quarantined
from ml.churn import ChurnConfig, train_churn
from ml.churn import NotEnoughData as NotEnoughForModel
from ml.configuration import SMALLEST_GROUP
from ml.extraction import Extract, NotEnoughData, extract
from ml.features import customer_features
from ml.gate import judge_models
from ml.lifetime_value import Key, fit_divisions
from ml.models import ScoreSet, ScoringChunk, TrainingRun
from ml.next_year import NextYearModel, train_next_year
from ml.quarantine import check_share, isolated, screen, without
from ml.registry import Trained
from ml.remarks import Remark, as_remark
from ml.rung_history import earlier_losses
from ml.runs import Lease
from ml.scoring import Terms, champion_forecast, facts_of, with_grades
from ml.statistics import sufficient_statistics
from ml.vehicle_life import cap_months, owned_today
from ml.verdict import Gate
from organization.access import entered


@dataclass(frozen=True)
class Gathered:
    """Records as of the day and one row of facts per customer; who was left out and why."""

    data: Extract
    facts: pd.DataFrame
    data_hash: str
    quarantined: dict[int, str]
    stores: dict[int, int]


@dataclass(frozen=True)
class Chosen:
    """The models that will score. ``fitted``: fresh from this run, else out of the registry;
    ``remark``: why a run that was to score alone had to fit."""

    models: Trained
    fitted: bool
    model_run: TrainingRun
    horizon: int
    remark: Remark | None = None


def prepare(lease: Lease) -> ScoreSet:
    """Everything up to the chunks; the draft that they will fill.

    Raises :class:`ml.extraction.NotEnoughData` or
    :class:`ml.quarantine.TooManyQuarantined` where the data do not allow it.
    """
    gathered = gather(lease)
    champion = champion_of(lease.access, lease.run)
    chosen = choose(lease, gathered, champion)
    with lease.timed("features", 0.5):
        divisions = chosen.models.churn.divisions
        features = customer_features(
            gathered.data.records, lease.run.as_of, gathered.facts.index, divisions
        )
    with lease.timed("rank", 0.55):
        facts, terms, failed = rank(gathered.facts, features, chosen, lease.run)
        gathered.quarantined.update(failed)
        stores = gathered.facts.loc[list(failed), "store"]
        gathered.stores.update({int(one): int(store) for one, store in stores.items()})
        check_share(len(gathered.quarantined), len(gathered.facts) + len(gathered.quarantined))
        features = features.loc[facts.index]
    with lease.timed("judge", 0.58):
        gate = judge_models(chosen.models, champion, features, fresh=chosen.fitted)
    with lease.timed("deliver", 0.6):
        return _deliver(lease, gathered, chosen, facts, features, terms, gate)


def gather(lease: Lease) -> Gathered:
    """Read the records and sum them up, without customers whose figures cannot be."""
    run = lease.run
    with lease.timed("extract", 0.02):
        data = extract_consistently(lease)
    with lease.timed("statistics", 0.15):
        statistics = statistics_of(data)
        quarantined = screen(statistics)
        stores = {one: int(statistics.at[one, "store"]) for one in quarantined}
        check_share(len(quarantined), len(statistics))
        records = without(data.records, set(quarantined))
        data = Extract(run.as_of, records, data.margin_factors, data.readings, data.policies)
        statistics = statistics.drop(index=list(quarantined))
        cap = cap_months(
            records.vehicles,
            statistics,
            run.as_of,
            life_years=int(run.config["vehicle_life_years"]),
            horizon=int(run.config["horizon_months"]),
        )
        facts = facts_of(data, statistics).assign(cap_month=cap)
    return Gathered(data, facts, hash_of(statistics), quarantined, stores)


def extract_consistently(lease: Lease) -> Extract:
    """All frames of one state of the database: an import that ends meanwhile is not half seen."""
    with connection.cursor() as cursor:
        cursor.execute("set default_transaction_isolation to 'repeatable read'")
    try:
        with entered(lease.access):
            with connection.cursor() as cursor:
                # Every query below reads whole tables; right after an import the planner knows
                # too little of them and would look rows up one by one.
                cursor.execute("set local enable_nestloop to off")
            return extract(lease.run.as_of)
    finally:
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("set default_transaction_isolation to default")


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
            Remark("too_few_customers", found=len(statistics), day=data.as_of, least=SMALLEST_GROUP)
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


def choose(lease: Lease, gathered: Gathered, champion: Champion | None) -> Chosen:
    """The champion's models where the run only scores and they fit, else new ones."""
    remark: Remark | None = None
    if lease.run.score_only:
        if champion is None:
            remark = Remark("no_models")
        elif champion.horizon_months != int(lease.run.config["horizon_months"]):
            remark = Remark("other_horizon")
        elif champion.models is None:
            remark = as_remark(champion.unusable)
        else:
            groups = gathered.facts[["division", "segment"]].drop_duplicates()
            new = set(groups.itertuples(index=False, name=None)) - set(champion.models.fits)
            if not new:
                return Chosen(champion.models, False, champion.model_run, champion.horizon_months)
            names = ", ".join(sorted("/".join(key) for key in new))
            remark = Remark("new_divisions", names=names)
    models = fit(lease, gathered)
    return Chosen(models, True, lease.run, int(lease.run.config["horizon_months"]), remark)


def fit(lease: Lease, gathered: Gathered) -> Trained:
    """Fit all models on the records before the day."""
    with lease.timed("lifetime_value", 0.2):
        try:
            lifetime = fit_divisions(gathered.facts, regular=True)
        except ValueError as refusal:
            raise NotEnoughData(str(refusal)) from refusal
    with lease.timed("churn", 0.25):
        churn = train_churn(gathered.data.records, lease.run.as_of, ChurnConfig())
    with lease.timed("next_year", 0.38):
        next_year = _next_year(gathered.data, earlier_losses(lease.access, lease.run.as_of))
        if next_year is not None:
            lifetime = lifetime.with_regular(next_year.regular_keys(lifetime.cohorts))
    return Trained(lifetime, churn, next_year)


def _next_year(
    data: Extract, earlier: Mapping[Key, Sequence[Mapping[str, float]]]
) -> NextYearModel | None:
    """None where history is too short: the transaction model's forecast then stands."""
    try:
        return train_next_year(data.records, data.as_of, earlier=earlier)
    except NotEnoughForModel:
        return None


def rank(
    facts: pd.DataFrame, features: pd.DataFrame, chosen: Chosen, run: TrainingRun
) -> tuple[pd.DataFrame, Terms, dict[int, str]]:
    """``facts`` with grades, the terms of the score set, and on whom the models fail."""
    nobody = (float("inf"), float("inf"))
    terms = Terms(run.as_of, chosen.horizon, float(run.config["discount_rate"]), nobody)

    def value(part: pd.Index) -> pd.Series:
        rows, known = (
            (facts, features)
            if len(part) == len(facts)
            else (
                facts.loc[part],
                features.loc[part],
            )
        )
        return champion_forecast(rows, known, chosen.models, terms).table()["ltv"]

    parts, failed = isolated(facts.index, value)
    ltv = pd.concat(parts).reindex(facts.index.difference(list(failed)))
    graded, limits = with_grades(facts.loc[ltv.index], ltv)
    return graded, Terms(run.as_of, chosen.horizon, terms.discount_rate, limits), failed


def _deliver(
    lease: Lease,
    gathered: Gathered,
    chosen: Chosen,
    facts: pd.DataFrame,
    features: pd.DataFrame,
    terms: Terms,
    gate: Gate,
) -> ScoreSet:
    access, run = lease.access, lease.run
    versions: list[dict[str, Any]] = []
    if chosen.fitted:
        first = facts.groupby(["division", "segment"]).head(1).sort_index()
        sample = champion_forecast(first, features.loc[first.index], chosen.models, terms)
        versions = registry.versions_of(lease, chosen.models, sample, features, gathered.data_hash)
    limits = [float(v) if np.isfinite(v) else None for v in terms.high_value_from]
    with entered(access):
        lease.lock()
        publication.write_models(lease, versions)
        score_set = publication.create_score_set(
            lease,
            as_of=run.as_of,
            horizon_months=chosen.horizon,
            customers=len(facts),
            data_hash=gathered.data_hash,
            model_version=registry.model_version(chosen.model_run),
            model_run=chosen.model_run,
            gate=gate.as_dict(),
            summary={
                "high_value_from": limits,
                "high_value_from_fen": limits[0],
                "margin_factor": _margin_factor(gathered.data),
                "remark": chosen.remark.as_dict() if chosen.remark else None,
            },
        )
        note_quarantined(access, run.pk, "prepare", gathered.stores, gathered.quarantined)
        for number, start in enumerate(range(0, len(facts), CHUNK_CUSTOMERS)):
            part = slice(start, start + CHUNK_CUSTOMERS)
            content, digest = pack({"facts": facts.iloc[part], "features": features.iloc[part]})
            ScoringChunk.objects.create(
                tenant_id=access.tenant_id,
                run=run,
                number=number,
                customers=len(facts.iloc[part]),
                inputs=content,
                sha256=digest,
            )
    return score_set


def _margin_factor(data: Extract) -> dict[str, Any]:
    if "factor" not in data.margin_factors.columns:
        return {"median": None, "store_months": 0}
    factors = data.margin_factors.dropna(subset=["factor"])
    return {
        "median": float(factors["factor"].median()) if len(factors) else None,
        "store_months": len(factors),
    }
