"""The page of the bridge between any two valuations of a unit."""

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from organization.requests import SignedInRequest
from valuation.changes import picture, steps_between
from valuation.models import Valuation, ValuedUnit
from valuation.refusals import Refused
from valuation.roll_forward import STEPS, Step
from valuation.shown import Shown, access_of, shown_unit
from web.tables import Column, Table

VALUATIONS_SHOWN = 36


@require_safe
def bridge(request: SignedInRequest, code: str) -> HttpResponse:
    """From an older valuation to a newer one; by default from the one before to the newest."""
    access = access_of(request)
    shown = shown_unit(access, code)
    if shown is None:
        return redirect("valuation_dashboard")
    having = ValuedUnit.objects.visible_to(access).filter(unit=shown.unit)
    known = list(
        Valuation.objects.visible_to(access)
        .filter(pk__in=having.values("valuation_id"))
        .select_related("assumptions", "score_set")
        .order_by("-as_of", "-created_at")[:VALUATIONS_SHOWN]
    )
    context = {"shown": shown, "known": known}
    newer = _chosen(request.GET, "newer", known) or known[0]
    earlier = [one for one in known if one.as_of < newer.as_of]
    older = _chosen(request.GET, "older", known) or (earlier[0] if earlier else None)
    context |= {"newer": newer, "older": older}
    if older is not None:
        try:
            steps = steps_between(older, newer, shown)
            newest = newer.pk == shown.valuation.pk and older.pk == _first(earlier)
            context |= {
                "picture": picture(shown.unit.name, steps),
                "table": _table(steps, shown if newest else None),
            }
        except Refused:
            context["refusal"] = _("The older valuation must be of an earlier date.")
    return render(request, "valuation/bridge.html", context)


def _first(earlier: list[Valuation]) -> int | None:
    return earlier[0].pk if earlier else None


def _chosen(query: QueryDict, name: str, known: list[Valuation]) -> Valuation | None:
    return next((one for one in known if str(one.pk) == query.get(name, "")), None)


def _table(steps: list[Step], explained: Shown | None) -> Table:
    """``explained``: the unit whose figures these are, where they lead to the newest valuation."""
    rows = [
        {
            "label": _(STEPS[one.step]),
            "amount_fen": one.amount_fen,
            "href": explained.figure_href(f"change_{one.step}") if explained else "",
        }
        for one in steps
    ]
    link = (lambda row: row["href"]) if explained else None
    columns = [
        Column("label", _("Step")),
        Column("amount_fen", _("Value"), "money_exact", link=link),
    ]
    return Table(columns, rows[:-1], _("From one valuation to another"), total=rows[-1], tight=True)
