"""The data-confidence score that stands beside a valuation, with its parts.

Each part is a share of 1 with a weight; the score is their weighted mean. A kind of data that was
never supplied lowers the score and is named; it does not block.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from valuation.refusals import gettext_noop

PARTS = {
    "reconciliation": gettext_noop("Repair orders agree with the books"),
    "freshness": gettext_noop("Stores have delivered up to the date"),
    "supplied": gettext_noop("Kinds of data supplied"),
    "models": gettext_noop("Customers under a converged model"),
}
WEIGHTS = {"reconciliation": 0.4, "freshness": 0.2, "supplied": 0.2, "models": 0.2}
# A mean gap of this much between orders and ledger leaves nothing of the part.
WORST_GAP = 0.20
FRESH_DAYS = 14


def reconciliation_gap(orders_fen: Sequence[int], ledger_fen: Sequence[int]) -> float | None:
    """Mean over stores of |orders ÷ ledger − 1|, weighted by the ledger; None without a ledger."""
    both = [(o, b) for o, b in zip(orders_fen, ledger_fen, strict=True) if b > 0]
    total = sum(b for _, b in both)
    return sum(abs(o - b) for o, b in both) / total if total else None


def confidence(
    *,
    gap: float | None,
    complete_through: Mapping[int, dt.date],
    stores: Sequence[int],
    as_of: dt.date,
    supplied: Mapping[str, bool],
    converged_share: float,
) -> tuple[float, dict[str, Any]]:
    """The score and what it is made of."""
    fresh = [
        store in complete_through and (as_of - complete_through[store]).days <= FRESH_DAYS
        for store in stores
    ]
    parts = {
        "reconciliation": 0.0 if gap is None else max(1.0 - gap / WORST_GAP, 0.0),
        "freshness": sum(fresh) / len(fresh) if fresh else 0.0,
        "supplied": sum(supplied.values()) / len(supplied),
        "models": converged_share,
    }
    score = sum(WEIGHTS[name] * share for name, share in parts.items())
    return round(score, 4), {
        "parts": {name: round(share, 4) for name, share in parts.items()},
        "gap": None if gap is None else round(gap, 6),
        "missing": sorted(name for name, there in supplied.items() if not there),
    }
