"""From repair-order amounts to a margin that agrees with the books.

Orders often carry the parts' cost only. Where a store's ledger has an after-sales margin, the
orders' margin of each month is scaled to the ledger's margin rate; the factors are kept and shown.
"""

import numpy as np
import pandas as pd

DEFAULT_MARGIN_RATE = 0.40
# A month in which orders and ledger differ by more than this says that one of them is incomplete:
# it is not scaled by its own factor but by the store's.
FACTOR_RANGE = (0.2, 1.5)


def scaled_margin(
    visits: pd.DataFrame, ledger: pd.DataFrame, fallback_rates: pd.Series
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give every row of ``visits`` its margin.

    Args:
        visits: one row per customer, day and store with ``revenue_customer, revenue_insurer,
            revenue_manufacturer, internal, cost, revenue_without_cost, accident_revenue,
            accident_cost`` in fen net of VAT (``cost`` NaN where no order of the row has one).
        ledger: ``store, month, revenue, margin`` in fen net of VAT.
        fallback_rates: declared margin rate per store (NaN unknown).

    Returns:
        visits with ``revenue, margin, accident_revenue, accident_margin`` and the payers in yuan,
        and the factors: ``store, month, order_rate, ledger_rate, factor``.
    """
    frame = visits.copy()
    payers = ["revenue_customer", "revenue_insurer", "revenue_manufacturer"]
    outside = frame[payers].sum(axis=1)
    whole = outside + frame["internal"].clip(lower=0)
    rate = fallback_rates.reindex(frame["store"]).fillna(DEFAULT_MARGIN_RATE).to_numpy()
    # Cost of the part that outside payers paid for; orders without a cost at the declared rate.
    cost = frame["cost"].fillna(0.0) * np.where(whole > 0, outside / whole, 1.0)
    raw = outside - cost - frame["revenue_without_cost"] * (1 - rate)
    factors = ledger_factors(frame["store"], frame["day"], outside, raw, ledger)
    month = frame["day"].dt.to_period("M").dt.to_timestamp()
    keys = pd.MultiIndex.from_arrays([frame["store"], month])
    by_month = factors.set_index(["store", "month"])["factor"].reindex(keys).to_numpy()
    by_store = factors.groupby("store")["factor"].median().reindex(frame["store"]).to_numpy()
    factor = np.where(np.isnan(by_month), np.where(np.isnan(by_store), 1.0, by_store), by_month)
    accident = frame["accident_revenue"]
    accident_cost = frame["accident_cost"].fillna(accident * (1 - rate))
    frame["margin"] = raw * factor / 100.0
    frame["accident_margin"] = (accident - accident_cost) * factor / 100.0
    frame["revenue"] = outside / 100.0
    frame["accident_revenue"] = accident / 100.0
    frame[payers] = frame[payers] / 100.0
    return frame.drop(
        columns=["internal", "cost", "revenue_without_cost", "accident_cost"]
    ), factors


def ledger_factors(
    store: pd.Series,
    day: pd.Series,
    revenue: pd.Series,
    margin: pd.Series,
    ledger: pd.DataFrame,
) -> pd.DataFrame:
    """Ledger margin rate ÷ order margin rate per store and month: ``store, month, order_rate,
    ledger_rate, factor`` (NaN where outside the range that scaling may cover)."""
    month = day.dt.to_period("M").dt.to_timestamp().rename("month")
    orders = (
        pd.DataFrame({"store": store, "month": month, "revenue": revenue, "margin": margin})
        .groupby(["store", "month"], as_index=False)
        .sum()
    )
    ledger = ledger.assign(month=ledger["month"].astype(orders["month"].dtype))
    both = orders.merge(ledger, on=["store", "month"], suffixes=("", "_ledger"))
    both["order_rate"] = both["margin"] / both["revenue"]
    both["ledger_rate"] = both["margin_ledger"] / both["revenue_ledger"]
    # Without a ledger the columns are empty and of no numeric type.
    factor = (both["ledger_rate"] / both["order_rate"]).astype(float)
    both["factor"] = factor.where(factor.between(*FACTOR_RANGE))
    return both[["store", "month", "order_rate", "ledger_rate", "factor"]]
