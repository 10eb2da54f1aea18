"""A score set as a table: one row per customer, under the primary number."""

from collections.abc import Iterator
from typing import Any

from django.db import connection

from ml.models import ScoreSet
from organization.access import Access, entered
from web.spreadsheets import inert

COLUMNS = (
    *("store_code", "customer_no", "p_alive", "churn_12m", "expected_visits_12m"),
    *("expected_revenue_12m", "expected_margin_12m", "ltv", "in_churn_population", "tags", "also"),
)

# The primary number: of the home store, the oldest; the others follow in `also`.
QUERY = """
select u.code, n.numbers[1], s.p_alive, s.churn_12m, s.expected_visits_12m,
    s.expected_revenue_12m_fen, s.expected_margin_12m_fen, s.ltv_fen, s.in_churn_population,
    s.tags, n.numbers[2:]
from ml_score s join organization_unit u on u.id = s.store_id
join lateral (
    select array_agg(
        case when c.store_id = s.store_id then c.customer_no
            else o.code || ':' || c.customer_no end
        order by c.store_id <> s.store_id, c.created_on nulls last, c.id) as numbers
    from customers_customersource c join organization_unit o on o.id = c.store_id
    where c.customer_id = s.customer_id
) n on true
where s.score_set_id = %s order by u.code, n.numbers[1]
"""


def rows(access: Access, score_set: ScoreSet) -> Iterator[tuple[Any, ...]]:
    """Rows in the order of ``COLUMNS``; money in yuan, numbers of other stores as store:number."""
    with entered(access), connection.cursor() as cursor:
        cursor.execute(QUERY, [score_set.pk])
        while found := cursor.fetchmany(5000):
            for row in found:
                yield (
                    *map(inert, row[:2]),
                    *(f"{value:.6f}" for value in row[2:5]),
                    *(f"{fen / 100:.2f}" for fen in row[5:8]),
                    "1" if row[8] else "0",
                    inert(";".join(row[9])),
                    inert(";".join(row[10])),
                )
