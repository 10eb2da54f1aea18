"""Rule tags of customers: each a rule that a person can read on the page and recompute."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.models.people import CustomerKind

HIGH_VALUE_SHARE = 0.10
AT_RISK_CHURN = 0.60
DUE_SOON_DAYS = 30
WARRANTY_ENDING_DAYS = 60
LOST_AFTER_DAYS = 365
NEW_FOR_DAYS = 180
NPS_VALID_DAYS = 365
PROMOTER_FROM, DETRACTOR_UP_TO = 9, 6
ORGANISATIONS = (CustomerKind.FLEET.value, CustomerKind.COMPANY.value)
# Tags whose evidence holds forecasts: for those who may see probabilities and values.
FORECAST_TAGS = frozenset({"high_value", "at_risk"})

COLUMNS = (
    *("kind", "born_on", "last_visit_on", "due_on", "warranty_until", "last_nps_score"),
    *("last_nps_on", "visits_24m", "ltv_fen", "churn_12m", "in_churn_population", "p_alive"),
)

Mask = np.ndarray


@dataclass(frozen=True)
class TagRule:
    """A tag: ``test`` answers for a whole frame; ``evidence`` names the columns it rests on."""

    code: str
    label: str | Promise
    rule: str | Promise
    test: Callable[[pd.DataFrame, np.datetime64], Mask]
    evidence: tuple[str, ...]
    tone: str = "neutral"


def _dates(frame: pd.DataFrame, column: str) -> np.ndarray:
    return frame[column].to_numpy(dtype="datetime64[D]")


def _numbers(frame: pd.DataFrame, column: str) -> np.ndarray:
    return frame[column].to_numpy(dtype=float, na_value=np.nan)


def _flags(frame: pd.DataFrame, column: str) -> Mask:
    return frame[column].fillna(False).to_numpy(dtype=bool)


def _days_since(frame: pd.DataFrame, column: str, today: np.datetime64) -> np.ndarray:
    """Days from the column's date to ``today``, NaN where it is not known."""
    then = _dates(frame, column)
    days = (today - then).astype("timedelta64[D]").astype(float)
    return np.where(np.isnat(then), np.nan, days)


def _organisations(frame: pd.DataFrame) -> Mask:
    return frame["kind"].isin(ORGANISATIONS).to_numpy()


def high_value_thresholds(frame: pd.DataFrame) -> tuple[float, float]:
    """Lifetime value (fen) from which a person, and an organisation, is in the top tenth.

    People and organisations are ranked apart; infinity where a side has nobody with a value.
    """
    value, organisation = _numbers(frame, "ltv_fen"), _organisations(frame)
    return _top(value[~organisation]), _top(value[organisation])


def _top(value: np.ndarray) -> float:
    known = value[value > 0]
    if known.size == 0:
        return float("inf")
    return float(np.quantile(known, 1 - HIGH_VALUE_SHARE, method="higher"))


def _high_value(frame: pd.DataFrame, today: np.datetime64) -> Mask:
    people, organisations = high_value_thresholds(frame)
    return _numbers(frame, "ltv_fen") >= np.where(_organisations(frame), organisations, people)


def _at_risk(frame: pd.DataFrame, today: np.datetime64) -> Mask:
    return _flags(frame, "in_churn_population") & (_numbers(frame, "churn_12m") >= AT_RISK_CHURN)


def _overdue(frame: pd.DataFrame, today: np.datetime64) -> Mask:
    return _flags(frame, "in_churn_population") & (_days_since(frame, "due_on", today) > 0)


def _within(column: str, days: int) -> Callable[[pd.DataFrame, np.datetime64], Mask]:
    """From today on, at most ``days`` ahead."""

    def test(frame: pd.DataFrame, today: np.datetime64) -> Mask:
        ahead = -_days_since(frame, column, today)
        return (ahead >= 0) & (ahead <= days)

    return test


def _lost(frame: pd.DataFrame, today: np.datetime64) -> Mask:
    since_visit = _days_since(frame, "last_visit_on", today)
    since_birth = _days_since(frame, "born_on", today)
    return np.fmin(since_visit, since_birth) >= LOST_AFTER_DAYS


def _nps(low: int, high: int) -> Callable[[pd.DataFrame, np.datetime64], Mask]:
    def test(frame: pd.DataFrame, today: np.datetime64) -> Mask:
        score, age = _numbers(frame, "last_nps_score"), _days_since(frame, "last_nps_on", today)
        return (score >= low) & (score <= high) & (age >= 0) & (age <= NPS_VALID_DAYS)

    return test


def _new(frame: pd.DataFrame, today: np.datetime64) -> Mask:
    age = _days_since(frame, "born_on", today)
    return (age >= 0) & (age < NEW_FOR_DAYS)


# In the order in which a page shows them.
RULES: tuple[TagRule, ...] = (
    TagRule(
        "detractor",
        _("Detractor"),
        _("Last NPS answer within 12 months is 0 to 6."),
        _nps(0, DETRACTOR_UP_TO),
        ("last_nps_score", "last_nps_on"),
        "bad",
    ),
    TagRule(
        "at_risk",
        _("At risk"),
        _("Bought or visited within 24 months, and the model's churn risk is in the high band."),
        _at_risk,
        ("churn_12m",),
        "warn",
    ),
    TagRule(
        "overdue",
        _("Overdue"),
        _("The next service was due before today; bought or visited within 24 months."),
        _overdue,
        ("due_on",),
        "warn",
    ),
    TagRule(
        "due_soon",
        _("Due soon"),
        _("The next service is due within 30 days."),
        _within("due_on", DUE_SOON_DAYS),
        ("due_on",),
        "accent",
    ),
    TagRule(
        "warranty_ending",
        _("Warranty ending"),
        _("The warranty ends within 60 days."),
        _within("warranty_until", WARRANTY_ENDING_DAYS),
        ("warranty_until",),
        "accent",
    ),
    TagRule(
        "lost",
        _("Lost customer"),
        _("No visit and no purchase for 12 months or more."),
        _lost,
        ("last_visit_on",),
        "warn",
    ),
    TagRule(
        "high_value",
        _("High value"),
        _("Lifetime value in the top tenth of the group; people and organisations ranked apart."),
        _high_value,
        ("ltv_fen",),
        "good",
    ),
    TagRule(
        "promoter",
        _("Promoter"),
        _("Last NPS answer within 12 months is 9 or 10."),
        _nps(PROMOTER_FROM, 10),
        ("last_nps_score", "last_nps_on"),
        "good",
    ),
    TagRule(
        "new",
        _("New customer"),
        _("First purchase or first visit within the last 180 days."),
        _new,
        ("born_on",),
        "accent",
    ),
    TagRule(
        "fleet",
        _("Fleet or company"),
        _("The customer is kept as a fleet or a company."),
        lambda frame, today: _organisations(frame),
        ("kind",),
    ),
)
BY_CODE: dict[str, TagRule] = {rule.code: rule for rule in RULES}


def evaluate(frame: pd.DataFrame, as_of: date) -> dict[str, np.ndarray]:
    """Which rows of ``frame`` (one a customer, columns ``COLUMNS``) carry which tag.

    Dates are datetime64 with NaT, numbers float with NaN for not known: what is not known never
    sets a tag. The result maps each code to a boolean array of the frame's length.

    Raises:
        KeyError: a column is missing.
    """
    missing = set(COLUMNS) - set(frame.columns)
    if missing:
        raise KeyError(f"Tags need the columns {', '.join(sorted(missing))}, which are missing.")
    today = np.datetime64(as_of, "D")
    return {rule.code: rule.test(frame, today) for rule in RULES}


def evidence(
    frame: pd.DataFrame, code: str, held: np.ndarray | None = None
) -> list[dict[str, Any]]:
    """What the tag rests on, one JSON-ready record a row of ``frame``, thresholds included.

    ``frame`` is the whole group's: the threshold of ``high_value`` is a quantile of it. ``held``
    (boolean, one a row) leaves only those rows.
    """
    rule = BY_CODE[code]
    rows = frame if held is None else frame[held]
    columns = {name: _plain(rows[name]) for name in rule.evidence}
    if code == "high_value":
        people, organisations = high_value_thresholds(frame)
        limits = np.where(_organisations(rows), organisations, people)
        columns["threshold_fen"] = [int(v) if np.isfinite(v) else None for v in limits]
    if code == "at_risk":
        columns["threshold"] = [AT_RISK_CHURN] * len(rows)
    names = list(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _plain(column: pd.Series) -> list[Any]:
    if pd.api.types.is_datetime64_any_dtype(column):
        days = np.datetime_as_string(column.to_numpy(dtype="datetime64[D]"))
        return [None if day == "NaT" else day for day in days.tolist()]
    if pd.api.types.is_numeric_dtype(column):
        return [
            None if pd.isna(v) else (int(v) if float(v).is_integer() else float(v)) for v in column
        ]
    return [None if pd.isna(v) else str(v) for v in column]
