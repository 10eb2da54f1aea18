"""Indicators follow a load: months that it touched are measured again, once a group.

Imports know nothing of valuations. Every few minutes the newest finished load of each group is held
against the one that was last taken into account; what has been loaded meanwhile, by however many
files and from wherever, is one recording. The mark is kept in the cache: lost, it costs a
recording that adds no row.
"""

import datetime as dt
import logging
from dataclasses import dataclass

from django.core.cache import cache
from django.db import connection

from customers.models import ImportRun
from organization.access import Access, entered
from valuation.books import last_complete_month
from valuation.indicators.recording import MONTHS, Recorded, record
from valuation.models import Valuation

log = logging.getLogger(__name__)

KEPT_SECONDS = 90 * 86_400
QUEUED_SECONDS = 3_600

# The earliest day of what a load wrote, by the time of change that the database keeps.
TOUCHED = """
select least(
    (select min(day) from customers_visit where changed_at >= %(since)s),
    (select min(day) from customers_survey where changed_at >= %(since)s),
    (select min(starts_on) from customers_contract where changed_at >= %(since)s
        and type = 'insurance'),
    (select min(month) from customers_monthlyfinancials where changed_at >= %(since)s),
    (select min(month) from customers_marketingspend where changed_at >= %(since)s),
    (select min(month) from customers_target where changed_at >= %(since)s)
)
"""


@dataclass(frozen=True)
class Loads:
    """``newest``: the last finished run; ``since``: when the first that was not yet taken into
    account began."""

    newest: int
    since: dt.datetime


def _mark(tenant_id: int) -> str:
    return f"indicators-after-run-{tenant_id}"


def _queued(tenant_id: int) -> str:
    return f"indicators-after-loads-queued-{tenant_id}"


def claim(tenant_id: int) -> bool:
    """Whether to queue a recording: False while one waits or works."""
    return bool(cache.add(_queued(tenant_id), 1, QUEUED_SECONDS))


def release(tenant_id: int) -> None:
    cache.delete(_queued(tenant_id))


def loads_since(access: Access) -> Loads | None:
    """Loads that finished since the last recording; None while one is still at work, or for none.

    Call inside an entered access.
    """
    runs = ImportRun.objects.visible_to(access).filter(dry_run=False)
    if runs.filter(status=ImportRun.Status.RUNNING).exists():
        return None
    done = runs.filter(status=ImportRun.Status.DONE, started_at__isnull=False)
    newest = done.order_by("-finished_at", "-pk").first()
    if newest is None:
        return None
    known = cache.get(_mark(access.tenant_id))
    if known is None:
        # What was loaded before anybody looked is in the recording that follows every valuation.
        valued = _newest(access)
        if valued is None or newest.finished_at <= valued.created_at:
            return None
        fresh = done.filter(finished_at__gt=valued.created_at)
    else:
        fresh = done.filter(pk__gt=known)
    first = fresh.order_by("started_at").values_list("started_at", flat=True).first()
    return None if first is None else Loads(newest.pk, first)


def _newest(access: Access) -> Valuation | None:
    rows = Valuation.objects.visible_to(access).order_by("-as_of", "-created_at")
    found: Valuation | None = rows.first()
    return found


def record_after_loads(access: Access) -> Recorded | None:
    """Measure every month from the earliest that the loads touched; None where none was.

    A late order of March changes the twelve months whose windows reach back to it, and the growth
    of the twelve after: all months from March on are measured, rows that stay as they were are not
    written again.
    """
    with entered(access):
        loads = loads_since(access)
        valuation = _newest(access)
        if loads is None or valuation is None:
            return None
        touched = _touched(loads.since)
        last = last_complete_month(valuation.as_of)
    found = None
    if touched is not None and touched <= _end(last):
        back = (last.year - touched.year) * 12 + last.month - touched.month + 1
        months = min(back, MONTHS)
        found = record(access, reason="loads", months=months, restate_all=True)
    cache.set(_mark(access.tenant_id), loads.newest, KEPT_SECONDS)
    return found


def _end(month: dt.date) -> dt.date:
    """The last day of a month given by its first."""
    after = dt.date(month.year + month.month // 12, month.month % 12 + 1, 1)
    return after - dt.timedelta(days=1)


def _touched(since: dt.datetime) -> dt.date | None:
    with connection.cursor() as cursor:
        cursor.execute(TOUCHED, {"since": since})
        (day,) = cursor.fetchone()
    found: dt.date | None = day
    return found
