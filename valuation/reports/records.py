"""What the records say month by month of some stores: the rows that reports are made of.

Revenue is that of all payers outside the group, net of VAT, credits netted on their original's
month; internal work, cancelled orders, test customers, insurers and own entries are left out, as
everywhere in the valuation. Nothing here names a person: customers appear under the valuation's
random pseudonyms, days as months.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

from django.db import connection

from organization.access import current_access

MONTHS = 36

ORDERS = """
with credit as (
    select store_id, original_ro_no as ro_no, sum(abs(pay_customer_fen)) as customer,
        sum(abs(pay_insurance_fen)) as insurer, sum(abs(pay_warranty_fen)) as manufacturer
    from customers_visit where status = 'credit' and original_ro_no <> ''
        and store_id = any(%(stores)s) group by 1, 2
), orders as (
    select v.store_id, v.customer_id, v.vehicle_id, v.day,
        date_trunc('month', v.day)::date as month,
        v.pay_customer_fen - coalesce(c.customer, 0) as customer,
        v.pay_insurance_fen - coalesce(c.insurer, 0) as insurer,
        v.pay_warranty_fen - coalesce(c.manufacturer, 0) as manufacturer
    from customers_visit v
    join customers_customer p on p.id = v.customer_id
        and not p.is_test and p.kind not in ('insurer', 'internal')
    left join credit c using (store_id, ro_no)
    where v.status in ('open', 'closed') and v.store_id = any(%(stores)s)
        and v.day >= %(begin)s and v.day < %(end)s
), paid as (select * from orders where customer + insurer + manufacturer > 0)
"""
BY_MONTH = f"""{ORDERS}
select month, count(distinct (customer_id, day)), count(distinct customer_id), sum(customer),
    sum(insurer), sum(manufacturer) from paid group by 1
"""  # noqa: S608

BY_MODEL = f"""{ORDERS}
select month, coalesce(nullif(v.series, ''), nullif(v.model, ''), '–') as name,
    sum(customer + insurer + manufacturer)
from paid left join customers_vehicle v on v.id = paid.vehicle_id group by 1, 2
"""  # noqa: S608

BY_STORE = f"""{ORDERS}
select month, store_id, sum(customer + insurer + manufacturer) from paid group by 1, 2
"""  # noqa: S608

FIRST_VISITS = """
select date_trunc('month', first)::date, count(*) from (
    select v.customer_id, min(v.day) as first from customers_visit v
    join customers_customer p on p.id = v.customer_id and not p.is_test
        and p.kind not in ('insurer', 'internal')
    where v.status in ('open', 'closed') and v.store_id = any(%(stores)s) group by 1
) f where first >= %(begin)s and first < %(end)s group by 1
"""
# Only for the months that the report shows: each looks two years back.
SEEN = """
select m.month, (select count(distinct v.customer_id) from customers_visit v
    join customers_customer p on p.id = v.customer_id and not p.is_test
        and p.kind not in ('insurer', 'internal')
    where v.status in ('open', 'closed') and v.store_id = any(%(stores)s)
        and v.day >= m.month - interval '23 months' and v.day < m.month + interval '1 month')
from unnest(%(shown)s::date[]) as m(month)
"""
ANSWERS = """
select date_trunc('month', day)::date, count(*) filter (where score >= 9),
    count(*) filter (where score <= 6), count(*)
from customers_survey where score is not null and store_id = any(%(stores)s)
    and day >= %(begin)s and day < %(end)s group by 1
"""
EVENTS = """
select date_trunc('month', day)::date, count(*) filter (where kind = 'complaint'),
    count(*) filter (where kind = 'referral')
from customers_event where store_id = any(%(stores)s)
    and day >= %(begin)s and day < %(end)s group by 1
"""
MARKETING = """
select month, sum(amount_fen) filter (where purpose = 'new_customers'),
    sum(amount_fen) filter (where purpose = 'retention'), sum(amount_fen)
from customers_marketingspend where store_id = any(%(stores)s)
    and month >= %(begin)s and month < %(end)s group by 1
"""
BOOK_COLUMNS = (
    *("revenue", "parts_cost", "labour_cost", "site_cost", "admin_expense", "selling_expense"),
    *("depreciation", "amortisation", "tax", "fixed_assets", "working_capital", "total_assets"),
    "operating_cash_flow",
)
BOOKS = f"""
select month, scope, {", ".join(f"sum({name}_fen)" for name in BOOK_COLUMNS)}
from customers_monthlyfinancials where unit_id = any(%(stores)s)
    and month >= %(begin)s and month < %(end)s group by 1, 2
"""  # noqa: S608
LOST_REASONS = """
select outcome, count(*) from customers_followup
where outcome in ('sold', 'given_away', 'taxi', 'declined', 'wrong_number', 'out_of_town')
    and store_id = any(%(stores)s) and contacted_at >= %(begin)s and contacted_at < %(end)s
group by 1 order by 2 desc, 1 limit 5
"""
NPS_COUNTS = """
select to_char(day, 'YYYY-MM'), score, count(*) from customers_survey
where score is not null and store_id = any(%(stores)s)
    and day >= %(begin)s and day < %(end)s group by 1, 2 order by 1, 2
"""
NPS_ROWS = """
select to_char(s.day, 'YYYY-MM'), s.score,
    -- A text that begins like a formula stays text in a spreadsheet.
    regexp_replace(s.channel, '^([=+@-])', '''\\1'), coalesce(p.pseudonym::text, '')
from customers_survey s left join valuation_pseudonym p on p.customer_id = s.customer_id
where s.score is not null and s.store_id = any(%(stores)s)
    and s.day >= %(begin)s and s.day < %(end)s order by 1, 4, 2, 3
"""
NPS_HEAD = b"month,score,channel,pseudonym\n"
TOP = f"""{ORDERS}
select c.pseudonym::text, c.segment, c.first_quarter, c.value_fen, c.undiscounted_fen,
    count(distinct paid.day), coalesce(sum(paid.customer + paid.insurer + paid.manufacturer), 0)
from (select * from valuation_valuedcustomer where valuation_id = %(valuation)s
        and store_id = any(%(stores)s) order by value_fen desc, pseudonym limit 100) c
left join valuation_pseudonym p on p.pseudonym = c.pseudonym
left join paid on paid.customer_id = p.customer_id
group by 1, 2, 3, 4, 5 order by 4 desc, 1
"""  # noqa: S608

SEGMENTS = """
select segment, first_quarter, count(*), sum(value_fen), sum(undiscounted_fen)
from valuation_valuedcustomer where valuation_id = %(valuation)s and store_id = any(%(stores)s)
group by 1, 2 order by 1, 2
"""


def months_before(as_of: dt.date, count: int = MONTHS) -> list[dt.date]:
    """First days of the ``count`` months that had ended by ``as_of``, ascending."""
    last = as_of.replace(day=1)
    ordinals = range(last.year * 12 + last.month - 1 - count, last.year * 12 + last.month - 1)
    return [dt.date(one // 12, one % 12 + 1, 1) for one in ordinals]


@dataclass(frozen=True)
class Facts:
    """Series by name, one value a month; money in fen, None where nothing was recorded."""

    months: list[dt.date]
    series: dict[str, list[int | None]]
    models: dict[str, list[int]]
    stores: dict[int, list[int]]
    lost_reasons: list[tuple[str, int]]


@dataclass(frozen=True)
class Reading:
    """Which stores, which months, which valuation."""

    stores: Sequence[int]
    months: list[dt.date]
    valuation_id: int

    def write_csv(self, query: str, head: bytes, target: IO[bytes]) -> None:
        """Write the rows as CSV (UTF-8 with its mark), as the database copies them out: raw answers
        are too many for a sheet and for memory."""
        current_access()
        target.write(b"\xef\xbb\xbf" + head)
        command = f"copy ({query}) to stdout (format csv)"
        with connection.cursor() as cursor, cursor.copy(command, self._values()) as copy:
            for block in copy:
                target.write(block)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        current_access()
        with connection.cursor() as cursor:
            cursor.execute(query, self._values())
            return cursor.fetchall()

    def _values(self) -> dict[str, Any]:
        last = self.months[-1]
        end = dt.date(last.year + last.month // 12, last.month % 12 + 1, 1)
        return {
            "stores": list(self.stores),
            "begin": self.months[0],
            "end": end,
            "valuation": self.valuation_id,
            "shown": [self.months[i] for i in (-1, -2, -13) if -i <= len(self.months)],
        }

    def facts(self) -> Facts:
        """Everything by month, inside an entered access."""
        place = {month: i for i, month in enumerate(self.months)}
        series: dict[str, list[int | None]] = {}

        def put(query: str, names: Sequence[str], *, zero: bool = True) -> None:
            for name in names:
                series[name] = [0 if zero else None] * len(place)
            for month, *values in self.rows(query):
                for name, value in zip(names, values, strict=True):
                    if value is not None:
                        series[name][place[month]] = int(value)

        put(BY_MONTH, ("visits", "active", "from_customers", "from_insurers", "from_makers"))
        put(FIRST_VISITS, ("new",))
        put(SEEN, ("base",), zero=False)
        put(ANSWERS, ("promoters", "detractors", "answers"))
        put(EVENTS, ("complaints", "referrals"))
        put(MARKETING, ("marketing_new", "marketing_kept", "marketing"), zero=False)
        for scope in ("after_sales", "store"):
            for name in BOOK_COLUMNS:
                series[f"{scope}_{name}"] = [None] * len(place)
        for month, scope, *values in self.rows(BOOKS):
            for name, value in zip(BOOK_COLUMNS, values, strict=True):
                if f"{scope}_{name}" in series and value is not None:
                    series[f"{scope}_{name}"][place[month]] = int(value)
        models, stores = self._tables(place)
        return Facts(self.months, series, models, stores, self._reasons())

    def _tables(self, place: dict[dt.date, int]) -> tuple[dict[str, list[int]], Any]:
        found: list[dict[Any, list[int]]] = []
        for query in (BY_MODEL, BY_STORE):
            table: dict[Any, list[int]] = {}
            for month, name, amount in self.rows(query):
                table.setdefault(name, [0] * len(place))[place[month]] += int(amount)
            found.append(dict(sorted(table.items(), key=lambda item: -sum(item[1]))))
        return found[0], found[1]

    def _reasons(self) -> list[tuple[str, int]]:
        return [(str(outcome), int(count)) for outcome, count in self.rows(LOST_REASONS)]
