"""Weak evidence: what suggests that two customers are one, for a steward to decide.

Blocks are exact joins (one mobile, one vehicle, one plate, one name with most of a vehicle number);
only inside them are names and vehicle numbers compared for likeness.
"""

# ruff: noqa: S608 - SQL is put together from this module's own parts, values go as parameters.

from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from django.db import connection

from customers.identity.evidence import MOBILE_NAMES, PERIOD, VEHICLE_OWNERS, within
from customers.identity.similarity import Likeness, likeness, vin_slip
from customers.identity.state import Standing, taken_back

MOBILE, VEHICLE, PLATE, VIN_SLIP = "mobile", "vehicle", "plate", "vin_slip"
BIRTH, OTHER_BIRTH, OTHER_GENDER = "birth_date", "other_birth_date", "other_gender"
# What an observation weighs towards a likely pair; the order of the queue, not a probability.
WEIGHTS = {
    **{MOBILE: 30, VEHICLE: 30, PLATE: 25, VIN_SLIP: 45},
    **{BIRTH: 20, OTHER_BIRTH: -25, OTHER_GENDER: -20},
    **{f"name_{Likeness.SAME}": 40, f"name_{Likeness.SLIP}": 30, f"name_{Likeness.TITLE}": 25},
    **{f"name_{Likeness.STEM}": 25, f"name_{Likeness.NONE}": -10, f"name_{Likeness.UNKNOWN}": 0},
}
# The candidates with the customer that each number belongs to now.
_NOW = (
    "select s.id, s.kind, s.name, s.named, n.customer_id from identity_candidate s"
    " join customers_customersource n on n.id = s.id"
)
_PAIR = (
    "select least(a.customer_id, b.customer_id), greatest(a.customer_id, b.customer_id),"
    " min(least(a.id, b.id)), min(greatest(a.id, b.id)), '{by}'{more} from {rows} a"
    " join {rows} b on b.kind = a.kind and a.customer_id < b.customer_id and {condition}"
    " group by 1, 2"
)
_BY_MOBILE = (
    f"with f as (select s.*, p.lookup from customers_contactpoint p join ({_NOW}) s"
    " on s.id = p.source_id where p.tenant_id = %(tenant)s and p.kind = 'mobile'{contacts}),"
    " few as (select lookup from f group by 1 having count(distinct customer_id)"
    f" between 2 and {MOBILE_NAMES}), g as materialized"
    " (select f.* from f join few using (lookup))"
    + _PAIR.format(by=MOBILE, rows="g", condition="b.lookup = a.lookup", more=", '', ''")
)
_HELD = (
    f"select s.*, o.vehicle_id, {PERIOD} as period from customers_ownership o"
    f" join ({_NOW}) s on s.id = o.source_id where o.tenant_id = %(tenant)s{{vehicles}}"
)
_BY_VEHICLE = (
    f"with f as ({_HELD}), few as (select vehicle_id from f group by 1"
    f" having count(distinct customer_id) between 2 and {VEHICLE_OWNERS}), g as materialized"
    " (select f.* from f join few using (vehicle_id))"
    + _PAIR.format(
        by=VEHICLE,
        rows="g",
        condition="b.vehicle_id = a.vehicle_id and a.period && b.period",
        more=", '', ''",
    )
)
_BY_PLATE = (
    f"with f as (select h.*, v.plate from ({_HELD}) h join customers_vehicle v"
    " on v.id = h.vehicle_id where v.plate <> ''), few as (select plate from f group by 1"
    f" having count(distinct vehicle_id) > 1 and count(distinct customer_id)"
    f" between 2 and {VEHICLE_OWNERS}), g as materialized"
    " (select f.* from f join few using (plate))"
    + _PAIR.format(
        by=PLATE,
        rows="g",
        condition="b.plate = a.plate and b.vehicle_id <> a.vehicle_id and a.period && b.period",
        more=", '', ''",
    )
)
# A slip stands either in the first eleven signs, and the last six are exact; or in the last six,
# and then the first three of these are exact, or the last three, or all but the middle two.
SLIPS = (
    "right({v}.vin, 6)",
    "left({v}.vin, 14)",
    "left({v}.vin, 11) || right({v}.vin, 3)",
    "left({v}.vin, 13) || right({v}.vin, 2)",
)
_SLIPPED = "b.name = a.name and b.named and b.vin <> a.vin and a.period && b.period"
_BY_VIN = (
    f"with f as materialized (select h.*, v.vin from ({_HELD}) h join customers_vehicle v"
    " on v.id = h.vehicle_id where h.named) "
    + " union ".join(
        _PAIR.format(
            by=VIN_SLIP,
            rows="f",
            condition=f"{part.format(v='b')} = {part.format(v='a')} and {_SLIPPED}",
            more=", a.vin, b.vin",
        )
        + ", 6, 7"
        for part in SLIPS
    )
)
# Around some numbers the vehicles that may be one slip apart are known before their holders.
_BY_NEAR_VIN = (
    f"with f as materialized (select h.*, v.vin from ({_HELD}) h join customers_vehicle v"
    " on v.id = h.vehicle_id where h.named) "
    + _PAIR.format(
        by=VIN_SLIP,
        rows="f",
        condition="(least(a.vehicle_id, b.vehicle_id), greatest(a.vehicle_id, b.vehicle_id))"
        f" in (select a, b from identity_slip) and {_SLIPPED}",
        more=", a.vin, b.vin",
    )
    + ", 6, 7"
)
_BY_CONTACT = (_BY_MOBILE, _BY_VEHICLE, _BY_PLATE)


@dataclass
class Suggestion:
    """Two customers, one number of each that shows it, and what was observed."""

    customers: tuple[int, int]
    numbers: tuple[int, int]
    seen: list[str] = field(default_factory=list)

    @property
    def score(self) -> int:
        return sum(WEIGHTS[what] for what in self.seen)


def propose(tenant_id: int, decided: Standing, around: bool = False) -> int:
    """Renew the proposals of a group from ``identity_candidate``; the count of those found.

    What people have parted is not proposed again; a proposal put off stays put off. ``around``:
    only the proposals of the customers in ``identity_person`` are looked for and renewed.
    """
    apart = decided.components(*taken_back(tenant_id))
    with connection.cursor() as cursor:
        found = _suggestions(cursor, tenant_id, around)
        found = [s for s in found if apart.may_join(*s.customers)]
        _describe(cursor, found)
        _write(cursor, tenant_id, found, around)
    return len(found)


def _suggestions(cursor: Any, tenant_id: int, around: bool) -> list[Suggestion]:
    hints: set[tuple[Any, ...]] = set()
    for rule in (*_BY_CONTACT, _BY_NEAR_VIN if around else _BY_VIN):
        cursor.execute(within(rule, around), {"tenant": tenant_id})
        hints.update(
            row[:5] for row in cursor.fetchall() if row[4] != VIN_SLIP or vin_slip(*row[5:])
        )
    if around:
        cursor.execute("select customer_id from identity_person")
        people = {pk for (pk,) in cursor.fetchall()}
        hints = {hint for hint in hints if hint[0] in people or hint[1] in people}
    found = []
    for customers, rows in groupby(sorted(hints), key=lambda row: row[:2]):
        listed = list(rows)
        seen = list(dict.fromkeys(row[4] for row in listed))
        found.append(Suggestion(customers, listed[0][2:4], seen))
    return found


def _describe(cursor: Any, found: list[Suggestion]) -> None:
    """Add what names, birth dates and genders say."""
    cursor.execute(
        "select id, kind, name_key, birth_date, gender from customers_customer where id = any(%s)",
        [list({pk for s in found for pk in s.customers})],
    )
    known = {pk: rest for pk, *rest in cursor.fetchall()}
    for one in found:
        kind, name_a, birth_a, gender_a = known[one.customers[0]]
        _kind, name_b, birth_b, gender_b = known[one.customers[1]]
        one.seen.append(f"name_{likeness(name_a, name_b, kind)}")
        if birth_a and birth_b:
            one.seen.append(BIRTH if birth_a == birth_b else OTHER_BIRTH)
        if gender_a and gender_b and gender_a != gender_b:
            one.seen.append(OTHER_GENDER)


# Proposals that are looked for: of the numbers of a match around some, deleted ones included.
_RENEWED = (
    " and (p.source_a_id in (table identity_asked) or p.source_b_id in (table identity_asked))"
)


def _write(cursor: Any, tenant_id: int, found: list[Suggestion], around: bool) -> None:
    cursor.execute("drop table if exists pg_temp.identity_proposal")
    cursor.execute(
        "create temp table identity_proposal (source_a bigint, source_b bigint, customer_a bigint,"
        " customer_b bigint, seen text[], score int)"
    )
    with cursor.copy("copy identity_proposal from stdin") as copy:
        for one in found:
            copy.write_row((*one.numbers, *one.customers, one.seen, one.score))
    cursor.execute("analyze identity_proposal")
    cursor.execute(
        "delete from customers_mergeproposal p where p.tenant_id = %s and not exists"
        " (select from identity_proposal n where n.source_a = p.source_a_id"
        f" and n.source_b = p.source_b_id){_RENEWED if around else ''}",
        [tenant_id],
    )
    cursor.execute(
        "insert into customers_mergeproposal as p"
        " (tenant_id, source_a_id, source_b_id, evidence, score, stores, found_at)"
        " select %s, n.source_a, n.source_b, to_jsonb(n.seen), n.score,"
        " array(select distinct unnest(a.stores || b.stores) order by 1), now()"
        " from identity_proposal n join customers_customer a on a.id = n.customer_a"
        " join customers_customer b on b.id = n.customer_b"
        " on conflict (tenant_id, source_a_id, source_b_id) do update set"
        " evidence = excluded.evidence, score = excluded.score, stores = excluded.stores"
        " where (p.evidence, p.score, p.stores)"
        " is distinct from (excluded.evidence, excluded.score, excluded.stores)",
        [tenant_id],
    )
    cursor.execute("drop table identity_proposal")
