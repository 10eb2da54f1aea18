"""Rows and columns of the data-quality pages, out of an assessment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from customers.quality.report import Assessment
from customers.quality.rules import (
    DATED_KINDS,
    FIELDS,
    GAP_ALLOWED,
    KIND_BY_CODE,
    KINDS,
    PARTS,
    Kind,
)
from customers.quality.scoring import Confidence, field_shares, gaps, not_known_since
from organization.models import Unit
from web import charts, formats
from web.tables import Column, Table

GAPS_SHOWN = 60
# A table of more stores scrolls in its place.
STORES_SHOWN = 20
# Of more stores only the most remarkable are listed unless all are asked for.
STORES_LISTED = 60
GOOD, FAIR = 85.0, 70.0

STORE = gettext_lazy("Store")
MONTH = gettext_lazy("Month")
GAP = pgettext_lazy("data quality", "Gap")
ORDERS = gettext_lazy("Repair orders")
BOOKS = pgettext_lazy("data quality", "Books")
WEIGHT = pgettext_lazy("of a part of a score", "Weight")
FACTOR_HELP = gettext_lazy(
    "Margin of the repair orders times this factor is the margin of the books."
)


def store_link(row: Mapping[str, Any]) -> str:
    return reverse("data_quality_store", args=[row["unit"].code])


def score_tone(score: float) -> str:
    """Amber below 70; red is left to what blocks."""
    return "good" if score >= GOOD else "neutral" if score >= FAIR else "warn"


@dataclass(frozen=True)
class Reached:
    """How far a store's rows of a kind reach. ``late``: days behind the group's last row;
    ``never``: no store of the group has any."""

    kind: Kind
    rows: int
    through: date | None
    late: int | None
    since: date | None
    never: bool = False

    @property
    def text(self) -> str:
        """Date or month reached."""
        if self.through is None:
            return _("never supplied") if not self.rows else formats.NOT_KNOWN
        return formats.month(self.through) if self.kind.monthly else formats.date(self.through)

    @property
    def is_behind(self) -> bool:
        """Whether the store owes what others have delivered, or the time since is not known."""
        if self.kind.tolerated_days is None or self.never:
            return False
        return self.since is not None or not self.rows


def reached(part: Assessment) -> dict[int, dict[str, Reached]]:
    """By store and kind."""
    answer: dict[int, dict[str, Reached]] = {store: {} for store in part.stores}
    for row in part.kinds.itertuples(index=False):
        kind = KIND_BY_CODE[row.kind]
        through = None if pd.isna(row.through) else row.through.date()
        last = part.latest.get(kind.code)
        late = (last - through).days if last and through else None
        since = not_known_since(through, kind.tolerated_days or 0, part.as_of)
        answer[row.store][kind.code] = Reached(
            kind, int(row.rows), through, late, since, kind.code in part.never
        )
    return answer


def _css(part: Assessment) -> str:
    return "wide tall" if len(part.stores) > STORES_SHOWN else "wide"


def _kind_cell(kind: Kind) -> Callable[[Mapping[str, Any]], Any]:
    def cell(row: Mapping[str, Any]) -> Any:
        found: Reached = row["reached"][kind.code]
        if not found.is_behind:
            return format_html('<span class="nowrap">{}</span>', found.text)
        return format_html('<span class="warn nowrap">{}</span>', found.text)

    return cell


STORE_COLUMNS = [
    Column("name", STORE, link=store_link),
    Column("score", pgettext_lazy("data quality", "Confidence"), "decimal"),
    *(
        Column(kind.code, kind.label, "html", value=_kind_cell(kind), hide_on_phone=n > 0)
        for n, kind in enumerate(DATED_KINDS)
    ),
]


def store_table(part: Assessment, units: dict[int, Unit], most: int | None = None) -> Table:
    """One row a store: score, and how far each kind reaches; the least trusted first, at most
    ``most``."""
    by_store = reached(part)
    ordered = sorted(part.stores, key=lambda store: (part.scores[store], units[store].code))
    rows: list[dict[str, Any]] = [
        {
            "unit": units[store],
            "name": units[store].name,
            "score": part.scores[store],
            "reached": by_store[store],
        }
        for store in ordered[:most]
    ]
    return Table(STORE_COLUMNS, rows, _("Complete through, by store"), css=_css(part))


KIND_COLUMNS = [
    Column("label", gettext_lazy("Kind of data")),
    Column("rows", pgettext_lazy("data quality", "Rows"), "integer"),
    Column("through", gettext_lazy("Complete through")),
    Column("late", gettext_lazy("Days behind the group"), "integer", hide_on_phone=True),
    Column("remark", gettext_lazy("Remark"), wrap=True),
]


def _remark(found: Reached) -> str:
    if found.since is not None:
        return _("Not known since %(day)s") % {"day": formats.date(found.since)}
    if found.never:
        return _("The group never supplied it")
    return "" if found.rows else _("Other stores supply it")


def kind_table(part: Assessment, store: int) -> Table:
    """One row a kind of data of one store."""
    by_kind = reached(part)[store]
    rows = [
        {
            "label": kind.label,
            "rows": by_kind[kind.code].rows,
            "through": by_kind[kind.code].text,
            "late": by_kind[kind.code].late,
            "remark": _remark(by_kind[kind.code]),
            "behind": by_kind[kind.code].is_behind,
        }
        for kind in KINDS
    ]
    return Table(
        KIND_COLUMNS,
        rows,
        _("Complete through, by kind of data"),
        css="wide",
        tone=lambda row: "warn" if row["behind"] else "",
    )


FIELD_COLUMNS = [
    Column("label", pgettext_lazy("data quality", "Field")),
    Column("counted", pgettext_lazy("data quality", "Counted"), wrap=True, hide_on_phone=True),
    Column("records", pgettext_lazy("data quality", "Records"), "integer", hide_on_phone=True),
    Column("weight", WEIGHT, "decimal", hide_on_phone=True),
    Column("filled_share", pgettext_lazy("data quality", "Filled"), "percent"),
    Column("valid_share", pgettext_lazy("share of the filled values", "Valid"), "percent"),
    Column("bad", gettext_lazy("Bad values"), "integer"),
    Column("invalid", gettext_lazy("Counts as bad"), wrap=True, hide_on_phone=True),
    Column("rests_on", gettext_lazy("Rests on it"), wrap=True, hide_on_phone=True),
]


def field_table(part: Assessment) -> Table:
    """One row a field, over the stores of ``part``."""
    shares = field_shares(part.fields)
    rows = []
    for field in FIELDS:
        counts = shares.loc[field.code]
        bad = counts["filled"] - counts["valid"]
        rows.append(
            {
                "label": field.label,
                "counted": field.counted,
                "records": int(counts["records"]),
                "weight": field.weight,
                "filled_share": _share(counts["filled_share"]),
                "valid_share": _share(counts["valid_share"]),
                "bad": int(bad),
                "invalid": field.invalid,
                "rests_on": field.rests_on,
                "empty": counts["records"] > 0 and counts["filled"] == 0,
            }
        )
    return Table(
        FIELD_COLUMNS,
        rows,
        _("Fields that figures rest on"),
        css="wide",
        tone=lambda row: "warn" if row["empty"] else "",
    )


def _share(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


def _fen(value: float) -> int | None:
    return None if pd.isna(value) else int(value)


GAP_COLUMNS = [
    Column("name", STORE, link=store_link),
    Column("month", MONTH, "month"),
    Column("orders_fen", ORDERS, "money", hide_on_phone=True),
    Column("ledger_fen", BOOKS, "money", hide_on_phone=True),
    Column("gap", GAP, "percent"),
]


def gap_table(part: Assessment, units: dict[int, Unit]) -> Table:
    """Store-months whose orders and books lie too far apart, the widest first."""
    rows = [
        {
            "unit": units[row.store],
            "name": units[row.store].name,
            "month": row.month.date(),
            "orders_fen": _fen(row.orders_fen),
            "ledger_fen": _fen(row.ledger_fen),
            "gap": row.gap,
        }
        for row in part.gaps_beyond.head(GAPS_SHOWN).itertuples(index=False)
    ]
    return Table(GAP_COLUMNS, rows, _("Months more than 2% apart"), css="wide")


BALANCE_COLUMNS = [
    Column("name", STORE, link=store_link),
    Column("orders_fen", ORDERS, "money"),
    Column("ledger_fen", BOOKS, "money", hide_on_phone=True),
    Column("gap", GAP, "percent"),
    Column("beyond", gettext_lazy("Months beyond 2%"), "integer"),
    Column("without", gettext_lazy("Months without books"), "integer", hide_on_phone=True),
    Column("factor", gettext_lazy("Margin factor"), "percent", help=FACTOR_HELP),
]


def balances(months: pd.DataFrame, stores: tuple[int, ...]) -> pd.DataFrame:
    """Sums of each store's months with books, by store in the order of ``stores``.

    Columns orders_fen, ledger_fen, gap (NaN without any books), beyond, without (months), factor
    (median). A month without books counts on neither side.
    """
    gap = gaps(months)
    booked = gap.notna()
    rows = pd.DataFrame(
        {
            "store": months["store"],
            "orders_fen": months["orders_fen"].where(booked),
            "ledger_fen": months["ledger_fen"].where(booked),
            "beyond": gap.abs() > GAP_ALLOWED,
            "without": ~booked,
            "factor": months["factor"],
        }
    )
    by_store = rows.groupby("store")
    found = by_store[["orders_fen", "ledger_fen"]].sum(min_count=1)
    found["gap"] = found["orders_fen"] / found["ledger_fen"] - 1.0
    found[["beyond", "without"]] = by_store[["beyond", "without"]].sum().astype(float)
    found["factor"] = by_store["factor"].median()
    found = found.reindex(list(stores))
    return found.fillna({"beyond": 0.0, "without": 0.0})


def balance_table(part: Assessment, units: dict[int, Unit], most: int | None = None) -> Table:
    """Twelve months of each store against its books; with ``most`` only so many, those furthest
    from their books first."""
    found = balances(part.months, part.stores)
    if most is not None:
        found = found.sort_values("gap", key=lambda gap: -gap.abs(), kind="stable").head(most)
    rows = [
        {
            "unit": units[int(row.Index)],
            "name": units[int(row.Index)].name,
            "orders_fen": _fen(row.orders_fen),
            "ledger_fen": _fen(row.ledger_fen),
            "gap": _share(row.gap),
            "beyond": int(row.beyond),
            "without": int(row.without),
            "factor": _share(row.factor),
        }
        for row in found.itertuples()
    ]
    return Table(
        BALANCE_COLUMNS,
        rows,
        _("Last twelve months by store"),
        css=_css(part),
        tone=lambda row: "warn" if row["beyond"] else "",
    )


MONTH_COLUMNS = [
    Column("month", MONTH, "month"),
    Column("orders_fen", ORDERS, "money"),
    Column("ledger_fen", BOOKS, "money"),
    Column("gap", GAP, "percent"),
    Column("factor", gettext_lazy("Margin factor"), "percent", help=FACTOR_HELP),
]


def month_rows(part: Assessment) -> list[dict[str, Any]]:
    """One row a month of one store, the latest first."""
    months = part.months.assign(gap=gaps(part.months)).sort_values("month", ascending=False)
    return [
        {
            "month": row.month.date(),
            "orders_fen": _fen(row.orders_fen),
            "ledger_fen": _fen(row.ledger_fen),
            "gap": _share(row.gap),
            "factor": _share(row.factor),
        }
        for row in months.itertuples(index=False)
    ]


def month_table(rows: list[dict[str, Any]]) -> Table:
    return Table(
        MONTH_COLUMNS,
        rows,
        _("Repair orders and books by month"),
        css="wide",
        tone=lambda row: "warn" if row["gap"] is not None and abs(row["gap"]) > GAP_ALLOWED else "",
    )


def month_chart(rows: list[dict[str, Any]]) -> charts.Figure:
    """Orders beside books, oldest month first."""
    ordered = rows[::-1]
    return charts.grouped_bars(
        _("After-sales revenue: repair orders and books"),
        [formats.month(row["month"]) for row in ordered],
        [
            (ORDERS, [row["orders_fen"] for row in ordered]),
            (BOOKS, [row["ledger_fen"] for row in ordered]),
        ],
        kind="money",
        time=True,
    )


PART_COLUMNS = [
    Column("label", pgettext_lazy("data quality", "Part")),
    Column("share", pgettext_lazy("data quality", "Reached"), "percent"),
    Column("weight", WEIGHT, "integer"),
    Column("points", pgettext_lazy("data quality", "Points"), "decimal"),
]


def part_table(found: Confidence) -> Table:
    """The score's formula, with its figures."""
    rows = [
        {
            "label": part.label,
            "share": found.parts[part.code],
            "weight": part.weight,
            "points": part.weight * found.parts[part.code],
        }
        for part in PARTS
    ]
    total = {
        "label": pgettext("data quality", "Score"),
        "share": None,
        "weight": 100,
        "points": found.score,
        "rule": "",
    }
    return Table(PART_COLUMNS, rows, _("How the score comes about"), total=total)
