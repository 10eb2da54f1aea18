"""Rows behind figures of one store, read by the same conditions as the counters are.

Read in the system's context: a home customer's visits at other stores count too. What of it a
person may see is decided by the page.
"""

import datetime as dt
from typing import Any

import pandas as pd
from django.db import connection

from organization.access import current_access
from valuation.books import RENEWAL_DAYS

SURVEYS = """
select id, customer_id, (answered_at at time zone 'Asia/Shanghai')::date, score
from customers_survey where store_id = %(store)s and score is not null
    and answered_at >= %(year)s and answered_at < %(as_of)s order by answered_at, id
"""
POLICIES = f"""
select c.id, c.customer_id, c.ends_on, exists (
    select from customers_contract n where n.vehicle_id = c.vehicle_id and n.type = 'insurance'
        and n.id <> c.id and coalesce(n.status, '') <> 'cancelled'
        and n.starts_on between c.ends_on - {RENEWAL_DAYS} and c.ends_on + {RENEWAL_DAYS}
        and n.starts_on > c.starts_on and n.starts_on < %(as_of)s)
from customers_contract c where c.store_id = %(store)s and c.type = 'insurance'
    and c.vehicle_id is not null and coalesce(c.status, '') <> 'cancelled'
    and c.ends_on >= %(year)s and c.ends_on < %(as_of)s order by c.ends_on, c.id
"""  # noqa: S608
MARKETING = """
select month, channel, amount_fen from customers_marketingspend
where store_id = %(store)s and purpose = 'new_customers'
    and month >= %(year)s and month < %(month_end)s order by month, channel
"""
ABSORPTION = """
select month, sum(revenue_fen - coalesce(parts_cost_fen, 0) - coalesce(labour_cost_fen, 0))
        filter (where scope = 'after_sales'),
    sum(coalesce(site_cost_fen, 0) + coalesce(admin_expense_fen, 0)
        + coalesce(selling_expense_fen, 0) + coalesce(depreciation_fen, 0)
        + coalesce(amortisation_fen, 0)) filter (where scope = 'store')
from customers_monthlyfinancials
where unit_id = %(store)s and month >= %(year)s and month < %(month_end)s group by 1 order by 1
"""
ORDERS = """
select customer_id, day, string_agg(ro_no, ', ' order by ro_no) from customers_visit
where store_id = %(store)s and day >= %(first)s and day < %(end)s
    and status in ('open', 'closed') group by 1, 2
"""


def _frame(query: str, columns: list[str], **parameters: Any) -> pd.DataFrame:
    current_access()
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return pd.DataFrame(cursor.fetchall(), columns=columns)


def _year_before(day: dt.date) -> dt.date:
    return (pd.Timestamp(day) - pd.DateOffset(years=1)).date()


def surveys(store: int, end: dt.date) -> pd.DataFrame:
    """``row, customer, day, score`` of the answers of the year before ``end``."""
    columns = ["row", "customer", "day", "score"]
    return _frame(SURVEYS, columns, store=store, year=_year_before(end), as_of=end)


def policies(store: int, end: dt.date) -> pd.DataFrame:
    """``row, customer, day, renewed`` of the policies that ended in the year before ``end``."""
    columns = ["row", "customer", "day", "renewed"]
    return _frame(POLICIES, columns, store=store, year=_year_before(end), as_of=end)


def marketing(store: int, end: dt.date) -> pd.DataFrame:
    """``month, channel, amount_fen`` for new customers in the twelve months before ``end``."""
    last = end.replace(day=1)
    columns = ["month", "channel", "amount_fen"]
    return _frame(MARKETING, columns, store=store, year=_year_before(last), month_end=last)


def absorption(store: int, end: dt.date) -> pd.DataFrame:
    """``month, profit_fen, fixed_cost_fen`` of the twelve months before ``end``."""
    last = end.replace(day=1)
    columns = ["month", "profit_fen", "fixed_cost_fen"]
    return _frame(ABSORPTION, columns, store=store, year=_year_before(last), month_end=last)


def repair_orders(store: int, first: dt.date, end: dt.date) -> dict[tuple[int, dt.date], str]:
    """Numbers of the repair orders of each customer and day."""
    frame = _frame(ORDERS, ["customer", "day", "numbers"], store=store, first=first, end=end)
    return {(row.customer, row.day): row.numbers for row in frame.itertuples()}
