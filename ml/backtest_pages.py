"""The back-test page: last years' forecasts against what happened."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from ml.backtest import MEASURES, RUNGS
from ml.change_pages import changes_table
from ml.drift import SHIFTED
from ml.feature_names import feature_name
from ml.model_card import MEASURED_HELP, RANKING_COLUMNS, cohort_name
from ml.models import BackTest
from organization.access import Access, Capability, acting
from organization.models import Unit
from organization.requests import SignedInRequest
from web import charts, formats
from web.tables import Column, Table

STABILITY_SHOWN = 12
WATCHED = 0.10
MEASURE_NAMES = {
    "visits": gettext_lazy("Visit days"),
    "revenue": gettext_lazy("Revenue"),
    "margin": gettext_lazy("Margin"),
}
LABELS = {
    "under_1": gettext_lazy("Customer for less than a year"),
    "1_to_3": gettext_lazy("1 to 3 years"),
    "3_to_5": gettext_lazy("3 to 5 years"),
    "from_5": gettext_lazy("5 years and more"),
    "to_200": gettext_lazy("Service interval up to 200 days"),
    "to_300": gettext_lazy("Service interval 201 to 300 days"),
    "above_300": gettext_lazy("Service interval above 300 days"),
    "unknown": gettext_lazy("Service interval not known"),
}
TITLES = {
    "division": gettext_lazy("By division"),
    "region": gettext_lazy("By region"),
    "store": gettext_lazy("By store"),
    "decile": gettext_lazy("By tenth of forecast margin, highest first"),
    "tenure": gettext_lazy("By years as a customer"),
    "interval": gettext_lazy("By service interval"),
}
RUNG_COLUMNS = [
    Column("rung", gettext_lazy("Forecast")),
    Column("measure", gettext_lazy("Of")),
    Column("bias", gettext_lazy("Total too high or low"), "change"),
    Column("mae", gettext_lazy("Mean error a customer"), "figure", hide_on_phone=True),
    Column(
        "spearman",
        gettext_lazy("Rank correlation"),
        "ratio",
        help=gettext_lazy("Whether those forecast to come most came most: 1 is perfect, 0 chance"),
    ),
]
SLICE_COLUMNS = [
    Column("name", gettext_lazy("Part")),
    Column("customers", gettext_lazy("Customers"), "integer"),
    Column("visits_forecast", gettext_lazy("Visits forecast"), "integer", hide_on_phone=True),
    Column("visits_actual", gettext_lazy("Visits that came"), "integer", hide_on_phone=True),
    Column("visits_bias", gettext_lazy("Visits too high or low"), "change"),
    Column("revenue_bias", gettext_lazy("Revenue too high or low"), "change"),
    Column("margin_forecast", gettext_lazy("Margin forecast"), "money", hide_on_phone=True),
    Column("margin_actual", gettext_lazy("Margin realised"), "money", hide_on_phone=True),
    Column("margin_bias", gettext_lazy("Margin too high or low"), "change"),
]
CHOICE_COLUMNS = [
    Column("cohort", gettext_lazy("Division and segment")),
    Column("origin", gettext_lazy("Day"), "date"),
    Column("transactions", gettext_lazy("Transaction model")),
    Column("visits", gettext_lazy("First two years")),
    Column("money", gettext_lazy("Money")),
]
CHURN_COLUMNS = [
    Column("name", gettext_lazy("Forecast")),
    *RANKING_COLUMNS,
    Column("ece", "ECE", "ratio", hide_on_phone=True, help=MEASURED_HELP["ece"]),
    Column("rate", gettext_lazy("Did not come"), "percent"),
]
STABILITY_COLUMNS = [
    Column("name", gettext_lazy("Feature")),
    Column("index", gettext_lazy("Stability index"), "ratio"),
]


def _visible(access: Access) -> list[BackTest]:
    """Newest origin first, where every rung was judged. The whole group's only for those who have
    all of it; a division's for those who have all of its stores."""
    rows = BackTest.objects.visible_to(access).select_related("division").order_by("-origin")
    if not access.all_units:
        rows = rows.filter(division_id__in=access.units)
    rungs: dict[tuple[date, int | None], set[str]] = defaultdict(set)
    found = list(rows)
    for row in found:
        rungs[row.origin, row.division_id].add(row.rung)
    return [row for row in found if rungs[row.origin, row.division_id] >= set(RUNGS)]


def _chosen(rows: list[BackTest], request: SignedInRequest) -> list[BackTest]:
    """The rows of one origin and division: those asked for, else the newest and widest."""
    origins = [row.origin.isoformat() for row in rows]
    origin = request.GET.get("origin")
    origin = origin if origin in origins else origins[0]
    of_day = [row for row in rows if row.origin.isoformat() == origin]
    codes = {row.division.code if row.division else "" for row in of_day}
    code = request.GET.get("division", "")
    code = code if code in codes else min(codes)
    return [row for row in of_day if (row.division.code if row.division else "") == code]


def _bias(row: Mapping[str, Any], measure: str) -> float | None:
    actual = row[f"{measure}_actual"]
    return row[f"{measure}_forecast"] / actual - 1.0 if actual > 0 else None


def _in_order(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Tenths by number and ages by length; other parts stay in the order of their names."""
    places = {label: place for place, label in enumerate(LABELS)}

    def place(row: Mapping[str, Any]) -> tuple[int, str]:
        label = str(row["label"])
        return (int(label), "") if label.isdecimal() else (places.get(label, 0), label)

    return sorted(rows, key=place)


def _slice_table(title: str, rows: Iterable[Mapping[str, Any]]) -> Table:
    shown = [
        {
            **row,
            "name": LABELS.get(row["label"], row["label"]),
            **{f"{measure}_bias": _bias(row, measure) for measure in MEASURES},
            **{f"margin_{side}": row[f"margin_{side}"] * 100 for side in ("forecast", "actual")},
        }
        for row in _in_order(rows)
    ]
    return Table(SLICE_COLUMNS, shown, TITLES[title], css="wide")


def _places(access: Access, rows: list[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    """The visible stores' rows under their names, and their sums by region."""
    units = {unit.pk: unit for unit in Unit.objects.visible_to(access)}
    stores, regions = [], defaultdict(list)
    for row in rows:
        store = units.get(int(row["label"]))
        if store is None:
            continue
        stores.append(row | {"label": store.name})
        above = [units[pk] for pk in store.path if pk in units and units[pk].level == "region"]
        if above:
            regions[above[-1].name].append(row)
    return stores, [
        {"label": name, **{key: sum(one[key] for one in part) for key in part[0] if key != "label"}}
        for name, part in sorted(regions.items())
    ]


def _months(result: Mapping[str, Any], measure: str, origin: date) -> charts.Figure:
    """Forecast and actual by month of 30.4375 days since the origin; money in fen."""
    scale = 1 if measure == "visits" else 100
    series = result["months"][measure]
    return charts.lines(
        MEASURE_NAMES[measure],
        [str(month + 1) for month in range(len(series["actual"]))],
        [
            (_("Forecast of %(day)s") % {"day": origin}, [v * scale for v in series["forecast"]]),
            (_("What happened"), [v * scale for v in series["actual"]]),
        ],
        kind="count" if measure == "visits" else "money",
        noun=_("visits") if measure == "visits" else "",
        description=_("Months since that day; only customers known then."),
    )


def _choices(rows: list[BackTest], code: str, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """What stood where at each origin: a change of champion shows as two unlike lines. ``names``:
    of divisions by code."""
    found = []
    for row in rows:
        if row.rung != BackTest.Rung.CHAMPION:
            continue
        if (row.division.code if row.division else "") != code:
            continue
        for cohort, choice in sorted(row.result.get("choices", {}).items()):
            found.append(
                {
                    "cohort": cohort_name(cohort, names),
                    "origin": row.origin,
                    "transactions": "MBG/CNBD-k" if choice["regular"] else "BG/NBD, MBG/NBD",
                    "visits": _("Trees") if choice["trees"] else _("Transaction model"),
                    "money": _("Trees") if choice["money_trees"] else "Gamma-Gamma",
                }
            )
    return sorted(found, key=lambda one: (one["cohort"], one["origin"]))


def _churn(result: Mapping[str, Any]) -> dict[str, Any]:
    churn = result.get("churn")
    if not churn:
        return {}
    nothing = dict.fromkeys(("pr_auc", "lift_10", "ece", "rate"))
    rows = [
        {"name": _("Model"), **churn["metrics"]},
        {"name": _("Days since the last visit"), **nothing}
        | {"roc_auc": churn["baselines"]["recency"]},
        {"name": "1 − P(alive)", **nothing, "roc_auc": churn["baselines"]["p_alive"]},
    ]
    points = [(one["forecast"], one["rate"], int(one["rows"])) for one in churn["calibration"]]
    return {
        "churn": Table(CHURN_COLUMNS, rows, _("Twelve-month churn"), css="wide"),
        "calibration": charts.calibration(
            _("Forecast against what happened, in tenths of customers"), points
        ),
    }


def _card(card: Mapping[str, Any], measure: str) -> dict[str, Any]:
    """A rung's figures; the error of a customer in visits or in money, as is measured."""
    mae = card["mae"]
    said = formats.decimal(mae, 2) if measure == "visits" else formats.money(round(mae * 100))
    return {**card, "mae": said}


def _stability(result: Mapping[str, Any]) -> dict[str, Any]:
    index = result.get("stability")
    if not index:
        return {}
    largest = sorted(index.items(), key=lambda item: -item[1])[:STABILITY_SHOWN]
    rows = [{"name": feature_name(name), "index": value} for name, value in largest]

    def tone(row: Mapping[str, Any]) -> str:
        return "bad" if row["index"] > SHIFTED else "warn" if row["index"] > WATCHED else ""

    return {"stability": Table(STABILITY_COLUMNS, rows, _("Population stability"), tone=tone)}


def _context(access: Access, rows: list[BackTest], chosen: list[BackTest]) -> dict[str, Any]:
    by_rung = {row.rung: row for row in chosen}
    champion = by_rung[BackTest.Rung.CHAMPION]
    result, code = champion.result, champion.division.code if champion.division else ""
    rungs = [
        {
            "rung": by_rung[rung].get_rung_display(),
            "measure": MEASURE_NAMES[measure],
            **_card(by_rung[rung].result["cards"][measure], measure),
        }
        for measure in MEASURES
        for rung in reversed(RUNGS)
    ]
    stores, regions = _places(access, result["slices"]["store"])
    units = Unit.objects.visible_to(access).filter(level="division")
    names = dict(units.values_list("code", "name"))
    of_divisions = [
        row | {"label": names.get(row["label"], row["label"])}
        for row in result["slices"]["division"]
    ]
    parts = {**result["slices"], "division": of_divisions, "store": stores, "region": regions}
    return {
        "champion": champion,
        "code": code,
        "customers": result["customers"],
        "biases": [(MEASURE_NAMES[m], result["cards"][m]["bias"]) for m in MEASURES],
        "origins": sorted({row.origin for row in rows}, reverse=True),
        "divisions": sorted(
            {
                (row.division.code, row.division.name) if row.division else ("", "")
                for row in rows
                if row.origin == champion.origin
            }
        ),
        "rungs": Table(RUNG_COLUMNS, rungs, _("Ladder of forecasts"), css="wide"),
        "months": [_months(result, measure, champion.origin) for measure in MEASURES],
        "slices": [_slice_table(title, parts[title]) for title in TITLES if parts[title]],
        "choices": Table(
            CHOICE_COLUMNS, _choices(rows, code, names), _("What stood where"), css="wide"
        ),
        **_churn(result),
        **_stability(result),
    }


@require_safe
def backtest(request: SignedInRequest) -> HttpResponse:
    """One origin and division; ``?origin=`` and ``?division=`` choose others."""
    access = acting(request.access, Capability.SEE_MODELS)
    rows = _visible(access)
    context = _context(access, rows, _chosen(rows, request)) if rows else {}
    context["changes"] = changes_table(request.access)
    return render(request, "ml/backtest.html", context)
