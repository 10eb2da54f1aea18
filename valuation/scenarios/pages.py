"""The page of scenarios: presets and stored ones side by side, tornado, levers, a form for more."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from organization.access import Access, Capability, acting
from organization.models import Unit
from organization.requests import SignedInRequest
from valuation.models import Scenario
from valuation.pools.basis import Basis, NoCandidates, basis_of
from valuation.pools.rules import PoolRules
from valuation.pools.selection import PoolSums, pool_sums
from valuation.refusals import NOT_A_NUMBER, Refusal, Refused
from valuation.rounding import to_fen
from valuation.scenarios.changes import RANGES, Change, valued
from valuation.scenarios.presets import INPUTS, KINDS, LEVERS, TORNADO, levers, preset, tornado
from valuation.scenarios.stored import add_scenario
from valuation.shown import access_of, newest_valuation, visible_units
from web import charts, formats
from web.charts import Figure
from web.tables import Column, Table

STORED_SHOWN = 12
FIELD_LABELS = {"name": gettext_lazy("Name of the scenario"), "reason": gettext_lazy("Reason")}


def _in_words(refusal: Refusal) -> str:
    label = INPUTS.get(refusal.field)
    name = _(label) if label else str(FIELD_LABELS.get(refusal.field, refusal.field))
    return _(refusal.msgid) % {"field": name, **refusal.params}


class ScenarioForm(forms.Form):
    """Inputs of a custom scenario; :class:`Change` alone checks them."""

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        for name, label in INPUTS.items():
            low, high = RANGES[name]
            attrs = {"type": "number", "min": low, "max": high, "step": "any"}
            attrs["placeholder"] = f"{low:g} … {high:g}"
            self.fields[name] = forms.CharField(
                label=_(label), required=False, widget=forms.TextInput(attrs=attrs)
            )
        for name, words in FIELD_LABELS.items():
            self.fields[name] = forms.CharField(label=words, max_length=200)


def read_change(query: QueryDict) -> Change:
    """A change out of a form or address; raises :class:`Refused` naming each field at fault."""
    values: dict[str, float] = {}
    refused = []
    for name in INPUTS:
        text = query.get(name, "").strip()
        if not text:
            continue
        try:
            values[name] = float(text)
        except ValueError:
            refused.append(Refusal(name, NOT_A_NUMBER, {"value": repr(text)}))
    if refused:
        raise Refused(refused)
    return Change(**values)


def _unit(access: Access, query: QueryDict) -> tuple[Unit | None, list[Unit]]:
    units = sorted(visible_units(access).values(), key=lambda one: (len(one.path), one.code))
    asked = query.get("unit", "")
    named = next((one for one in units if one.code == asked), None)
    return named or (units[0] if units else None), units


def _basis(access: Access) -> Basis | None:
    valuation = newest_valuation(access)
    try:
        return basis_of(valuation) if valuation else None
    except NoCandidates:
        return None


@require_safe
def scenarios(request: SignedInRequest) -> HttpResponse:
    """All scenarios of a unit, the tornado and the levers; a custom one from the address."""
    access = access_of(request)
    unit, units = _unit(access, request.GET)
    basis = _basis(access)
    if unit is None or basis is None:
        return render(request, "valuation/scenarios.html", {"basis": None})
    stores = basis.stores_of(unit.pk)
    found = pool_sums(basis, PoolRules(), stores)
    context: dict[str, Any] = {
        "basis": basis,
        "unit": unit,
        "units": units,
        "form": ScenarioForm(initial=request.GET.dict()),
        "query": request.GET.urlencode(),
        "may_store": access.may_everywhere(Capability.CREATE_VALUATION),
    }
    if not found.customers:
        return render(request, "valuation/scenarios.html", context)
    rows = _rows(access, basis, found)
    try:
        change = read_change(request.GET)
        if change != Change():
            rows.append(_row(_("Custom"), "", change, basis, found))
    except Refused as refused:
        context["refusals"] = [_in_words(one) for one in refused.refusals]
    context |= {
        "table": _table(rows),
        "picture": _picture(rows),
        "tornado": _tornado(basis, found),
        "levers": _levers(basis, found),
    }
    return render(request, "valuation/scenarios.html", context)


def _rows(access: Access, basis: Basis, found: PoolSums) -> list[dict[str, Any]]:
    rows = [
        _row(_(KINDS[kind]), "", preset(kind, basis.terms), basis, found)
        for kind in ("optimistic", "base", "pessimistic")
    ]
    newest: dict[str, Scenario] = {}
    for one in Scenario.objects.visible_to(access).order_by("name", "version"):
        newest[one.name] = one
    for one in list(newest.values())[-STORED_SHOWN:]:
        rows.append(_row(str(one), one.reason, Change(**one.inputs), basis, found))
    return rows


def _row(label: str, reason: str, change: Change, basis: Basis, found: PoolSums) -> dict[str, Any]:
    value: int | None = None
    net: list[int] = []
    try:
        outcome = valued(found.sums, found.cells, basis.maps, basis.flows, change)
        value = int(to_fen(outcome.value))
        net = [int(v) for v in to_fen(outcome.net)]
    except Refused:
        # Stored for other assumptions: under these it would leave a range.
        reason = _("Not possible under the present assumptions.")
    return {
        "label": label,
        "reason": reason,
        **change.as_dict(),
        "value_fen": value,
        "change": None if value is None or not found.value_fen else value / found.value_fen - 1.0,
        "net": net,
    }


def _table(rows: list[dict[str, Any]]) -> Table:
    columns = [
        Column("label", _("Scenario")),
        Column("attrition", _("Attrition"), "figure", value=lambda r: f"×{r['attrition']:g}"),
        Column("margin", _("Margin"), "figure", value=lambda r: f"×{r['margin']:g}"),
        Column("volume", _("Volume of visits"), "figure", value=lambda r: f"×{r['volume']:g}"),
        Column("rate", _("Discount rate"), "points", value=lambda r: r["discount_points"] / 100),
        Column("value_fen", _("Value"), "money"),
        Column("change", _("Change"), "change"),
        Column("reason", _("Reason"), wrap=True, hide_on_phone=True),
    ]
    return Table(columns, rows, _("Scenarios"), tight=True, css="wide")


def _picture(rows: list[dict[str, Any]]) -> Figure:
    drawn = [row for row in rows if row["net"]][:6]
    return charts.lines(
        _("Expected margin after cost by month, not discounted"),
        [str(month) for month in range(1, len(drawn[0]["net"]) + 1)],
        [(row["label"], row["net"]) for row in drawn],
        kind="money",
    )


def _tornado(basis: Basis, found: PoolSums) -> Figure:
    value = found.value_fen
    rows = [
        (
            f"{_(TORNADO[one.name])}: {one.low} … {one.high}",
            min(one.value_at_low, one.value_at_high) * 100,
            value,
            max(one.value_at_low, one.value_at_high) * 100,
        )
        for one in tornado(basis, found)
    ]
    return charts.football_field(
        _("Each assumption on its own"),
        rows,
        description=_(
            "Base %(value)s. Shocks by one declared deviation, rates by two points, costs by a"
            " quarter."
        )
        % {"value": formats.money(value)},
    )


def _levers(basis: Basis, found: PoolSums) -> Table:
    def takes(one: Any) -> str:
        number = one.takes * 100 if one.name == "margin" else one.takes
        digits = 0 if one.name in ("customers", "visits", "retention") else 2
        text = formats.integer(round(number)) if not digits else formats.decimal(number, digits)
        if one.name == "margin":
            text = formats.decimal(number * 0.01, 2)
        if one.name == "discount_rate":
            text = formats.decimal(number, 3)
        return _(LEVERS[one.name][1]) % {"takes": text}

    rows = [
        {
            "label": _(LEVERS[one.name][0]),
            "gain": int(to_fen(one.gain)),
            "share": one.gain * 100 / found.value_fen if found.value_fen else None,
            "takes": takes(one),
        }
        for one in levers(basis, found)
    ]
    columns = [
        Column("label", _("Lever, 1% better"), wrap=True),
        Column("gain", _("Change of value"), "money"),
        Column("share", _("of value"), "percent"),
        Column("takes", _("What it takes"), wrap=True),
    ]
    return Table(columns, rows, _("Levers"), tight=True)


@require_POST
def store_scenario(request: SignedInRequest) -> HttpResponse:
    """Keep a custom scenario: a name used before becomes its next version."""
    access = acting(access_of(request), Capability.CREATE_VALUATION)
    access.require_everywhere(Capability.CREATE_VALUATION)
    try:
        made = add_scenario(
            access,
            read_change(request.POST),
            request.POST.get("name", ""),
            request.POST.get("reason", ""),
        )
    except Refused as refused:
        for one in refused.refusals:
            messages.error(request, _in_words(one))
        return redirect("scenarios")
    messages.success(request, _("Stored as %(name)s.") % {"name": made})
    return redirect(reverse("scenarios"))
