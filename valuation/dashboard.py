"""The executive page of a unit: operations, value, bridge, indicators, cohorts, league."""

import datetime as dt
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from organization.access import Capability
from organization.requests import SignedInRequest
from valuation import approval, changes, drilldown, headline, league, parts, pictures
from valuation.assumption_page import confidence_text, missing_kinds
from valuation.assumptions import terms_of
from valuation.first_steps import first_steps
from valuation.lineage.registry import FIGURES
from valuation.models import Valuation
from valuation.shown import Shown, access_of, lineage_facts, shown_unit, standing
from valuation.tasks import value_group
from valuation.uncertainty import LAYERS
from web import formats
from web.charts import Figure
from web.components import Lineage


@require_safe
def dashboard(request: SignedInRequest, code: str | None = None) -> HttpResponse:
    """The page of a unit, by default the person's own; 404 outside the access."""
    access = access_of(request)
    shown = shown_unit(access, code)
    state = standing(access, shown.valuation if shown else None)
    context: dict[str, Any] = {
        "standing": state,
        "may_value": access.may_everywhere(Capability.CREATE_VALUATION),
    }
    if shown is None:
        context["steps"] = first_steps(access)
        return render(request, "valuation/nothing_yet.html", context)
    measure = pictures.chosen_measure(request.GET)
    before = changes.valuation_before(shown)
    context |= {
        "shown": shown,
        "visit_month": formats.month(last_month(shown)),
        "operating": headline.operating_row(shown, request.tenant.visit_word),
        "tiles": headline.indicator_tiles(shown),
        "value_lineage": value_lineage(shown),
        "facts": facts(shown),
        "warnings": warnings(shown),
        "bridge": bridge(shown, before, request.GET.get("bridge") == "form"),
        "bridge_tabs": pictures.bridge_tabs(request.GET) if before else [],
        "flows": pictures.monthly_flows(shown),
        "streams": stream_rows(shown),
        "layers": layer_rows(shown),
        "quantiles": [
            (f"P{number}", getattr(shown.valued, f"p{number}_fen"), shown.figure_href(f"p{number}"))
            for number in (5, 50, 95)
        ],
        "cohorts": pictures.cohort_map(shown, measure),
        "cohort_tabs": pictures.measure_tabs(request.GET),
        "league": tables(shown, whole=request.GET.get(league.ALL) == "all"),
        "laggards": league.laggards(shown),
        "mix": parts.mix_tables(shown),
        "contracted": parts.contracted_table(shown),
        "lookback": parts.lookback_chart(shown),
        "may_approve": _may_approve(shown),
        "hindrances": [] if shown.approval else approval.hindrances(shown.valuation),
        "change_known": before is not None,
    }
    return render(request, "valuation/dashboard.html", context)


def bridge(shown: Shown, before: Valuation | None, closed_form: bool) -> Figure:
    """Why the value changed since ``before``; for the first valuation, or when asked, how the
    closed form leads to it."""
    if before is None or closed_form:
        return pictures.value_bridge(shown)
    title = _("Since the valuation of %(day)s") % {"day": formats.date(before.as_of)}
    return changes.picture(title, changes.steps_between(before, shown.valuation, shown))


def last_month(shown: Shown) -> dt.date:
    return dt.date.fromisoformat(f"{shown.valued.operations['months'][-1]}-01")


def tables(shown: Shown, *, whole: bool) -> list[Any]:
    """Parts that sum to the unit: children, below a division also stores, at a store cohorts."""
    if not shown.below:
        return [drilldown.cohort_table(shown)]
    found = []
    if shown.children:
        caption = _("Parts of this unit")
        found.append(league.league_table(shown, shown.children, caption, whole=whole))
    if shown.stores and shown.stores != shown.children:
        found.append(league.league_table(shown, shown.stores, _("Stores"), whole=whole))
    return found


def value_lineage(shown: Shown) -> Lineage:
    valuation = shown.valuation
    excluded = sum(valuation.excluded.values())
    return Lineage(
        FIGURES["value"].formula,
        _("%(count)s customers, %(excluded)s left out in the group")
        % {
            "count": formats.integer(shown.valued.customers),
            "excluded": formats.integer(excluded),
        },
        shown.figure_href("value"),
        details=[
            (_("Assumptions"), f"v{valuation.assumptions.version}"),
            (
                _("Discount rate"),
                formats.percent(terms_of(valuation.assumptions.values).discount.rate),
            ),
            (_("Undiscounted"), formats.money(shown.valued.undiscounted_fen)),
            (_("Basis"), _("net of VAT, before tax, management view; not a fair value")),
            (_("Input"), valuation.input_hash[:12]),
        ],
        **lineage_facts(shown),
    )


def facts(shown: Shown) -> list[tuple[str, str]]:
    valuation, given = shown.valuation, shown.approval
    approved = (
        _("%(who)s, %(day)s") % {"who": given.approved_by, "day": formats.date(given.approved_at)}
        if given
        else _("not yet")
    )
    return [
        (_("As of"), formats.date(valuation.as_of)),
        (_("Model version"), valuation.model_version),
        (_("Data confidence"), confidence_text(valuation)),
        (_("Complete through"), _complete_through(shown)),
        (_("Approved by"), approved),
    ]


def _complete_through(shown: Shown) -> str:
    day = shown.valued.operations["complete_through"]
    return formats.date(dt.date.fromisoformat(day)) if day else formats.NOT_KNOWN


def warnings(shown: Shown) -> list[str]:
    """What an auditor would ask about."""
    rate = terms_of(shown.valuation.assumptions.values).discount
    found = [_(one.msgid) % one.params for one in rate.warnings()]
    stored = shown.valued.operations
    missing = stored["stores"] - stored["stores_delivering"]
    if missing > 0:
        found.append(_("%(count)s stores have delivered no visits.") % {"count": missing})
    if shown.valuation.notes["missing"]:
        found.append(_("Never supplied: %(kinds)s") % {"kinds": missing_kinds(shown.valuation)})
    return found


def stream_rows(shown: Shown) -> list[tuple[Any, int, int, str]]:
    """Label, customers, value and address of each stream; they add up to the unit's value."""
    streams = shown.valued.streams
    return [
        (
            label,
            streams[name]["customers"],
            streams[name]["expected_fen"],
            shown.figure_href(f"stream_{name}"),
        )
        for name, label in pictures.STREAM_LABELS.items()
    ]


def layer_rows(shown: Shown) -> list[tuple[str, str]]:
    return [
        (
            _(LAYERS[layer["name"]]),
            f"±{formats.money(layer['deviation_fen'])} · {formats.percent(layer['share'], 0)}",
        )
        for layer in shown.valued.uncertainty["layers"]
    ]


def _may_approve(shown: Shown) -> bool:
    return (
        shown.access.may_everywhere(Capability.APPROVE_VALUATION)
        and shown.approval is None
        and shown.unit.parent_id is None
        and shown.valuation.author != shown.access.label
    )


@require_POST
def approve(request: SignedInRequest, pk: int) -> HttpResponse:
    """Approve a valuation that somebody else made, whose orders agree with the books."""
    access = access_of(request)
    access.require_everywhere(Capability.APPROVE_VALUATION)
    valuation = get_object_or_404(Valuation.objects.visible_to(access), pk=pk)
    try:
        reasons = approval.approve(access, valuation)
    except approval.SecondPersonNeeded:
        raise PermissionDenied(_("A valuation is approved by a second person.")) from None
    for reason in reasons:
        messages.error(request, _("Not approved: %(reason)s") % {"reason": reason})
    if not reasons:
        messages.success(request, _("The valuation is approved."))
    return redirect("valuation_dashboard")


@require_POST
def value_now(request: SignedInRequest) -> HttpResponse:
    """Let the worker value the group from its current score set."""
    access = access_of(request)
    access.require_everywhere(Capability.CREATE_VALUATION)
    tenant_id, asked_by = access.tenant_id, access.label
    transaction.on_commit(lambda: value_group.delay(tenant_id, asked_by))
    messages.info(request, _("The valuation is being made; reload this page in a moment."))
    return redirect("valuation_dashboard")
