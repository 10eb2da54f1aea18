"""From counts by store to the data-confidence score: pure functions on small frames.

Frames, one row each per store and …
    fields: ``store, field, records, filled, valid`` (counts),
    kinds: ``store, kind, rows, through`` (last day delivered, NaT where there is none),
    months: ``store, month, orders_fen, ledger_fen`` (NaN where the books are not known).
Any set of stores is scored by the same functions on their rows.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from customers.quality.rules import (
    BOOKS_DUE_DAYS,
    DATED_KINDS,
    FIELDS,
    GAP_ALLOWED,
    GAP_WORTHLESS,
    INVALID_WORTHLESS,
    KINDS,
    LATE_WORTHLESS_DAYS,
    PARTS,
)

_CODES = [field.code for field in FIELDS]
_MAY_BE_EMPTY = np.array([field.may_be_empty for field in FIELDS])
_IS_CHECKED = np.array([field.is_checked for field in FIELDS])
_ENOUGH = pd.Series([field.enough for field in FIELDS], index=_CODES)
_WEIGHTS = pd.Series([field.weight for field in FIELDS], index=_CODES)
_KIND_WEIGHT = {kind.code: float(kind.weight) for kind in DATED_KINDS}
_TOLERATED = {kind.code: float(kind.tolerated_days or 0) for kind in DATED_KINDS}


@dataclass(frozen=True)
class Confidence:
    """How far figures may be trusted.

    ``score`` 0 to 100; ``parts``: share of 1 by code of ``quality_rules.PARTS``;
    ``missing_kinds``: codes of kinds of data never supplied.
    """

    score: float
    parts: dict[str, float]
    missing_kinds: tuple[str, ...]


def confidence_of(
    fields: pd.DataFrame, kinds: pd.DataFrame, months: pd.DataFrame, as_of: date
) -> Confidence:
    """Score = Σ weight × part, in points of 100."""
    share, missing = kinds_supplied(kinds)
    shares = field_shares(fields)
    parts = {
        "completeness": completeness(shares),
        "validity": validity(shares),
        "reconciliation": reconciliation(months, as_of),
        "timeliness": timeliness(kinds, as_of),
        "kinds": share,
    }
    score = sum(part.weight * parts[part.code] for part in PARTS)
    return Confidence(round(min(score, 100.0), 2), parts, missing)


def field_shares(fields: pd.DataFrame) -> pd.DataFrame:
    """Counts summed over stores, and ``filled_share``, ``valid_share`` (NaN: nothing to judge),
    by field code in the order of ``FIELDS``. A field that cannot be empty or is not checked has
    nothing to judge there."""
    sums = fields.groupby("field")[["records", "filled", "valid"]].sum()
    sums = sums.reindex(_CODES).fillna(0).astype(float)
    records = sums["records"].where(_MAY_BE_EMPTY & (sums["records"] > 0))
    sums["filled_share"] = sums["filled"] / records
    sums["valid_share"] = sums["valid"] / sums["filled"].where(_IS_CHECKED & (sums["filled"] > 0))
    return sums


def _weighted(points: pd.Series, weights: pd.Series) -> float:
    """Mean over what is known; nothing known is worth nothing."""
    known = points.notna() & (weights > 0)
    if not known.any():
        return 0.0
    return float(np.average(points[known].to_numpy(), weights=weights[known].to_numpy()))


def completeness(shares: pd.DataFrame) -> float:
    """Weighted mean over the fields of filled share ÷ what counts as enough, at most 1.

    ``shares``: see :func:`field_shares`.
    """
    return _weighted((shares["filled_share"] / _ENOUGH).clip(upper=1.0), _WEIGHTS)


def validity(shares: pd.DataFrame) -> float:
    """Weighted mean over the fields of 1 − bad share ÷ 10%, not below 0.

    ``shares``: see :func:`field_shares`.
    """
    bad = 1.0 - shares["valid_share"]
    return _weighted((1.0 - bad / INVALID_WORTHLESS).clip(0.0, 1.0), _WEIGHTS)


def gaps(months: pd.DataFrame) -> pd.Series:
    """Orders ÷ books − 1 by row; NaN where there are no books."""
    ledger = months["ledger_fen"].astype(float)
    return months["orders_fen"].astype(float) / ledger.where(ledger > 0) - 1.0


def ledger_gap(months: pd.DataFrame) -> float | None:
    """Σ |orders − books| ÷ Σ books over the store-months with books; None without any.

    Months that are too high do not make up for others that are too low.
    """
    ledger = months["ledger_fen"].astype(float)
    booked = ledger > 0
    if not booked.any():
        return None
    distance = (months["orders_fen"].astype(float) - ledger)[booked].abs().sum()
    return float(distance / ledger[booked].sum())


def books_due(months: pd.DataFrame, as_of: date) -> pd.Series:
    """Whether a month's books should be there by ``as_of``."""
    ends = months["month"] + pd.offsets.MonthEnd(0)
    return ends + pd.Timedelta(days=BOOKS_DUE_DAYS) < pd.Timestamp(as_of)


def reconciliation(months: pd.DataFrame, as_of: date) -> float:
    """Share of revenue in months where orders and books agree; see ``PARTS``."""
    distance = gaps(months).abs()
    points = (1.0 - (distance - GAP_ALLOWED) / (GAP_WORTHLESS - GAP_ALLOWED)).clip(0.0, 1.0)
    points = points.where(distance.notna() | ~books_due(months, as_of), 0.0)
    weights = months[["orders_fen", "ledger_fen"]].astype(float).max(axis=1).clip(lower=0)
    return _weighted(points, weights)


def timeliness(kinds: pd.DataFrame, as_of: date) -> float:
    """Mean over stores and the dated kinds that some store delivers, each with its weight.

    A store that never delivered a kind that others deliver gets nothing for it.
    """
    dated = kinds[kinds["kind"].isin(_KIND_WEIGHT)]
    dated = dated[dated["kind"].isin(dated.loc[dated["through"].notna(), "kind"].unique())]
    age = (pd.Timestamp(as_of) - dated["through"]).dt.days - 1.0
    late = age - dated["kind"].map(_TOLERATED)
    points = (1.0 - late / LATE_WORTHLESS_DAYS).clip(0.0, 1.0).fillna(0.0)
    return _weighted(points, dated["kind"].map(_KIND_WEIGHT))


def kinds_supplied(kinds: pd.DataFrame) -> tuple[float, tuple[str, ...]]:
    """Weighted share of the kinds with a row in any store, and the codes of the others."""
    supplied = set(kinds.loc[kinds["rows"] > 0, "kind"])
    got = sum(kind.weight for kind in KINDS if kind.code in supplied)
    missing = tuple(kind.code for kind in KINDS if kind.code not in supplied)
    return got / sum(kind.weight for kind in KINDS), missing


def not_known_since(through: date | None, tolerated_days: int, as_of: date) -> date | None:
    """The first day of which nothing is known, once the last row is older than tolerated."""
    if through is None or (as_of - through).days - 1 <= tolerated_days:
        return None
    return through + timedelta(days=1)


def ledger_basis(months: pd.DataFrame) -> str:
    """Whether the group's books hold internal work: ``outside`` or ``with_internal``.

    One answer for the whole group, by the median distance over its store-months: a basis chosen
    store by store would explain real gaps away. ``months`` also has ``internal_fen``.
    """
    booked = months[months["ledger_fen"].astype(float) > 0]
    if booked.empty:
        return "outside"
    ledger = booked["ledger_fen"].astype(float)
    outside = (booked["orders_fen"] / ledger - 1.0).abs().median()
    whole = ((booked["orders_fen"] + booked["internal_fen"]) / ledger - 1.0).abs().median()
    return "with_internal" if whole < outside else "outside"
