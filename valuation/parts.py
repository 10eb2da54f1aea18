"""Parts of a unit's page from stored figures: payers, kinds of work, contracts, last year."""

from typing import Any

from django.utils.translation import gettext as _

from valuation.contracted import LABELS
from valuation.mix import KINDS, PAYERS
from valuation.shown import Shown
from web import charts
from web.charts import Figure
from web.tables import Column, Table


def mix_tables(shown: Shown) -> list[Table]:
    """Value by payer and by kind of work; each sums to the unit. Empty for older valuations."""
    stored = shown.valued.mix
    if not stored:
        return []
    columns = [
        Column("value_fen", _("Value"), "money_exact", link=lambda row: row["href"]),
        Column("share", _("of value"), "percent"),
    ]
    tables = []
    for dimension, labels, title in (
        ("payer", PAYERS, _("Who pays")),
        ("kind", KINDS, _("Kind of work")),
    ):
        whole = shown.valued.expected_fen
        rows = [
            {
                "label": _(label),
                "href": shown.figure_href(f"{dimension}_{name}"),
                "value_fen": stored[dimension][name]["value_fen"],
                "share": stored[dimension][name]["value_fen"] / whole if whole else None,
            }
            for name, label in labels.items()
        ]
        total = {
            "label": shown.unit.name,
            "href": shown.figure_href("value"),
            "value_fen": whole,
            "share": 1.0 if whole else None,
        }
        named = [Column("label", title), *columns]
        tables.append(Table(named, rows, title, total=total, tight=True))
    return tables


def contracted_table(shown: Shown) -> Table | None:
    """Flows that rest on contracts: beside the value, not in it."""
    stored = shown.valued.contracted
    if not stored:
        return None
    rows = [{"label": _(label), "value_fen": stored[name]} for name, label in LABELS.items()]
    columns = [Column("label", _("Contract"), wrap=True), Column("value_fen", _("Value"), "money")]
    return Table(columns, rows, _("Contracted, beside the value"), tight=True)


def lookback_chart(shown: Shown) -> Figure | None:
    """The margin that a valuation of about a year ago foresaw, and what came in."""
    stored: dict[str, Any] = shown.valued.lookback
    if not stored or not stored["forecast_fen"]:
        return None
    forecast, realised = sum(stored["forecast_fen"]), sum(stored["realised_fen"])
    share = f"{realised / forecast - 1:+.1%}" if forecast else "–"
    return charts.lines(
        _("Valuation of %(day)s against the margin since: %(share)s")
        % {"day": stored["as_of"], "share": share},
        [str(month + 1) for month in range(len(stored["forecast_fen"]))],
        [(_("Forecast"), stored["forecast_fen"]), (_("Came in"), stored["realised_fen"])],
        kind="money",
        description=_("Margin of the customers valued then, before cost, scaled to the books."),
    )
