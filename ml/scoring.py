"""One row per customer out of forecast, churn, due dates and tags: what a score set holds.

What only the whole group can tell (grade, value from which one is of high value) is worked out
once; everything else of a row depends on that customer alone, so that any worker may score any
chunk.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from customers.due import Policy, mileage_habits, next_due
from customers.tags import ORGANISATIONS, evaluate, evidence, high_value_thresholds
from ml.churn import ChurnModel
from ml.extraction import Extract
from ml.features import churn_population
from ml.grades import grades, risks
from ml.lifetime_value import Forecast, Key, LifetimeModel, predict
from ml.next_year import anchor
from ml.reasons import churn_reasons
from ml.registry import Trained
from ml.statistics import as_observed
from ml.vehicle_life import owned_today

Floats = NDArray[np.float64]

CHURN_BINS = 20
_MARKS = ("kind", "last_nps_score", "last_nps_on", "warranty_until", "visits_24m")


@dataclass(frozen=True)
class Terms:
    """What all customers of a score set share. ``high_value_from``: lifetime value in fen from
    which a person, and an organisation, counts as of high value (infinity: nobody does)."""

    as_of: date
    horizon_months: int
    discount_rate: float
    high_value_from: tuple[float, float]


@dataclass(frozen=True)
class Scored:
    """``frame``: one row per customer, columns of ``ml_score`` but ``fit_id``; ``keys`` (n,): the
    (division, segment) of each; ``summary``: counts and sums, JSON-ready."""

    frame: pd.DataFrame
    keys: list[Key]
    summary: dict[str, Any]


def _fen(yuan: pd.Series) -> pd.Series:
    return (yuan * 100).round().astype("int64")


def facts_of(data: Extract, statistics: pd.DataFrame) -> pd.DataFrame:
    """``statistics`` with what else scoring asks of the records: due date, churn population and
    the columns of the tag rules; one row a customer, no objects but short words."""
    due = due_dates(data).reindex(statistics.index)
    population = statistics.index.isin(churn_population(data.records, data.as_of))
    return _tag_marks(data, statistics).assign(due_on=due, in_churn_population=population)


def champion_forecast(
    facts: pd.DataFrame, features: pd.DataFrame, models: Trained, terms: Terms
) -> Forecast:
    """What the score set will say of the customers.

    ``facts``: of :func:`facts_of` with ``cap_month``; ``features``: same index, coded with the
    models' divisions.
    """
    return _anchored(_predicted(models.lifetime, facts, terms), features, models)


def forecasts(
    facts: pd.DataFrame, features: pd.DataFrame, models: Trained, terms: Terms
) -> tuple[Forecast, Forecast]:
    """The baseline's forecast and the champion's, of the same customers; arguments as for
    :func:`champion_forecast`."""
    in_use = _predicted(models.lifetime, facts, terms)
    return _baseline(in_use, facts, models.lifetime, terms), _anchored(in_use, features, models)


def _predicted(lifetime: LifetimeModel, facts: pd.DataFrame, terms: Terms) -> Forecast:
    return predict(
        lifetime,
        facts,
        months=terms.horizon_months,
        discount_rate=terms.discount_rate,
        cap_months=facts["cap_month"],
    )


def _anchored(in_use: Forecast, features: pd.DataFrame, models: Trained) -> Forecast:
    return in_use if models.next_year is None else anchor(models.next_year, in_use, features)


def _baseline(
    in_use: Forecast, facts: pd.DataFrame, lifetime: LifetimeModel, terms: Terms
) -> Forecast:
    """``in_use`` with the model that MBG/CNBD-k took the place of, in the cohorts where it did."""
    replaced = [
        number
        for number, key in enumerate(in_use.keys)
        if lifetime.cohorts[key].memoryless is not None
    ]
    if not replaced:
        return in_use
    rows = np.flatnonzero(np.isin(in_use.fit, replaced))
    former = _predicted(lifetime.memoryless(), facts.iloc[rows], terms)
    maps = list(in_use.maps)
    for key, one in zip(former.keys, former.maps, strict=True):
        maps[in_use.keys.index(key)] = one

    def with_former(present: Floats, theirs: Floats) -> Floats:
        merged = present.copy()
        merged[rows] = theirs
        return merged

    return replace(
        in_use,
        maps=maps,
        p_alive=with_former(in_use.p_alive, former.p_alive),
        visits=with_former(in_use.visits, former.visits),
        alive=with_former(in_use.alive, former.alive),
    )


def with_grades(facts: pd.DataFrame, ltv: pd.Series) -> tuple[pd.DataFrame, tuple[float, float]]:
    """``facts`` with the ``grade`` of each customer within the group, and the two values (fen) from
    which one is of high value: what only the whole group can tell."""
    marks = facts[["kind"]].assign(ltv_fen=_fen(ltv))
    return facts.assign(grade=grades(ltv.to_numpy())), high_value_thresholds(marks)


def score_rows(
    facts: pd.DataFrame, features: pd.DataFrame, models: Trained, terms: Terms
) -> Scored:
    """Score some of the customers; ``facts`` with ``cap_month`` and ``grade``, ``features`` as for
    :func:`forecasts`. Each customer's row does not depend on who else is asked for."""
    baseline, forecast = forecasts(facts, features, models, terms)
    table = forecast.table()
    probability = models.churn.probability(features)
    population = facts["in_churn_population"].to_numpy(dtype=bool)
    # A valuation draws curves again from these three: they are what the models saw.
    seen = as_observed(facts)
    overdue = (facts["due_on"] < pd.Timestamp(terms.as_of)).to_numpy() & population
    frame = pd.DataFrame(
        {
            "customer_id": facts.index,
            "store_id": facts["store"],
            "segment": facts["segment"],
            "born_on": facts["birth"],
            "last_visit_on": facts["last_visit"],
            "frequency": seen["x"],
            "recency_days": seen["t_x"].astype(int),
            "age_days": seen["T"].astype(int),
            "mean_spend_fen": _fen(facts["spend"].fillna(0.0)),
            "p_alive": table["p_alive"],
            "churn_12m": probability,
            "in_churn_population": population,
            "expected_visits_12m": table["expected_visits_12m"],
            "expected_revenue_12m_fen": _fen(table["expected_revenue_12m"]),
            "expected_margin_12m_fen": _fen(table["expected_margin_12m"]),
            "ltv_fen": _fen(table["ltv"]),
            "visits_at_nodes": list(forecast.visits),
            "alive_at_nodes": list(forecast.alive),
            "cap_month": forecast.cap,
            "anchor_first": forecast.anchor_first,
            "anchor_later": forecast.anchor_later,
            "revenue_per_visit": forecast.revenue_per_visit,
            "margin_per_visit": forecast.margin_per_visit,
            "accident_revenue": forecast.accident_revenue,
            "accident_margin": forecast.accident_margin,
            "due_on": facts["due_on"],
            "overdue": overdue,
            "grade": facts["grade"],
            "risk": risks(probability),
        },
        index=facts.index,
    )
    frame["reasons"] = _reasons(models.churn, features, population)
    counts = _add_tags(frame, facts, terms)
    summary = {
        "tags": counts,
        "baseline": _totals(baseline.table()),
        "champion": _totals(table),
        "churn_histogram": np.bincount(
            np.minimum((probability * CHURN_BINS).astype(int), CHURN_BINS - 1),
            minlength=CHURN_BINS,
        ).tolist(),
    }
    keys = [forecast.keys[number] for number in forecast.fit]
    return Scored(frame.reset_index(drop=True), keys, summary)


def _totals(table: pd.DataFrame) -> dict[str, float]:
    names = ("expected_visits_12m", "expected_revenue_12m", "expected_margin_12m", "ltv")
    return {name: round(float(table[name].sum()), 2) for name in names}


def _add_tags(frame: pd.DataFrame, facts: pd.DataFrame, terms: Terms) -> dict[str, int]:
    """Add ``tags`` (codes) and ``evidence`` (by code); how many customers carry each tag."""
    marks = frame.assign(**{name: facts[name] for name in _MARKS})
    tags = evaluate(marks, terms.as_of)
    organisation = marks["kind"].isin(ORGANISATIONS).to_numpy()
    people, organisations = terms.high_value_from
    limit = np.where(organisation, organisations, people)
    # Of high value in the group, not among those who happen to be scored together.
    tags["high_value"] = frame["ltv_fen"].to_numpy(dtype=float) >= limit
    rests_on: list[dict[str, Any]] = [{} for _ in range(len(frame))]
    for code, held in tags.items():
        rows = np.flatnonzero(held)
        for row, one in zip(rows, evidence(marks, code, held), strict=True):
            if code == "high_value":
                one["threshold_fen"] = int(limit[row])
            rests_on[row][code] = one
    frame["tags"] = [list(one) for one in rests_on]
    frame["evidence"] = rests_on
    return {code: int(held.sum()) for code, held in tags.items()}


def _reasons(
    churn: ChurnModel, features: pd.DataFrame, population: np.ndarray
) -> list[list[dict[str, object]]]:
    """Reasons of those in the churn population, weightiest first; nobody else has any."""
    found = churn_reasons(churn.classifier, features[population])
    by_customer: dict[int, list[dict[str, object]]] = {}
    for row in found.itertuples(index=False):
        by_customer.setdefault(int(row.customer), []).append(
            {"code": row.code, "credit": round(float(row.credit), 4), "evidence": row.evidence}
        )
    return [by_customer.get(int(customer), []) for customer in features.index]


def _policies(frame: pd.DataFrame) -> Iterator[Policy]:
    def whole(value: object) -> int | None:
        return None if pd.isna(value) else int(value)  # type: ignore[call-overload]

    for row in frame.itertuples(index=False):
        yield Policy(
            division_id=int(row.division),
            model="" if pd.isna(row.model) else str(row.model),
            valid_from=row.valid_from.date(),
            service_interval_days=whole(row.service_interval_days),
            service_interval_km=whole(row.service_interval_km),
            first_service_days=whole(row.first_service_days),
            first_service_km=whole(row.first_service_km),
        )


def due_dates(data: Extract) -> pd.Series:
    """Earliest next service among the vehicles that each customer owns, index customer."""
    owned = owned_today(data.records.vehicles, data.as_of)
    readings = data.readings
    served = readings[readings["maintenance"] == 1].sort_values("day")
    last = served.groupby("vehicle_id").last()
    one = owned.sort_values("owned_from").drop_duplicates("vehicle", keep="last")
    vehicles = pd.DataFrame(
        {
            "division_id": one["division"].to_numpy(),
            "model": one["model"].astype(object).fillna("").to_numpy(),
            "own_days": one["service_interval_days"].to_numpy(dtype=float),
            "own_km": one["service_interval_km"].to_numpy(dtype=float),
        },
        index=pd.Index(one["vehicle"], name="vehicle_id"),
    )
    start = last.reindex(vehicles.index)
    vehicles["serviced"] = start["day"].notna().to_numpy()
    bought = one["sold_on"].fillna(one["owned_from"]).to_numpy()
    vehicles["start_on"] = start["day"].fillna(pd.Series(bought, index=vehicles.index))
    sale = pd.Series(one["km_at_sale"].to_numpy(), index=vehicles.index)
    vehicles["start_km"] = start["km"].fillna(sale)
    due = next_due(
        vehicles,
        mileage_habits(readings[["vehicle_id", "day", "km"]]),
        _policies(data.policies),
        data.as_of,
    )
    by_vehicle = due["due_on"].reindex(owned["vehicle"])
    earliest = pd.Series(by_vehicle.to_numpy(), index=owned["customer"].to_numpy())
    return earliest.groupby(level=0).min().astype("datetime64[s]")


def _tag_marks(data: Extract, statistics: pd.DataFrame) -> pd.DataFrame:
    """``statistics`` with the columns that the tag rules read besides scores."""
    recent = data.records.visit_days
    recent = recent[recent["day"] >= pd.Timestamp(data.as_of) - pd.DateOffset(months=24)]
    visits = recent.groupby("customer")["day"].nunique()
    answers = data.records.surveys.sort_values("day").groupby("customer").last()
    owned = owned_today(data.records.vehicles, data.as_of)
    ahead = owned[owned["warranty_until"] >= pd.Timestamp(data.as_of)]
    warranty = ahead.groupby("customer")["warranty_until"].min()
    index = statistics.index
    return statistics.assign(
        last_nps_score=answers["score"].reindex(index).astype(float),
        last_nps_on=answers["day"].reindex(index),
        warranty_until=warranty.reindex(index),
        visits_24m=visits.reindex(index).fillna(0).astype(float),
    )
