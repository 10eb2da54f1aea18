"""What moved between two score sets, customer by customer, added up for people.

Of the customers of both sets: how alike their order by value is (Spearman's rank correlation) and
how many changed their grade of risk. Of all: value and mean churn probability before and after, by
home store and segment. Money in fen.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

COLUMNS = (
    *("store", "segment", "value_before", "value_after", "churn_before", "churn_after"),
    *("risk_before", "risk_after"),
)


def moved(pairs: pd.DataFrame) -> dict[str, Any]:
    """JSON-ready figures of customers who are in either set or in both.

    ``pairs``: one row a customer, :data:`COLUMNS`: ``store`` the home store (the new one where it
    has one), ``segment``; values in fen, NaN in a set that does not hold the customer; churn
    probabilities, NaN outside the churn population; grades of risk (str, missing likewise).

    ``customers``: before, after, both. ``value`` and ``same_value`` (of those in both): before,
    after. ``churn``: mean probability before and after (None: nobody). ``risk_changed``: share of
    those in both (None: nobody), ``risks``: how many moved from one grade to another.
    ``rank_correlation``: None with fewer than two customers or without any variation. ``parts``: by
    store and segment, the largest change of value first.
    """
    before, after = pairs["value_before"], pairs["value_after"]
    both = (before.notna() & after.notna()).to_numpy()
    common = pairs[both]
    changed = common[common["risk_before"] != common["risk_after"]]
    risks = changed.groupby(["risk_before", "risk_after"]).size()
    return {
        "customers": {
            "before": int(before.notna().sum()),
            "after": int(after.notna().sum()),
            "both": int(both.sum()),
        },
        "value": _sums(pairs),
        "same_value": _sums(common),
        "churn": {when: _mean(pairs[f"churn_{when}"]) for when in ("before", "after")},
        "risk_changed": len(changed) / len(common) if len(common) else None,
        "risks": [
            {"before": str(old), "after": str(new), "customers": int(count)}
            for (old, new), count in risks.sort_values(ascending=False).items()
        ],
        "rank_correlation": rank_correlation(
            common["value_before"].to_numpy(float), common["value_after"].to_numpy(float)
        ),
        "parts": _parts(pairs),
    }


def rank_correlation(before: np.ndarray, after: np.ndarray) -> float | None:
    """Spearman's, ties at their mean rank; None where one side does not vary."""
    if before.size < 2 or np.ptp(before) == 0 or np.ptp(after) == 0:
        return None
    return float(np.corrcoef(rankdata(before), rankdata(after))[0, 1])


def _sums(pairs: pd.DataFrame) -> dict[str, int]:
    return {when: int(pairs[f"value_{when}"].sum()) for when in ("before", "after")}


def _mean(values: pd.Series) -> float | None:
    return float(values.mean()) if values.notna().any() else None


def _parts(pairs: pd.DataFrame) -> list[dict[str, Any]]:
    sums = pairs.groupby(["store", "segment"]).agg(
        customers=("value_after", "count"),
        before=("value_before", "sum"),
        after=("value_after", "sum"),
        churn_before=("churn_before", "mean"),
        churn_after=("churn_after", "mean"),
    )
    found = [
        {
            "store": int(store),
            "segment": str(segment),
            "customers": int(row.customers),
            "before": int(row.before),
            "after": int(row.after),
            "churn_before": None if np.isnan(row.churn_before) else float(row.churn_before),
            "churn_after": None if np.isnan(row.churn_after) else float(row.churn_after),
        }
        for (store, segment), row in zip(sums.index, sums.itertuples(index=False), strict=True)
    ]
    return sorted(found, key=lambda part: -abs(part["after"] - part["before"]))
