"""One row per customer out of forecast, churn, due dates and tags: what a score set holds."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from customers.due import Policy, mileage_habits, next_due
from customers.tags import evaluate, evidence, high_value_thresholds
from ml.churn import ChurnModel
from ml.extraction import Extract
from ml.features import churn_population
from ml.grades import grades, risks
from ml.lifetime_value import Forecast
from ml.reasons import churn_reasons
from ml.vehicle_life import owned_today


@dataclass(frozen=True)
class Scored:
    """``frame``: one row per customer, columns of ``ml_score`` but ``fit_id``. ``tagged``: one row
    a customer and tag: ``customer_id, code, evidence`` (JSON text)."""

    frame: pd.DataFrame
    tagged: pd.DataFrame
    tag_counts: dict[str, int]
    high_value_from_fen: float | None


def _fen(yuan: pd.Series) -> pd.Series:
    return (yuan * 100).round().astype("int64")


def score_frame(
    data: Extract,
    statistics: pd.DataFrame,
    forecast: Forecast,
    churn: ChurnModel,
    features: pd.DataFrame,
) -> Scored:
    """Assemble the rows; ``statistics``, ``forecast`` and ``features`` (as of the day, with the
    churn model's divisions) have the same customers in order."""
    table = forecast.table()
    probability = churn.probability(features)
    population = statistics.index.isin(churn_population(data.records, data.as_of))
    due = due_dates(data).reindex(statistics.index)
    frame = pd.DataFrame(
        {
            "customer_id": statistics.index,
            "store_id": statistics["store"],
            "segment": statistics["segment"],
            "born_on": statistics["birth"],
            "last_visit_on": statistics["last_visit"],
            "frequency": statistics["x"],
            "recency_days": statistics["t_x"].astype(int),
            "age_days": statistics["T"].astype(int),
            "mean_spend_fen": _fen(statistics["spend"].fillna(0.0)),
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
            "due_on": due,
            "overdue": (due < pd.Timestamp(data.as_of)).to_numpy() & population,
            "grade": grades(table["ltv"].to_numpy()),
            "risk": risks(probability),
        },
        index=statistics.index,
    )
    frame["reasons"] = _reasons(churn, features, population)
    marks = _tag_marks(data, statistics, frame)
    tags = evaluate(marks, data.as_of)
    codes = np.array(list(tags))
    hits = np.column_stack([tags[code] for code in codes])
    frame["tags"] = [codes[row].tolist() for row in hits]
    threshold = high_value_thresholds(marks)[0]
    return Scored(
        frame.reset_index(drop=True),
        _tagged(marks, tags),
        {code: int(mask.sum()) for code, mask in tags.items()},
        float(threshold) if np.isfinite(threshold) else None,
    )


def _tagged(marks: pd.DataFrame, tags: dict[str, np.ndarray]) -> pd.DataFrame:
    """Who carries which tag on what evidence, as ``Scored.tagged``."""
    parts = [
        pd.DataFrame(
            {
                "customer_id": marks["customer_id"].to_numpy()[held],
                "code": code,
                "evidence": [json.dumps(one) for one in evidence(marks, code, held)],
            }
        )
        for code, held in tags.items()
    ]
    return pd.concat(parts, ignore_index=True)


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
            "model": one["model"].fillna("").to_numpy(),
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


def _tag_marks(data: Extract, statistics: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """The columns that the tag rules read (``customers.tags.COLUMNS``)."""
    recent = data.records.visit_days
    recent = recent[recent["day"] >= pd.Timestamp(data.as_of) - pd.DateOffset(months=24)]
    visits = recent.groupby("customer")["day"].nunique()
    answers = data.records.surveys.sort_values("day").groupby("customer").last()
    owned = owned_today(data.records.vehicles, data.as_of)
    ahead = owned[owned["warranty_until"] >= pd.Timestamp(data.as_of)]
    warranty = ahead.groupby("customer")["warranty_until"].min()
    index = statistics.index
    return frame.assign(
        kind=statistics["kind"],
        last_nps_score=answers["score"].reindex(index).astype(float),
        last_nps_on=answers["day"].reindex(index),
        warranty_until=warranty.reindex(index),
        visits_24m=visits.reindex(index).fillna(0).astype(float),
    )
