"""Tables and pictures of pools, from stored figures or those of the rules being typed."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from valuation.models import Pool, Structure
from valuation.pictures import address
from valuation.pool_flows import MonthlyFlows
from valuation.pools.basis import Basis
from valuation.pools.form import KINDS, RISK_LABELS, WARRANTIES, label_of
from valuation.pools.selection import Selected
from valuation.pools.strata import DIMENSIONS
from valuation.rounding import to_fen
from valuation.uncertainty import LAYERS, Band
from web import charts, formats
from web.charts import Figure
from web.components import Tab
from web.tables import Column, Table

CONCENTRATED = 10
COHORTS_DRAWN = 6
_LABELS = KINDS | RISK_LABELS | WARRANTIES
STEPS = {
    "offered": gettext_lazy("Customers of the unit"),
    "pool": gettext_lazy("In the pool"),
}


def pool_table(rows: Iterable[Pool]) -> Table:
    """The list of cut pools."""
    columns = [
        Column("name", _("Pool"), link=lambda row: reverse("pool", args=[row.pk]), wrap=True),
        Column("unit", _("Unit"), value=lambda row: row.unit.name, hide_on_phone=True),
        Column("as_of", _("Cut-off"), "date", value=lambda row: row.valuation.as_of),
        Column("customers", _("Customers"), "integer"),
        Column("value_fen", _("Value"), "money"),
        Column("author", _("Cut by"), hide_on_phone=True),
    ]
    return Table(columns, rows, _("Pools"), empty=_("No pool has been cut yet."))


def structure_table(rows: Iterable[Structure]) -> Table:
    """Structures that were saved over a pool."""
    columns = [
        Column("name", _("Structure"), link=lambda row: reverse("structure", args=[row.pk])),
        Column("version", _("Version"), "integer"),
        Column("author", _("Author"), hide_on_phone=True),
        Column("created_at", _("Saved"), "instant"),
    ]
    empty = _("No structure has been saved over this pool yet.")
    return Table(columns, rows, _("Structures of this pool"), empty=empty, tight=True)


def live_waterfall(selected: Selected) -> list[dict[str, Any]]:
    """As ``valuation.pools.cut.waterfall_json`` stores it."""
    from valuation.pools.cut import waterfall_json

    return waterfall_json(selected)


def waterfall_table(lines: list[dict[str, Any]]) -> Table:
    """Everybody, less those whom each rule is the first to exclude, is the pool."""
    columns = [
        Column("label", _("Step"), wrap=True),
        Column("customers", _("Customers"), "integer"),
        Column("value_fen", _("Value"), "money"),
    ]
    rows = [
        {**line, "label": str(STEPS.get(line["reason"]) or label_of(line["reason"]))}
        for line in lines
    ]
    caption = _("Exclusions: each customer at one first reason")
    return Table(columns, rows[:-1], caption, total=rows[-1], tight=True)


def flow_chart(present_fen: Sequence[int]) -> Figure:
    return charts.lines(
        _("Expected margin after cost, discounted, by month"),
        [str(month) for month in range(1, len(present_fen) + 1)],
        [(_("Expected"), [int(v) for v in present_fen])],
        kind="money",
    )


def flow_table(flows: MonthlyFlows, months: int) -> Table:
    """The lines by month, for reading and copying."""
    columns = [
        Column("month", _("Month"), "integer"),
        Column("visits", _("Visits"), "decimal"),
        Column("revenue", _("Output"), "money_exact", hide_on_phone=True),
        Column("margin", _("Margin"), "money_exact"),
        Column("cost", _("Cost"), "money_exact", hide_on_phone=True),
        Column("present", _("Present value"), "money_exact"),
    ]
    rows = [
        {
            "month": k + 1,
            "visits": float(flows.visits[0][k]),
            "revenue": int(flows.revenue[0][k]),
            "margin": int(flows.margin[0][k]),
            "cost": int(flows.cost[0][k]),
            "present": int(flows.present_value[0][k]),
        }
        for k in range(months)
    ]
    return Table(columns, rows, _("Flows by month"), tight=True, css="tall")


def concentration_table(basis: Basis, selected: Selected) -> Table:
    """The stores with the largest shares of the pool."""
    names = {store.id: store.name for store in basis.tree.stores}
    rows = [
        {
            "store": names[store],
            "customers": count,
            "value_fen": value,
            "share": value / selected.value_fen if selected.value_fen else None,
        }
        for store, (count, value, _variance) in sorted(
            selected.by_store.items(), key=lambda item: (-item[1][1], item[0])
        )
    ]
    columns = [
        Column("store", _("Store"), wrap=True),
        Column("customers", _("Customers"), "integer"),
        Column("value_fen", _("Value"), "money"),
        Column("share", _("Share"), "percent"),
    ]
    return Table(columns, rows[:CONCENTRATED], _("Largest stores of the pool"), tight=True)


def layer_rows(band: Band) -> list[tuple[str, str]]:
    """What makes the band: deviation and share of each layer."""
    return [
        (
            _(LAYERS[layer.name]),
            f"±{formats.money(int(to_fen(layer.deviation)))} · {formats.percent(layer.share, 0)}",
        )
        for layer in band.layers
    ]


def facts(pool: Pool) -> list[tuple[str, str]]:
    terms = pool.terms
    found = [
        (_("Unit"), pool.unit.name),
        (_("Cut-off"), formats.date(pool.valuation.as_of)),
        (_("Customers"), formats.integer(pool.customers)),
        (_("Model version"), terms["model_version"]),
        (_("Assumptions"), f"v{terms['assumptions']}"),
        (_("Cut by"), pool.author),
        (_("Members SHA-256"), pool.members_hash[:16]),
    ]
    if pool.replaces is not None:
        found.append((_("Goes on from"), pool.replaces.name))
    return found


def rule_rows(pool: Pool) -> list[tuple[str, str]]:
    """The rules as they were typed."""
    rows = []
    for name, value in pool.rules.items():
        values = value if isinstance(value, list) else [value]
        words = [_("yes") if v is True else str(_LABELS.get(v, v)) for v in values]
        rows.append((label_of(name), ("、" if formats.in_chinese() else ", ").join(words)))
    return rows


def chosen_dimension(pool: Pool, query: QueryDict) -> str:
    asked = query.get("by", "")
    return asked if asked in pool.strata else next(iter(DIMENSIONS))


def dimension_tabs(pool: Pool, query: QueryDict) -> list[Tab]:
    chosen = chosen_dimension(pool, query)
    return [
        Tab(_(label), address(query, by=name), name == chosen) for name, label in DIMENSIONS.items()
    ]


def _stratum(dimension: str, label: str) -> str:
    if not label:
        return str(formats.NOT_KNOWN)
    if dimension in ("kind", "risk", "warranty"):
        return str(_LABELS.get(label, label))
    return label


def strata_table(pool: Pool, dimension: str) -> Table:
    """Customers, value and weighted figures of each class; they sum to the pool."""
    rows = [
        {
            **row,
            "label": _stratum(dimension, row["label"]),
            "customer_share": row["customers"] / pool.customers,
            "value_share": row["value_fen"] / pool.value_fen if pool.value_fen else None,
        }
        for row in pool.strata[dimension]
    ]
    columns = [
        Column("label", _(DIMENSIONS[dimension])),
        Column("customers", _("Customers"), "integer"),
        Column("customer_share", _("of all"), "percent"),
        Column("value_fen", _("Value"), "money"),
        Column("value_share", _("of value"), "percent"),
        Column("margin_rate", _("Margin rate"), "percent", hide_on_phone=True),
        Column("p_alive", _("Probability alive"), "percent", hide_on_phone=True),
    ]
    total = {
        "label": _("Total"),
        "customers": pool.customers,
        "customer_share": 1.0,
        "value_fen": pool.value_fen,
        "value_share": 1.0,
        "margin_rate": _mean(pool, dimension, "margin_rate"),
        "p_alive": _mean(pool, dimension, "p_alive"),
    }
    return Table(columns, rows, _("Stratification"), total=total, tight=True, css="wide")


def _mean(pool: Pool, dimension: str, name: str) -> float | None:
    known = [row for row in pool.strata[dimension] if row[name] is not None]
    whole = sum(row["value_fen"] for row in known)
    return sum(row[name] * row["value_fen"] for row in known) / whole if whole else None


def cohort_table(pool: Pool) -> Table:
    """Static pools at their newest whole quarter, fitted beside actual."""
    rows = [
        {
            "cohort": one["cohort"],
            "customers": one["customers"],
            "quarters": len(one["visits"]),
            "attrition": one["attrition"][-1],
            "fitted_attrition": one["fitted_attrition"][-1],
            "visits": one["visits"][-1],
            "fitted_visits": one["fitted_visits"][-1],
            "revenue_fen": one["revenue_fen"][-1],
        }
        for one in reversed(pool.cohorts)
    ]
    columns = [
        Column("cohort", _("First visit")),
        Column("customers", _("Customers"), "integer"),
        Column("quarters", _("Quarters"), "integer", hide_on_phone=True),
        Column("attrition", _("Attrition"), "percent"),
        Column("fitted_attrition", _("fitted"), "percent"),
        Column("visits", _("Repeat visits each"), "decimal"),
        Column("fitted_visits", _("fitted"), "decimal"),
        Column("revenue_fen", _("Output each"), "money", hide_on_phone=True),
    ]
    caption = _("Static pools by quarter of the first visit")
    return Table(columns, rows, caption, tight=True, css="wide tall")


def attrition_chart(pool: Pool) -> Figure | None:
    """Cumulative attrition of the oldest and of younger cohorts."""
    drawn = pool.cohorts[:: max(len(pool.cohorts) // COHORTS_DRAWN, 1)][:COHORTS_DRAWN]
    if not drawn:
        return None
    longest = max(len(one["attrition"]) for one in drawn)
    series: list[tuple[str, list[float | None]]] = [
        (one["cohort"], [*one["attrition"], *([None] * (longest - len(one["attrition"])))])
        for one in drawn
    ]
    return charts.lines(
        _("Share without a visit in four quarters, by quarter since the first"),
        [f"+{quarter}" for quarter in range(longest)],
        series,
        kind="percent",
    )
