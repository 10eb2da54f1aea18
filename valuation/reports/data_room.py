"""The data room: three years of tables an investor's analyst asks for, de-identified, in one ZIP.

What only people can add (charter, contracts, tax returns) is a check-list, not an empty folder.
"""

from typing import Any

from django.utils.translation import gettext as _

from organization.models import Unit
from valuation.bands import DEFAULT_SCALES
from valuation.models import ValuedUnit
from valuation.reports import records
from valuation.reports.document import Grid, Kind
from valuation.reports.monthly import series_names
from valuation.reports.records import Facts, Reading

Head = tuple[str, Kind]


def _monthly(title: str, facts: Facts, rows: dict[str, list[Any]], kind: Kind = "money") -> Grid:
    months: list[Head] = [(f"{month:%Y-%m}", kind) for month in facts.months]
    lines = [[name, *values] for name, values in rows.items()]
    return Grid(title, [("", "text"), *months], lines, summed=kind == "money" and bool(lines))


def _yuan(values: list[Any]) -> list[float | None]:
    return [None if value is None else value / 100 for value in values]


def revenue_grids(facts: Facts, units: dict[int, Unit]) -> list[Grid]:
    """Monthly revenue by channel (payer), model and store or region."""
    names = series_names()
    channels = {
        names[key]: _yuan(facts.series[key])
        for key in ("from_customers", "from_insurers", "from_makers")
    }
    models = {name: _yuan(values) for name, values in facts.models.items()}
    stores = {
        units[pk].code if pk in units else str(pk): _yuan(values)
        for pk, values in facts.stores.items()
    }
    regions: dict[str, list[float | None]] = {}
    for pk, values in facts.stores.items():
        name = _region(pk, units)
        held = regions.setdefault(name, [0.0] * len(values))
        regions[name] = [(a or 0.0) + value / 100 for a, value in zip(held, values, strict=True)]
    return [
        _monthly(_("Revenue by channel"), facts, channels),
        _monthly(_("Revenue by model"), facts, models),
        _monthly(_("Revenue by region"), facts, regions),
        _monthly(_("Revenue by store"), facts, stores),
    ]


def _region(store: int, units: dict[int, Unit]) -> str:
    if store not in units:
        return str(store)
    above = [units[pk] for pk in units[store].path if pk in units]
    found = [one for one in above if one.level == Unit.Level.REGION]
    return found[-1].name if found else above[0].name


def cost_grid(facts: Facts) -> Grid:
    """Monthly costs of the books; empty where a month was not booked."""
    names = series_names()
    rows = {
        names[key]: _yuan(values)
        for key, values in facts.series.items()
        if key.startswith(("after_sales_", "store_"))
    }
    return _monthly(_("Costs and books"), facts, rows, "ratio")


def operations_grid(facts: Facts) -> Grid:
    names = series_names()
    keys = ("visits", "active", "new", "complaints", "referrals", "promoters", "detractors")
    rows = {names[key]: list(facts.series[key]) for key in (*keys, "answers")}
    return _monthly(_("Operations"), facts, rows, "integer")


def acquisition_grid(facts: Facts) -> Grid:
    """CAC by month: marketing for new customers ÷ new customers."""
    heads: list[Head] = [
        (_("Month"), "text"),
        (_("Marketing for new customers"), "money"),
        (_("New customers"), "integer"),
        (_("CAC"), "money"),
    ]
    rows = []
    for i, month in enumerate(facts.months):
        spent, new = facts.series["marketing_new"][i], facts.series["new"][i]
        cac = spent / 100 / new if spent is not None and new else None
        rows.append([f"{month:%Y-%m}", None if spent is None else spent / 100, new, cac])
    return Grid(_("CAC by month"), heads, rows)


def cohort_grids(valued: ValuedUnit) -> list[Grid]:
    """Quarterly first-visit cohorts: customers, value, LTV; retention by elapsed quarter."""
    stored = valued.cohorts
    size = len(stored["quarters"])
    value: list[list[Any]] = []
    kept: list[list[Any]] = []
    for i, quarter in enumerate(stored["quarters"]):
        customers, worth = stored["customers"][i], stored["value_fen"][i] / 100
        margin = sum(stored["margin_fen"][i]) / 100
        each = (worth + margin) / customers if customers else None
        value.append([quarter, customers, margin, worth, each])
        active = [one / customers if customers else None for one in stored["active"][i]]
        kept.append([quarter, customers, *active, *[None] * (size - len(active))])
    value_heads: list[Head] = [
        (_("First visit"), "text"),
        (_("Customers"), "integer"),
        (_("Margin so far"), "money"),
        (_("Value"), "money"),
        (_("LTV: margin so far and value, a customer"), "money"),
    ]
    kept_heads: list[Head] = [(_("First visit"), "text"), (_("Customers"), "integer")]
    kept_heads += [(f"+{elapsed}", "percent") for elapsed in range(size)]
    return [
        Grid(_("LTV by cohort"), value_heads, value),
        Grid(_("Retention by cohort"), kept_heads, kept),
    ]


def customer_grids(reading: Reading) -> list[Grid]:
    """Top 100, segments and survey answers, under pseudonyms, without store, name or day."""
    top = [
        [place, pseudonym, segment, quarter, value / 100, whole / 100, days, paid / 100]
        for place, (pseudonym, segment, quarter, value, whole, days, paid) in enumerate(
            reading.rows(records.TOP), start=1
        )
    ]
    top_heads: list[Head] = [
        *((_("Rank"), "integer"), (_("Pseudonym"), "text"), (_("Kind"), "text")),
        *((_("First visit"), "text"), (_("Value"), "money"), (_("Undiscounted"), "money")),
        *((_("Visit days of 36 months"), "integer"), (_("Revenue of 36 months"), "money")),
    ]
    segments = [
        [segment, quarter, count, int(value) / 100, int(whole) / 100]
        for segment, quarter, count, value, whole in reading.rows(records.SEGMENTS)
    ]
    segment_heads: list[Head] = [
        *((_("Kind"), "text"), (_("First visit"), "text"), (_("Customers"), "integer")),
        *((_("Value"), "money"), (_("Undiscounted"), "money")),
    ]
    answer_heads: list[Head] = [
        (_("Month"), "text"),
        *((str(score), "integer") for score in range(11)),
        (_("Answers"), "integer"),
    ]
    return [
        Grid(_("Top 100 customers"), top_heads, top),
        Grid(_("Segments"), segment_heads, segments),
        Grid(
            _("NPS answers by score"),
            answer_heads,
            _by_score(reading),
            note=_("Every answer on its own stands in the file of NPS answers."),
        ),
    ]


def _by_score(reading: Reading) -> list[list[Any]]:
    counted: dict[str, list[int]] = {}
    for month, score, count in reading.rows(records.NPS_COUNTS):
        if 0 <= score <= 10:
            counted.setdefault(month, [0] * 11)[score] += int(count)
    return [[month, *line, sum(line)] for month, line in counted.items()]


def benchmark_grids(comparables: list[Any]) -> list[Grid]:
    """Comparables as recorded, and the bands that figures are read by."""
    heads: list[Head] = [
        *((_("Company"), "text"), (_("As of"), "text"), (_("Growth, %"), "ratio")),
        *((_("Gross margin, %"), "ratio"), (_("ROIC, %"), "ratio"), (_("NPS"), "ratio")),
        *((_("P/S"), "ratio"), (_("Source"), "text")),
    ]
    rows = [
        [
            one.name,
            one.as_of.isoformat(),
            *(
                None if value is None else float(value)
                for value in (
                    *(one.growth_pct, one.gross_margin_pct, one.roic_pct, one.nps),
                    one.ps_multiple,
                )
            ),
            one.source,
        ]
        for one in comparables
    ]
    bands = [
        [scale.indicator, _(band.name), _finite(band.low), _finite(band.high)]
        for scale in DEFAULT_SCALES.values()
        for band in scale.bands
    ]
    band_heads: list[Head] = [
        *((_("Indicator"), "text"), (_("Band"), "text")),
        *((_("From"), "ratio"), (_("To"), "ratio")),
    ]
    return [Grid(_("Comparables"), heads, rows), Grid(_("Bands"), band_heads, bands)]


def _finite(value: float) -> float | None:
    return None if value in (float("inf"), float("-inf")) else value


def check_list() -> Grid:
    """The documents that only people can add, by folder."""
    documents = {
        _("Finance, three years"): (
            *(_("balance sheets"), _("cash-flow statements"), _("audited accounts")),
            *(_("tax returns"), _("trend of margins explained")),
        ),
        _("Operations"): (_("network and outlets"), _("efficiency of each outlet, with comment")),
        _("Customers"): (_("interviews with lost customers"), _("consent and privacy notices")),
        _("Competition"): (_("market share"), _("comparison with peers"), _("differentiation")),
        _("Law"): (
            *(_("charter"), _("shareholders' agreements"), _("material contracts")),
            *(_("intellectual property"), _("employment contracts"), _("litigation")),
        ),
        _("Team"): (_("curricula vitae"), _("organization chart"), _("equity plans")),
    }
    rows = [
        [folder, document, "", "", ""] for folder, some in documents.items() for document in some
    ]
    heads: list[Head] = [
        *((_("Folder"), "text"), (_("Document"), "text"), (_("Who"), "text")),
        *((_("Until"), "text"), (_("Added"), "text")),
    ]
    return Grid(_("Documents that people add"), heads, rows)
