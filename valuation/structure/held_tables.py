"""What came against what was expected, as tables: of a deal over a cut pool, and of the pool."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from valuation.models import Pool, Valuation
from valuation.pools.actuals import Actuals
from valuation.structure.performance import MonthHeld, Performance
from valuation.structure.study import TRIGGER_NAMES, TriggerStatus
from valuation.structure.tables import fen
from web import formats
from web.tables import Column, Table

EMPTY = gettext_lazy("Not a whole month has passed since the cut, or its visits are not in yet.")


def held_table(months: Sequence[MonthHeld]) -> Table:
    """By month since closing: collections, the running ratio, A's balance and the tests."""
    rows = [
        {
            "month": one.month,
            "expected": fen(one.expected),
            "actual": fen(one.actual),
            "ratio": one.actual / one.expected if one.expected > 0 else None,
            "cumulative": one.cumulative,
            "a_planned": fen(one.a_planned),
            "a_bal": fen(one.a_bal),
            "dscr": one.dscr,
            "oc": one.oc,
            "state": _("triggered") if one.triggered else "",
        }
        for one in months
    ]
    columns = [
        Column("month", _("Month"), "integer"),
        Column("expected", _("Expected"), "money"),
        Column("actual", _("Actual"), "money"),
        Column("ratio", _("Actual ÷ expected"), "percent"),
        Column("cumulative", _("Cumulative"), "percent"),
        Column("a_planned", _("A as planned"), "money", hide_on_phone=True),
        Column("a_bal", _("A balance"), "money", hide_on_phone=True),
        Column("dscr", _("DSCR"), "ratio", hide_on_phone=True),
        Column("oc", _("OC"), "ratio", hide_on_phone=True),
        Column("state", _("State")),
    ]
    return Table(
        columns,
        rows,
        _("Actual against forecast"),
        tone=lambda row: "warn" if row["state"] else "",
        tight=True,
        css="wide tall",
        empty=str(EMPTY),
    )


def state_table(found: Performance) -> Table:
    """Each trigger as it stands after the last whole month."""
    columns = [
        Column("measure", _("Trigger"), value=lambda t: _(TRIGGER_NAMES[t.measure])),
        Column("level", _("Level"), "ratio"),
        Column("lowest", _("Lowest"), "ratio"),
        Column("headroom", _("Headroom"), "ratio"),
        Column("state", _("State"), value=_state),
    ]
    return Table(
        columns,
        found.triggers,
        _("Triggers so far"),
        tone=lambda t: "warn" if t.first is not None else "",
        tight=True,
        empty=_("This structure has no trigger"),
    )


def _state(trigger: TriggerStatus) -> str:
    if trigger.first is None:
        return _("passes")
    return _("tripped in month %(month)s") % {"month": trigger.first}


def pool_table(pool: Pool, actual: Actuals) -> Table:
    """Of the pool alone: visits, output and margin after cost, expected and come."""
    monthly: dict[str, Any] = pool.monthly
    rows = []
    due = came = 0
    for month, revenue in enumerate(actual.revenue_fen):
        expected = monthly["margin_fen"][month] - monthly["cost_fen"][month]
        net = fen(actual.net[month]) or 0
        due, came = due + expected, came + net
        rows.append(
            {
                "month": month + 1,
                "visits_expected": monthly["visits"][month],
                "visits": actual.visits[month],
                "revenue_expected": monthly["revenue_fen"][month],
                "revenue": revenue,
                "expected": expected,
                "net": net,
                "cumulative": came / due if due > 0 else None,
            }
        )
    columns = [
        Column("month", _("Month"), "integer"),
        Column("visits_expected", _("Visits expected"), "decimal", hide_on_phone=True),
        Column("visits", _("Visits"), "integer"),
        Column("revenue_expected", _("Output expected"), "money", hide_on_phone=True),
        Column("revenue", _("Output"), "money", hide_on_phone=True),
        Column("expected", _("Expected after cost"), "money"),
        Column("net", _("Actual after cost"), "money"),
        Column("cumulative", _("Cumulative"), "percent"),
    ]
    caption = _("Actual against forecast since the cut")
    return Table(columns, rows, caption, tight=True, css="wide tall", empty=str(EMPTY))


def retested(newest: Valuation | None, share: float) -> str:
    """What the pool's rules say of its members today; nothing while there is no newer valuation."""
    if newest is None:
        return ""
    return _(
        "Tested again as of %(day)s, %(share)s of the members still meet the pool's rules: hold"
        " the eligible share of a revolving period against it."
    ) % {"day": formats.date(newest.as_of), "share": formats.percent(share)}


def note(actual: Actuals) -> str:
    """What the actual side rests on."""
    if actual.through is None:
        return _("No visit of the pool's stores is known.")
    rate = formats.percent(actual.margin_rate)
    if actual.measured:
        how = _("Output became margin at %(rate)s, as the newest valuation measured the last year")
    else:
        how = _("Output became margin at the forecast's own %(rate)s: no newer valuation yet")
    said = [
        _("Records up to %(day)s, months of 30.4 days from the cut-off")
        % {"day": formats.date(actual.through)},
        how % {"rate": rate},
    ]
    if actual.erased:
        said.append(
            _("%(count)s members were erased since: their visits are missing")
            % {"count": formats.integer(actual.erased)}
        )
    stop = "；" if formats.in_chinese() else "; "
    return stop.join(said) + ("。" if formats.in_chinese() else ".")
