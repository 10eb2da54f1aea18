"""Makes the follow-up list of a group: set-based, repeatable, with a random hold-out.

Every reason goes through the same gate: nobody who asked not to be contacted or refused marketing
(duties such as recalls apart), nobody who was asked for the same reason in the last 90 days, one
open follow-up a customer and reason. One in ten of each campaign (reason and month) is drawn by a
seeded hash and left alone, so that the effect of calling can be measured. What should have been
called about earlier is due on the day it enters the list: red means that the list was not worked.
"""

import json
from datetime import date, timedelta
from typing import Any

import pandas as pd
from django.db import connection

from customers import follow_up_sources as sources
from customers import scores
from customers.contacting import REFUSES_SQL
from customers.handover import hand_over_all
from customers.reasons import DUTIES
from customers.service_history import service_due
from organization.access import Access, entered

HOLD_OUT_SHARE = 0.10
HOLD_OUT_SEED = "parcfolio"
REST_DAYS = 90
DUE_AHEAD_DAYS, DUE_BEHIND_DAYS = 14, 180
CONTACTED_KINDS = ("person", "company", "fleet", "employee")

# md5 here is a source of chance, not of safety: the same customer, reason and month always draw the
# same number, whoever runs it and however often.
INSERT = """
insert into customers_followup (tenant_id, store_id, customer_id, vehicle_id, reason, evidence,
    due_on, assigned_to_id, held_out, attempts, outcome, note, created_at)
select distinct on (c.id) %(tenant)s, c.home_store_id, c.id, f.vehicle_id, %(reason)s, f.evidence,
    greatest(f.due_on, %(today)s), c.advisor_id, not %(duty)s and ('x' || substr(
        md5(concat_ws('|', %(seed)s, %(tenant)s, c.uid, %(reason)s, %(month)s)), 1, 8
    ))::bit(32)::bigint / 4294967296.0 < %(share)s, 0, '', '', now()
from ({source}) as f (customer_id, vehicle_id, due_on, evidence)
join customers_customer c on c.id = f.customer_id
where c.tenant_id = %(tenant)s and not c.is_test and c.kind = any(%(kinds)s)
    and c.erased_at is null and (%(duty)s or not {refuses})
    and not exists (
        select 1 from customers_followup r
        where r.customer_id = c.id and r.reason = %(reason)s and r.closed_at > now() - %(rest)s)
order by c.id, f.due_on
on conflict (tenant_id, customer_id, reason) where closed_at is null do nothing
returning held_out
"""
# A visit answers every sales reason that was open before it, of the called and the held-out alike.
CLOSE_VISITED = """
update customers_followup f set closed_at = now()
where f.tenant_id = %(tenant)s and f.closed_at is null and f.reason <> all(%(duties)s)
    and exists (
        select 1 from customers_visit v
        where v.customer_id = f.customer_id and v.status in ('open', 'closed')
            and v.day >= (f.created_at at time zone 'Asia/Shanghai')::date
            and (f.vehicle_id is null or v.vehicle_id is null or v.vehicle_id = f.vehicle_id))
"""


def make_follow_ups(access: Access, today: date) -> dict[str, Any]:
    """Close what visits have answered and add what has come due as of ``today``.

    ``access`` must cover the whole group (the system's own). Running it again on the same day adds
    nothing. Returns counts: ``created`` by reason, ``held_out`` among them, ``closed_by_visit``,
    ``handed_over`` from people who have left the store.
    """
    created: dict[str, int] = {}
    held_out = 0
    with entered(access):
        handed_over = hand_over_all(access, today).follow_ups
        closed = _execute(CLOSE_VISITED, {"tenant": access.tenant_id, "duties": list(DUTIES)})[0]
        for reason, source, values in _campaigns(access, today):
            query = INSERT.format(source=source, refuses=REFUSES_SQL)
            drawn = _execute(query, _parameters(access, today, reason) | values)[1]
            created[reason] = len(drawn)
            held_out += sum(row[0] for row in drawn)
    return {
        "created": created,
        "held_out": held_out,
        "closed_by_visit": closed,
        "handed_over": handed_over,
    }


def _campaigns(access: Access, today: date) -> list[tuple[str, str, dict[str, Any]]]:
    """(reason, source query, its parameters), in the order in which they take precedence."""
    found: list[tuple[str, str, dict[str, Any]]] = []
    due = due_rows(service_due(access, today), today)
    for reason in ("first_service", "due"):
        chosen = due[due["reason"] == reason]
        found.append((reason, UNNEST, _columns(chosen)))
    found.extend((reason, query, {}) for reason, query in sources.BY_RECORDS.items())
    score_set = scores.current_set(access)
    if score_set is not None:
        query = sources.MODEL_RISK.format(scores=scores.table())
        found.append(("model_risk", query, {"score_set": score_set.pk}))
    return found


def due_rows(due: pd.DataFrame, today: date) -> pd.DataFrame:
    """Of the vehicles' next services those to call about: from 14 days before to 180 days after.

    Args:
        due: as ``customers.service_history.service_due`` returns it.

    Returns:
        Columns customer_id, vehicle_id, due_on (ISO), reason, evidence (JSON text).
    """
    overdue = due["overdue_days"]
    chosen = due[(overdue >= -DUE_AHEAD_DAYS) & (overdue <= DUE_BEHIND_DAYS)]
    due_on, last_on, bought_on = (
        pd.to_datetime(chosen[name]).dt.strftime("%Y-%m-%d").astype(object)
        for name in ("due_on", "last_service_on", "bought_on")
    )
    evidence = [
        json.dumps({"due_on": d, "last_on": _known(last), "bought_on": _known(b)})
        for d, last, b in zip(due_on, last_on, bought_on, strict=True)
    ]
    return pd.DataFrame(
        {
            "customer_id": chosen["customer_id"],
            "vehicle_id": chosen.index,
            "due_on": due_on,
            "reason": ["due" if s else "first_service" for s in chosen["serviced"]],
            "evidence": evidence,
        }
    )


UNNEST = """select * from unnest(%(customers)s::bigint[], %(vehicles)s::bigint[],
    %(dues)s::date[], %(evidence)s::jsonb[])"""


def _columns(rows: pd.DataFrame) -> dict[str, Any]:
    return {
        "customers": rows["customer_id"].tolist(),
        "vehicles": rows["vehicle_id"].tolist(),
        "dues": rows["due_on"].tolist(),
        "evidence": rows["evidence"].tolist(),
    }


def _known(value: Any) -> str | None:
    return None if pd.isna(value) else str(value)


def _parameters(access: Access, today: date, reason: str) -> dict[str, Any]:
    return {
        "tenant": access.tenant_id,
        "today": today,
        "reason": reason,
        "duty": reason in DUTIES,
        "month": f"{today:%Y-%m}",
        "seed": HOLD_OUT_SEED,
        "share": HOLD_OUT_SHARE,
        "rest": timedelta(days=REST_DAYS),
        "kinds": list(CONTACTED_KINDS),
    } | sources.PARAMETERS


def _execute(query: str, values: dict[str, Any]) -> tuple[int, list[tuple[Any, ...]]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.rowcount, cursor.fetchall() if cursor.description else []
