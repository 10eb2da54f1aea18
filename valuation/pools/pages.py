"""The pages of pools: builder, cut pools, one pool with its tables and tapes."""

from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from organization import audit
from organization.access import Access, Capability, acting
from organization.models import Unit
from organization.requests import SignedInRequest
from valuation.models import Pool, PoolCandidate, Structure, Valuation
from valuation.pools import shown
from valuation.pools.actuals import actuals_of
from valuation.pools.band import pool_band, pool_sensitivities
from valuation.pools.basis import Basis, NoCandidates, basis_of
from valuation.pools.cut import cut_pool
from valuation.pools.exports import FORMS, exported
from valuation.pools.form import PoolForm, in_words
from valuation.pools.revolving import replace_leavers
from valuation.pools.rules import PoolRules, read_rules
from valuation.pools.selection import pool_flows, pool_sums, select
from valuation.refusals import Refused
from valuation.rounding import to_fen
from valuation.shown import access_of, newest_valuation, visible_units
from valuation.structure import held_tables

POOLS_SHOWN = 200


@require_safe
def pools(request: SignedInRequest) -> HttpResponse:
    """All cut pools, the newest first."""
    access = access_of(request)
    rows = (
        Pool.objects.visible_to(access)
        .select_related("unit", "valuation")
        .defer("monthly", "strata", "cohorts", "terms")
        .order_by("-created_at")[:POOLS_SHOWN]
    )
    return render(request, "valuation/pools.html", {"table": shown.pool_table(rows)})


def _chosen_unit(access: Access, query: QueryDict) -> tuple[Unit | None, list[Unit]]:
    units = sorted(visible_units(access).values(), key=lambda one: (len(one.path), one.code))
    asked = query.get("unit", "")
    named = next((one for one in units if one.code == asked), None)
    return named or (units[0] if units else None), units


def _basis(access: Access) -> Basis | None:
    valuation = newest_valuation(access)
    if valuation is None:
        return None
    try:
        return basis_of(valuation)
    except NoCandidates:
        return None


def _brands(access: Access, valuation: Valuation) -> list[str]:
    rows = PoolCandidate.objects.visible_to(access).filter(valuation=valuation).exclude(brand="")
    return sorted(rows.values_list("brand", flat=True).distinct())


@require_safe
def builder(request: SignedInRequest) -> HttpResponse:
    """Rules with the pool that they make; htmx asks for the result alone while one types."""
    access = access_of(request)
    unit, units = _chosen_unit(access, request.GET)
    basis = _basis(access)
    if basis is None or unit is None:
        return render(request, "valuation/pool_builder.html", {"basis": None})
    form = PoolForm(units, _brands(access, basis.valuation), request.GET)
    context: dict[str, Any] = {
        "basis": basis,
        "unit": unit,
        "form": form,
        "query": request.GET.urlencode(),
        "may_cut": access.may_everywhere(Capability.CREATE_VALUATION),
    }
    try:
        rules = read_rules(request.GET)
        context |= _result(basis, rules, unit)
    except Refused as refused:
        form.refuse(refused.refusals)
        context["refusals"] = [in_words(one) for one in refused.refusals]
    live = request.headers.get("HX-Request") == "true"
    template = "valuation/pool_result.html" if live else "valuation/pool_builder.html"
    return render(request, template, context)


def _result(basis: Basis, rules: PoolRules, unit: Unit) -> dict[str, Any]:
    stores = basis.stores_of(unit.pk)
    selected = select(basis, rules, stores)
    context: dict[str, Any] = {
        "selected": selected,
        "waterfall": shown.waterfall_table(shown.live_waterfall(selected)),
    }
    if selected.customers:
        flows = pool_flows(basis, pool_sums(basis, rules, stores, selected.excess))
        present = flows.present_value[0][: rules.months]
        context |= {
            "months": rules.months,
            "value_fen": int(present.sum()),
            "margin_fen": int(flows.margin[0][: rules.months].sum()),
            "visits": float(flows.visits[0][: rules.months].sum()),
            "flows": shown.flow_chart(present),
            "flow_table": shown.flow_table(flows, rules.months),
            "concentration": shown.concentration_table(basis, selected),
        }
    return context


@require_safe
def band(request: SignedInRequest) -> HttpResponse:
    """P5 to P95 of the rules in the address; its own request, since it draws 2,000 futures."""
    access = access_of(request)
    unit, _units = _chosen_unit(access, request.GET)
    basis = _basis(access)
    context: dict[str, Any] = {}
    if basis is not None and unit is not None:
        try:
            rules = read_rules(request.GET)
            stores = basis.stores_of(unit.pk)
            selected = select(basis, rules, stores)
            if selected.customers:
                sums = pool_sums(basis, rules, stores, selected.excess)
                found = pool_band(pool_sensitivities(basis, rules, stores, selected, sums), basis)
                p5, p95 = (int(v) for v in to_fen([found.p5, found.p95]))
                context = {
                    "p5_fen": p5,
                    "p95_fen": p95,
                    "expected_fen": selected.value_fen,
                    "layers": shown.layer_rows(found),
                }
        except Refused as refused:
            context = {"refusals": [in_words(one) for one in refused.refusals]}
    return render(request, "valuation/pool_band.html", context)


@require_POST
def cut(request: SignedInRequest) -> HttpResponse:
    """Write the pool of the rules in the address down for good."""
    access = acting(access_of(request), Capability.CREATE_VALUATION)
    access.require_everywhere(Capability.CREATE_VALUATION)
    unit, _units = _chosen_unit(access, request.GET)
    basis = _basis(access)
    back = f"{reverse('pool_builder')}?{request.GET.urlencode()}"
    if basis is None or unit is None:
        return redirect(back)
    try:
        rules = read_rules(request.GET)
        made = cut_pool(access, basis, rules, unit, request.POST.get("name", ""))
    except Refused as refused:
        for one in refused.refusals:
            messages.error(request, in_words(one))
        return redirect(back)
    messages.success(request, _("The pool is cut: it will not change any more."))
    return redirect("pool", pk=made.pk)


def _pool(access: Access, pk: int) -> Pool:
    rows = Pool.objects.visible_to(access).select_related("unit", "valuation", "replaces")
    found: Pool = get_object_or_404(rows, pk=pk)
    return found


def structures_of(access: Access, pool: Pool) -> list[Structure]:
    """Saved versions of structures over this pool, the newest first."""
    rows = Structure.objects.visible_to(access).filter(source__kind="pool", source__pool=pool.pk)
    return list(rows.order_by("-created_at")[:POOLS_SHOWN])


@require_safe
def pool(request: SignedInRequest, pk: int) -> HttpResponse:
    """One cut pool: waterfall of exclusions, flows, strata, static pools, tapes."""
    access = access_of(request)
    found = _pool(access, pk)
    dimension = shown.chosen_dimension(found, request.GET)
    newest = newest_valuation(access)
    actual = actuals_of(found)
    context = {
        "pool": found,
        "facts": shown.facts(found),
        "rules": shown.rule_rows(found),
        "waterfall": shown.waterfall_table(found.waterfall),
        "flows": shown.flow_chart(found.monthly["present_value_fen"]),
        "dimension_tabs": shown.dimension_tabs(found, request.GET),
        "strata": shown.strata_table(found, dimension),
        "cohort_table": shown.cohort_table(found),
        "attrition": shown.attrition_chart(found),
        "held": held_tables.pool_table(found, actual),
        "held_note": held_tables.note(actual),
        "structures": shown.structure_table(structures_of(access, found)),
        "approved": hasattr(found.valuation, "approval"),
        "may_renew": access.may_everywhere(Capability.CREATE_VALUATION)
        and newest is not None
        and newest.as_of > found.valuation.as_of,
    }
    return render(request, "valuation/pool.html", context)


@require_safe
def export(request: SignedInRequest, pk: int, form: str) -> HttpResponse | FileResponse:
    """A tape of a pool whose valuation a second person has approved."""
    access = access_of(request)
    found = _pool(access, pk)
    if form not in FORMS or not hasattr(found.valuation, "approval"):
        messages.error(
            request, _("Not exported: the valuation of this pool has not been approved yet.")
        )
        return redirect("pool", pk=pk)
    try:
        made = exported(found, form)
    except Refused as refused:
        for one in refused.refusals:
            messages.error(request, in_words(one))
        return redirect("pool", pk=pk)
    audit.record(access, "pool.exported", f"pool:{pk}", form=form, content=made.content)
    return FileResponse(
        made.source, as_attachment=True, filename=made.name, content_type=made.content_type
    )


@require_POST
def renew(request: SignedInRequest, pk: int) -> HttpResponse:
    """Test the rules again at the newest valuation and replace those who left."""
    access = acting(access_of(request), Capability.CREATE_VALUATION)
    access.require_everywhere(Capability.CREATE_VALUATION)
    found = _pool(access, pk)
    basis = _basis(access)
    if basis is None:
        return redirect("pool", pk=pk)
    name = f"{found.name} {basis.valuation.as_of:%Y-%m-%d}"[:80]
    try:
        made = replace_leavers(access, found, basis, name)
    except Refused as refused:
        for one in refused.refusals:
            messages.error(request, in_words(one))
        return redirect("pool", pk=pk)
    messages.success(request, _("The pool goes on as of the newest valuation."))
    return redirect("pool", pk=made.pk)
