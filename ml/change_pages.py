"""What moved when other models came into use: a list, a page by division, and CSV."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from ml.model_card import SEGMENTS
from ml.models import ChampionChange
from organization import audit
from organization.access import Access, Capability, acting
from organization.models import Unit
from organization.requests import SignedInRequest
from web.components import Tab
from web.spreadsheets import inert
from web.tables import Column, Table

NEEDED = (Capability.SEE_MODELS, Capability.SEE_VALUE)
RISK_NAMES = {
    "high": gettext_lazy("High"),
    "medium": gettext_lazy("Medium"),
    "low": gettext_lazy("Low"),
}
LIST_SHOWN = 12
MOVERS_SHOWN = 20


def _link(row: Mapping[str, Any]) -> str:
    return reverse("champion_change", args=[row["change"].pk])


LIST_COLUMNS = [
    Column("at", gettext_lazy("In use from"), "instant", link=_link),
    Column("from", gettext_lazy("Models before"), hide_on_phone=True),
    Column("to", gettext_lazy("Models after"), hide_on_phone=True),
    Column("before", gettext_lazy("Value before"), "money", hide_on_phone=True),
    Column("after", gettext_lazy("Value after"), "money"),
    Column("change", gettext_lazy("Change"), "percent", value=lambda row: row["share"]),
    Column("risk_changed", gettext_lazy("Other risk grade"), "percent", hide_on_phone=True),
    Column("rank_correlation", gettext_lazy("Rank correlation"), "ratio", hide_on_phone=True),
]
FIGURE_COLUMNS = [
    Column("name", gettext_lazy("Part")),
    Column("customers", gettext_lazy("Customers"), "integer", hide_on_phone=True),
    Column("before", gettext_lazy("Value before"), "money", hide_on_phone=True),
    Column("after", gettext_lazy("Value after"), "money"),
    Column("change", gettext_lazy("Change"), "money", hide_on_phone=True),
    Column("share", "%", "percent"),
    Column("churn_before", gettext_lazy("Churn before"), "percent", hide_on_phone=True),
    Column("churn_after", gettext_lazy("Churn after"), "percent", hide_on_phone=True),
]
DIVISION_COLUMNS = [
    *FIGURE_COLUMNS,
    Column("risk_changed", gettext_lazy("Other risk grade"), "percent", hide_on_phone=True),
    Column("rank_correlation", gettext_lazy("Rank correlation"), "ratio", hide_on_phone=True),
]
RUNG_COLUMNS = [
    Column("cohort", gettext_lazy("Division and segment")),
    Column("before", gettext_lazy("Before"), wrap=True),
    Column("after", gettext_lazy("After"), wrap=True),
]
RISK_COLUMNS = [
    Column("before", gettext_lazy("Risk before")),
    Column("after", gettext_lazy("Risk after")),
    Column("customers", gettext_lazy("Customers"), "integer"),
]


def changes_seen(access: Access) -> QuerySet[ChampionChange]:
    """The whole group's only for those who have all of it; a division's for those who have all of
    its stores."""
    rows: QuerySet[ChampionChange] = ChampionChange.objects.visible_to(access).select_related(
        "division", "score_set", "former"
    )
    return rows if access.all_units else rows.filter(division_id__in=access.units)


def changes_table(access: Access, of: Q | None = None) -> Table | None:
    """The newest changes, one line each; None where there is none that the access may see, or
    where it may see no values."""
    if not access.may(Capability.SEE_VALUE):
        return None
    access = access.narrowed(*NEEDED)
    seen = changes_seen(access).filter(of or Q())
    seen = seen.filter(division=None) if access.all_units else seen
    shown = [
        {
            "change": row,
            "at": row.created_at,
            "from": row.former.model_version,
            "to": row.score_set.model_version,
            "share": _share(row.result["value"]),
            **row.result["value"],
            **{name: row.result[name] for name in ("risk_changed", "rank_correlation")},
        }
        for row in seen.order_by("-created_at", "division__code")[:LIST_SHOWN]
    ]
    if not shown:
        return None
    return Table(LIST_COLUMNS, shown, _("Changes of champion"), css="wide")


def _share(value: Mapping[str, int]) -> float | None:
    return value["after"] / value["before"] - 1.0 if value["before"] else None


def _figures(name: Any, value: Mapping[str, int], **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        **value,
        "change": value["after"] - value["before"],
        "share": _share(value),
        **more,
    }


def _division_row(row: ChampionChange) -> dict[str, Any]:
    found = row.result
    return _figures(
        row.division.name if row.division else _("Whole group"),
        found["value"],
        customers=found["customers"]["after"],
        churn_before=found["churn"]["before"],
        churn_after=found["churn"]["after"],
        risk_changed=found["risk_changed"],
        rank_correlation=found["rank_correlation"],
    )


def _movers(parts: Iterable[Mapping[str, Any]], key: str) -> list[dict[str, Any]]:
    """Sums of the parts by store or by segment, the largest change first."""
    sums: dict[Any, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for part in parts:
        total = sums[part[key]]
        for name in ("customers", "before", "after"):
            total[name] += part[name]
    rows = [
        _figures(
            name,
            {"before": int(one["before"]), "after": int(one["after"])},
            customers=int(one["customers"]),
        )
        for name, one in sums.items()
    ]
    return sorted(rows, key=lambda row: -abs(row["change"]))


def _rungs(row: ChampionChange) -> list[dict[str, Any]]:
    """Cohorts in which another rung stands now."""
    return [
        {"cohort": cohort, **{when: _rung(one[when]) for when in ("before", "after")}}
        for cohort, one in sorted(row.result["rungs"].items())
        if one["before"] != one["after"]
    ]


def _rung(stood: Mapping[str, bool] | None) -> str:
    if stood is None:
        return "–"
    return " · ".join(
        [
            "MBG/CNBD-k" if stood["regular"] else "BG/NBD, MBG/NBD",
            _("first two years by trees") if stood["trees"] else _("no trees"),
            _("money by trees") if stood["money_trees"] else "Gamma-Gamma",
        ]
    )


def _all_of(access: Access, chosen: ChampionChange) -> list[ChampionChange]:
    """The rows of the same change that the person may see, the group's first."""
    rows = changes_seen(access).filter(score_set=chosen.score_set, former=chosen.former)
    return sorted(rows.order_by("division__code"), key=lambda row: row.division_id is not None)


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _stores(access: Access) -> dict[int, Unit]:
    return {one.pk: one for one in Unit.objects.visible_to(access).filter(level="store")}


@require_safe
def champion_change(request: SignedInRequest, change_id: int) -> HttpResponse:
    """One change, of the group or of a division."""
    access = acting(request.access, *NEEDED)
    chosen = get_object_or_404(changes_seen(access), pk=change_id)
    rows = _all_of(access, chosen)
    names = _stores(access)
    parts = [part for part in chosen.result["parts"] if part["store"] in names]
    stores = [
        {**row, "name": names[row["name"]].name} for row in _movers(parts, "store")[:MOVERS_SHOWN]
    ]
    segments = [
        {**row, "name": SEGMENTS.get(row["name"], row["name"])}
        for row in _movers(chosen.result["parts"], "segment")
    ]
    rungs = _rungs(chosen)
    plain = FIGURE_COLUMNS[:6]
    context = {
        "crumbs": [(_("Models"), reverse("models")), (_("Back-test"), reverse("backtest"))],
        "change": chosen,
        "found": chosen.result,
        "share": _share(chosen.result["value"]),
        "tabs": [
            Tab(
                row.division.name if row.division else _("Whole group"),
                reverse("champion_change", args=[row.pk]),
                row == chosen,
            )
            for row in rows
        ],
        "divisions": Table(
            DIVISION_COLUMNS, [_division_row(row) for row in rows], _("By division"), css="wide"
        ),
        "stores": Table(plain, stores, _("Stores that moved most"), css="wide"),
        "segments": Table(plain, segments, _("By segment"), css="wide"),
        "risks": Table(
            RISK_COLUMNS,
            [
                row | {when: RISK_NAMES.get(row[when], row[when]) for when in ("before", "after")}
                for row in chosen.result["risks"]
            ],
            _("Changes of the risk grade"),
        ),
        "rungs": Table(RUNG_COLUMNS, rungs, _("Where another rung stands"), css="wide")
        if rungs
        else None,
        "may_export": access.may(Capability.EXPORT_VALUE),
    }
    return render(request, "ml/change.html", context)


@require_safe
def champion_change_csv(request: SignedInRequest, change_id: int) -> HttpResponse:
    """Every store and segment of the change, in yuan; recorded in the audit trail."""
    access = acting(request.access, *NEEDED, Capability.EXPORT_VALUE)
    chosen = get_object_or_404(changes_seen(access), pk=change_id)
    names = _stores(access)
    out = io.StringIO()
    out.write("\ufeff")  # the mark that makes spreadsheets read UTF-8
    writer = csv.writer(out)
    writer.writerow(
        [
            *("store", "segment", "customers", "value_before", "value_after"),
            *("churn_before", "churn_after"),
        ]
    )
    written = 0
    for part in chosen.result["parts"]:
        if part["store"] not in names:
            continue
        money = [f"{part[when] / 100:.2f}" for when in ("before", "after")]
        churn = [_ratio(part[f"churn_{when}"]) for when in ("before", "after")]
        code = str(inert(names[part["store"]].code))
        writer.writerow([code, part["segment"], part["customers"], *money, *churn])
        written += 1
    audit.record(access, "change.exported", f"score_set:{chosen.score_set_id}", rows=written)
    response = HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8")
    name = f"what-moved-{chosen.score_set.as_of}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
