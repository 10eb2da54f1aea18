"""What the stores' books, contracts, surveys and spending say of the last two years, by store.

One aggregate query a topic. Figures are integers that add up over stores; ratios are made of sums.
"""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
from django.db import connection

from organization.access import current_access
from valuation.units import Tree

MONTHS_SHOWN = 25
"""Complete months kept for the operating row: two years and the month to compare with."""

# A contract of the same vehicle that starts this near the end of the former one renews it.
RENEWAL_DAYS = 60

NPS = """
select store_id, answered_at >= %(year)s as recent, count(*) filter (where score >= 9),
    count(*) filter (where score <= 6), count(*)
from customers_survey where score is not null
    and answered_at >= %(before)s and answered_at < %(as_of)s group by 1, 2
"""
RENEWALS = f"""
select c.store_id, c.ends_on >= %(year)s as recent, count(*) filter (where exists (
        select from customers_contract n where n.vehicle_id = c.vehicle_id and n.type = 'insurance'
            and n.id <> c.id and coalesce(n.status, '') <> 'cancelled'
            and n.starts_on between c.ends_on - {RENEWAL_DAYS} and c.ends_on + {RENEWAL_DAYS}
            and n.starts_on > c.starts_on and n.starts_on < %(as_of)s)), count(*)
from customers_contract c where c.type = 'insurance' and c.vehicle_id is not null
    and coalesce(c.status, '') <> 'cancelled'
    and c.ends_on >= %(before)s and c.ends_on < %(as_of)s group by 1, 2
"""  # noqa: S608
BOOKS = """
select unit_id, month >= %(year)s as recent,
    sum(revenue_fen - coalesce(parts_cost_fen, 0) - coalesce(labour_cost_fen, 0))
        filter (where scope = 'after_sales'),
    sum(coalesce(site_cost_fen, 0) + coalesce(admin_expense_fen, 0)
        + coalesce(selling_expense_fen, 0) + coalesce(depreciation_fen, 0)
        + coalesce(amortisation_fen, 0)) filter (where scope = 'store')
from customers_monthlyfinancials
where month >= %(before)s and month < %(month_end)s group by 1, 2
"""
MARKETING = """
select store_id, month >= %(year)s as recent,
    sum(amount_fen) filter (where purpose = 'new_customers'),
    sum(amount_fen) filter (where purpose = 'retention')
from customers_marketingspend where month >= %(before)s and month < %(month_end)s group by 1, 2
"""
PURCHASES = """
select customer_id as customer, sold_on as day from customers_ownership where sold_on is not null
    and sold_on < %(as_of)s
"""
COMPLETE_THROUGH = """
select store_id, max(day) from customers_visit where status in ('open', 'closed')
    and day < %(as_of)s group by 1
"""
PREPAID = """
select store_id, count(*), sum(balance_fen) from customers_contract
where type in ('package', 'stored_value') and balance_fen > 0
    and coalesce(status, '') <> 'cancelled' and coalesce(starts_on, %(year)s) < %(as_of)s group by 1
"""
TARGETS = "select unit_id, metric, value from customers_target where month = %(month)s"
EXCLUDED = """
select count(*) filter (where is_test), count(*) filter (where not is_test and kind = 'insurer'),
    count(*) filter (where not is_test and kind = 'internal'), count(*)
from customers_customer
"""
COUNTERS = (
    *("promoters", "detractors", "answers", "promoters_before", "detractors_before"),
    *("answers_before", "renewed", "expired", "renewed_before", "expired_before"),
    *("profit_fen", "fixed_cost_fen", "profit_before_fen", "fixed_cost_before_fen"),
    *("cac_spend_fen", "retention_spend_fen", "cac_spend_before_fen", "retention_spend_before_fen"),
    *("prepaid_contracts", "prepaid_balance_fen"),
)


def last_complete_month(as_of: dt.date) -> dt.date:
    """First day of the last month that had ended by ``as_of``."""
    return (as_of.replace(day=1) - dt.timedelta(days=1)).replace(day=1)


def _rows(query: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()


def purchases(as_of: dt.date) -> pd.DataFrame:
    """``customer, day`` of vehicles bought from the group before the day."""
    frame = pd.DataFrame(_rows(PURCHASES, as_of=as_of), columns=["customer", "day"])
    frame["day"] = pd.to_datetime(frame["day"]).astype("datetime64[s]")
    return frame.astype({"customer": "int64"})


def book_counters(tree: Tree, as_of: dt.date) -> pd.DataFrame:
    """COUNTERS per store, in the order of ``tree.stores``; 0 where nothing is recorded.

    ``…_before`` is the year before the last one. Money of the books covers whole months: the
    twelve that ended before ``as_of``, and the twelve before them.
    """
    current_access()
    frame = pd.DataFrame(0, index=[store.id for store in tree.stores], columns=list(COUNTERS))
    month_end = as_of.replace(day=1)
    days = {"year": years_back(as_of, 1), "before": years_back(as_of, 2), "as_of": as_of}
    months = {
        "year": years_back(month_end, 1),
        "before": years_back(month_end, 2),
        "month_end": month_end,
    }

    def fill(rows: list[tuple[Any, ...]], *names: str) -> None:
        for store, recent, *values in rows:
            if store not in frame.index:
                continue
            for name, value in zip(names, values, strict=True):
                column = name if recent else _before(name)
                frame.loc[store, column] += int(value or 0)

    fill(_rows(NPS, **days), "promoters", "detractors", "answers")
    fill(_rows(RENEWALS, **days), "renewed", "expired")
    fill(_rows(BOOKS, **months), "profit_fen", "fixed_cost_fen")
    fill(_rows(MARKETING, **months), "cac_spend_fen", "retention_spend_fen")
    for store, count, balance in _rows(PREPAID, **days):
        if store in frame.index:
            frame.loc[store, ["prepaid_contracts", "prepaid_balance_fen"]] = [count, int(balance)]
    return frame.reset_index(drop=True)


def _before(name: str) -> str:
    return name.removesuffix("_fen") + "_before_fen" if name.endswith("_fen") else name + "_before"


def years_back(day: dt.date, years: int) -> dt.date:
    """The same day some years before; 28 February for the 29th."""
    return (pd.Timestamp(day) - pd.DateOffset(years=years)).date()


FEW_POLICIES = 20
"""Expired policies below which a store's renewal rate is its group's."""


def renewal_rates(book: pd.DataFrame) -> Any:
    """Share of policies renewed by store (S,); 0 where nobody in the group had one."""
    renewed, expired = (book[name].to_numpy(dtype=float) for name in ("renewed", "expired"))
    group = renewed.sum() / expired.sum() if expired.sum() else 0.0
    own = np.divide(renewed, expired, out=np.zeros_like(renewed), where=expired > 0)
    return np.where(expired >= FEW_POLICIES, own, group)


def complete_through(as_of: dt.date) -> dict[int, dt.date]:
    """Per store id: the last day with an accepted visit."""
    return {int(store): day for store, day in _rows(COMPLETE_THROUGH, as_of=as_of)}


def targets(month: dt.date) -> dict[tuple[int, str], float]:
    """Declared targets of a month by unit id and metric; money in yuan, rates as shares of 1."""
    return {(unit, metric): float(value) for unit, metric, value in _rows(TARGETS, month=month)}


def exclusions(scored: int) -> dict[str, int]:
    """Customers that are not valued, by reason."""
    test, insurers, internal, everybody = _rows(EXCLUDED)[0]
    return {
        "test_customers": test,
        "insurers": insurers,
        "internal": internal,
        "neither_bought_nor_visited": max(everybody - scored - test - insurers - internal, 0),
    }


def monthly_operations(
    visits: pd.DataFrame, store: Any, stores: int, as_of: dt.date
) -> dict[str, Any]:
    """Visit days, output and margin by serving store and complete month.

    ``visits``: ``day, revenue, margin`` (yuan); ``store``: position of the serving store per row,
    -1 for none. Answers ``months`` (names) and (S, MONTHS_SHOWN) integers by name.
    """
    end = pd.Period(last_complete_month(as_of), "M")
    month = visits["day"].dt.year * 12 + visits["day"].dt.month - 1
    place = (month - (end.year * 12 + end.month - 1) + MONTHS_SHOWN - 1).to_numpy()
    inside = (place >= 0) & (place < MONTHS_SHOWN) & (store >= 0)
    frame = pd.DataFrame(
        {
            "store": store[inside],
            "month": place[inside],
            "visits": 1,
            "revenue_fen": (visits["revenue"].to_numpy()[inside] * 100).round().astype("int64"),
            "margin_fen": (visits["margin"].to_numpy()[inside] * 100).round().astype("int64"),
        }
    )
    sums = frame.groupby(["store", "month"]).sum()
    full = sums.reindex(
        pd.MultiIndex.from_product([range(stores), range(MONTHS_SHOWN)]), fill_value=0
    )
    shape = (stores, MONTHS_SHOWN)
    return {
        "months": [str(end - back) for back in range(MONTHS_SHOWN - 1, -1, -1)],
        **{name: full[name].to_numpy(dtype="int64").reshape(shape) for name in full},
    }
