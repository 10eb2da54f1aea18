"""Listed rows as a person may see them: names masked or pseudonyms, links where they lead."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.contact import shown_name
from customers.models import Customer
from organization.access import Access, Capability
from organization.models import Unit
from valuation.indicators import wording
from valuation.indicators.definition import Definition
from valuation.lineage import reading
from valuation.lineage.anchors import Anchor
from valuation.lineage.evidence import ELSEWHERE
from valuation.lineage.listing import Listing
from valuation.models import Pseudonym
from web import formats
from web.shell import Text
from web.tables import Column, Table

PAGE = 50
TITLES: dict[str, Text] = {
    "customers": gettext_lazy("Customers"),
    "visit_days": gettext_lazy("Visit days"),
    "months": gettext_lazy("Booked months"),
    "answers": gettext_lazy("Answers"),
    "policies": gettext_lazy("Policies"),
    "spend": gettext_lazy("Marketing for new customers"),
    "inputs": gettext_lazy("Entries"),
    "units": gettext_lazy("Parts"),
    "curve": gettext_lazy("Margin expected of a mean customer"),
    "layers": gettext_lazy("Layers of uncertainty"),
    "valued": gettext_lazy("Customers"),
    "flows": gettext_lazy("Flow by month, present value"),
    "shares": gettext_lazy("Visit days of three years, whose shares split the flow"),
    "bars": gettext_lazy("Bars of the bridge"),
    "given": gettext_lazy("Inputs of the closed form"),
    "steps": gettext_lazy("Steps between the two valuations"),
}
# Their lines are no addends of the figure: no sum below them.
WITHOUT_SUM = ("curve", "layers", "shares", "given")
# Their own columns say all: nothing is added above or below a line.
WITHOUT_SIDES = ("shares", "given")


@dataclass(frozen=True)
class Names:
    """Names, links and repair orders of the customers on one page of rows."""

    people: Mapping[int, Customer]
    pseudonyms: Mapping[int, str]
    orders: Mapping[tuple[int, dt.date], str]
    access: Access

    def label(self, customer: Any) -> str:
        if customer is None or pd.isna(customer):
            return _("without a customer")
        if int(customer) == ELSEWHERE:
            return _("At other stores of the group, together")
        known = self.people.get(int(customer))
        if known is not None:
            return shown_name(self.access, known)
        return self.pseudonyms.get(int(customer), formats.NOT_KNOWN)[:8]

    def href(self, customer: Any) -> str:
        known = None if customer is None or pd.isna(customer) else self.people.get(int(customer))
        return reverse("customer", args=[known.uid]) if known else ""


def names_of(access: Access, listing: Listing, frame: pd.DataFrame, anchor: Anchor) -> Names:
    """Of the rows in ``frame`` alone; repair orders only for those who see the customers."""
    if "customer" not in frame or frame.empty:
        return Names({}, {}, {}, access)
    ids = [int(one) for one in frame["customer"].dropna().unique() if one != ELSEWHERE]
    people = {
        one.pk: one
        for one in Customer.objects.visible_to(access, Capability.SEE_CUSTOMERS).filter(pk__in=ids)
    }
    others = [one for one in ids if one not in people]
    links = Pseudonym.objects.visible_to(access).filter(customer_id__in=others)
    pseudonyms = {one: str(name) for one, name in links.values_list("customer_id", "pseudonym")}
    orders: Mapping[tuple[int, dt.date], str] = {}
    if listing.kind in ("visit_days", "shares") and people:
        first, last = frame["day"].min(), frame["day"].max()
        orders = reading.repair_orders(anchor.unit.pk, first, last + dt.timedelta(days=1))
    return Names(people, pseudonyms, orders, access)


@dataclass(frozen=True)
class Shown:
    """One listing ready for a page: its columns, the rows of the page, the foot with the sums."""

    title: Text
    table: Table
    rows: int
    first: int
    last: int
    excluded: list[tuple[Text, int]]


Row = Mapping[str, Any]


def columns_of(
    definition: Definition, listing: Listing, names: Names, units: Mapping[int, Unit], at: str
) -> list[Column]:
    """Columns of the kind, then what the row adds above and below the line."""
    kinds: dict[str, Callable[[], list[Column]]] = {
        "customers": lambda: [
            _customer(names),
            Column("visits_before", gettext_lazy("Visits, year before"), "integer"),
            Column("visits_now", gettext_lazy("Visits, last year"), "integer"),
        ],
        "visit_days": lambda: _visit_day_columns(names),
        "answers": lambda: [
            _customer(names),
            Column("day", gettext_lazy("Day"), "date"),
            Column("score", gettext_lazy("Score"), "integer"),
        ],
        "policies": lambda: [_customer(names), Column("day", gettext_lazy("Ended"), "date")],
        "spend": lambda: [
            Column("month", gettext_lazy("Month"), value=_month_text),
            Column("channel", gettext_lazy("Channel")),
        ],
        "months": lambda: [Column("month", gettext_lazy("Month"), value=_month_text)],
        "curve": lambda: [Column("month", gettext_lazy("Month"))],
        "inputs": lambda: [
            Column("month", gettext_lazy("From"), value=_month_text),
            Column("source", gettext_lazy("Source"), wrap=True),
            Column("reason", gettext_lazy("Reason"), wrap=True, hide_on_phone=True),
            Column("author", gettext_lazy("Author"), hide_on_phone=True),
        ],
        "units": lambda: [
            Column(
                "unit",
                gettext_lazy("Unit"),
                value=lambda row: _unit_name(row, units),
                link=lambda row: _unit_href(row, units, definition, at),
            ),
            Column(
                "figure",
                gettext_lazy("Figure"),
                "figure",
                value=lambda row: wording.written(definition, _float(row.get("figure"))),
            ),
        ],
    }
    own = (kinds | _part_columns(names))[listing.kind]()
    return own if listing.kind in WITHOUT_SIDES else [*own, *_sides(definition, listing)]


def _part_columns(names: Names) -> dict[str, Callable[[], list[Column]]]:
    """Columns of the kinds that parts of a value recompute from."""
    return {
        "layers": lambda: [
            Column("label", gettext_lazy("Layer")),
            Column("deviation_fen", gettext_lazy("Standard deviation"), "money_exact"),
            Column("share", gettext_lazy("Share of the variance"), "percent"),
        ],
        "valued": lambda: [
            _customer(names),
            Column("value_fen", gettext_lazy("Value"), "money_exact"),
        ],
        "flows": lambda: [
            Column("month", gettext_lazy("Month")),
            Column("whole", gettext_lazy("Flow of the unit"), "money_exact"),
        ],
        "shares": lambda: [
            *_visit_day_columns(names),
            Column("part_fen", gettext_lazy("Of this part"), "money_exact"),
            Column("whole_fen", gettext_lazy("In all"), "money_exact"),
        ],
        "bars": lambda: [
            Column("label", gettext_lazy("Step")),
            Column("level_fen", gettext_lazy("Level after it"), "money_exact"),
        ],
        "given": lambda: [
            Column("label", gettext_lazy("Input"), value=lambda row: _input_name(row["label"])),
            Column("value", gettext_lazy("Value"), "figure"),
            Column("source", gettext_lazy("Source"), value=lambda row: _source(row["source"])),
        ],
        "steps": lambda: [Column("label", gettext_lazy("Step"))],
    }


def _input_name(name: str) -> Text:
    return {
        "customers": _("Customers"),
        "annual_spend": _("Annual spend, yuan"),
        "gross_margin": _("Gross margin"),
        "years": _("Years"),
        "retention": _("Retention"),
        "discount_rate": _("Discount rate"),
        "service_cost_rate": _("Variable service cost, share of margin"),
        "retention_cost_per_year": _("Retention cost per customer and year"),
        "tax_rate": _("Tax"),
    }.get(name, name)


def _source(name: str) -> Text:
    return {
        "own": _("the unit's own records"),
        "group": _("the group's, the unit cannot measure it"),
        "none": _("cannot be measured"),
        "horizon": _("horizon of the valuation"),
        "assumptions": _("assumption set"),
    }.get(name, name)


def _visit_day_columns(names: Names) -> list[Column]:
    return [
        _customer(names),
        Column("day", gettext_lazy("Day"), "date"),
        Column(
            "order",
            gettext_lazy("Repair orders"),
            value=lambda row: (
                names.orders.get((row["customer"], row["day"]), "")
                if row["customer"] in names.people
                else ""
            ),
            hide_on_phone=True,
        ),
    ]


def _float(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _month_text(row: Row) -> str:
    month = row["month"]
    return str(month) if isinstance(month, str) else f"{month:%Y-%m}"


def _unit_name(row: Row, units: Mapping[int, Unit]) -> str:
    return units[row["unit"]].name if row["unit"] in units else ""


def _unit_href(row: Row, units: Mapping[int, Unit], definition: Definition, at: str) -> str:
    return f"{reverse('figure', args=[units[row['unit']].code, definition.key])}?{at}"


def _customer(names: Names) -> Column:
    return Column(
        "customer",
        gettext_lazy("Customer"),
        value=lambda row: names.label(row["customer"]),
        link=lambda row: names.href(row["customer"]),
    )


def _sides(definition: Definition, listing: Listing) -> list[Column]:
    """What a row adds above and below the line; one column where there is no denominator."""
    if listing.kind == "curve":
        return [
            Column("above", gettext_lazy("Discounted margin"), "money_exact"),
            Column("below", gettext_lazy("Together"), "money_exact"),
        ]
    sides = []
    for name, label, counters in (
        ("above", gettext_lazy("Numerator"), definition.numerator),
        ("below", gettext_lazy("Denominator"), definition.denominator),
    ):
        if counters:
            money = any(one.endswith("_fen") for one in counters)
            title = label if definition.denominator else gettext_lazy("Adds")
            sides.append(Column(name, title, "money_exact" if money else "integer"))
    return sides


def shown_listing(
    access: Access,
    definition: Definition,
    listing: Listing,
    anchor: Anchor,
    units: Mapping[int, Unit],
    at: str,
    page: int,
) -> Shown:
    """One page of a listing; the foot holds the sums over all of its rows."""
    start = (page - 1) * PAGE
    frame = listing.frame.iloc[start : start + PAGE]
    names = names_of(access, listing, frame, anchor)
    columns = columns_of(definition, listing, names, units, at)
    rows = [plain(row) for row in frame.to_dict("records")]
    total = None if listing.kind in WITHOUT_SUM else _Total(columns, listing)
    return Shown(
        title=TITLES[listing.kind],
        table=Table(
            columns if total is None else total.columns,
            rows,
            TITLES[listing.kind],
            total=total,
            tight=True,
            css="wide",
            empty=_("No rows in the window."),
        ),
        rows=len(listing.frame),
        first=start + 1 if rows else 0,
        last=start + len(rows),
        excluded=[(reason, count) for reason, count in listing.excluded.items() if count],
    )


def plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Python values of one row of a frame."""
    return {str(k): v.item() if hasattr(v, "item") else v for k, v in row.items()}


class _Total:
    """The foot: "Together" under the first column, sums under the sides, nothing elsewhere."""

    def __init__(self, columns: Sequence[Column], listing: Listing) -> None:
        self.listing = listing
        self.columns = [self._footed(column, first=i == 0) for i, column in enumerate(columns)]

    def _footed(self, column: Column, *, first: bool) -> Column:
        def value(row: Any) -> Any:
            if row is not self:
                return column.raw(row)
            if first:
                return _("Together, %(count)s rows") % {
                    "count": formats.integer(len(self.listing.frame))
                }
            return self._sum(column)

        return replace(column, value=value, format="text" if first else column.format)

    def _sum(self, column: Column) -> Any:
        nothing = "" if column.format in ("text", "figure") else None
        sums = {"above": self.listing.above, "below": self.listing.below}
        return sums.get(column.key, nothing)
