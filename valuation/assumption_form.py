"""Storing a new version of the assumption set: every figure with its source, and a reason."""

import copy
import datetime as dt
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from organization import audit
from organization.access import Access, Capability, acting
from organization.models import Unit
from organization.requests import SignedInRequest
from valuation.assumptions import MEASURED, add_version, preset
from valuation.models import Assumptions
from valuation.refusals import Refused
from valuation.shown import access_of

Where = tuple[str, ...]
# Field: (label, path of the stored value). Numbers are fractions unless the label says otherwise.
NUMBERS: dict[str, tuple[Any, Where]] = {
    "risk_free": (gettext_lazy("Risk-free rate"), ("discount", "risk_free", "rate")),
    "premium": (gettext_lazy("Risk premium"), ("discount", "premium", "rate")),
    "wacc": (gettext_lazy("WACC of the group"), ("discount", "wacc")),
    "service_cost_rate": (
        gettext_lazy("Service cost, share of margin"),
        ("service_cost_rate",),
    ),
    "retention_cost_per_month": (
        gettext_lazy("Retention cost a month (empty: measured)"),
        ("retention_cost_per_month",),
    ),
    "tax_rate": (gettext_lazy("Tax rate"), ("tax_rate",)),
    "attrition": (gettext_lazy("Volatility of attrition"), ("shocks", "attrition")),
    "margin": (gettext_lazy("Volatility of margin"), ("shocks", "margin")),
    "volume": (gettext_lazy("Volatility of volume"), ("shocks", "volume")),
    "store_correlation": (
        gettext_lazy("Correlation between stores"),
        ("shocks", "store_correlation"),
    ),
    "renewal_probability": (
        gettext_lazy("Renewal probability of the authorisation"),
        ("authorisation", "renewal_probability"),
    ),
    "lowest_confidence": (
        gettext_lazy("Lowest data confidence (0 to 100)"),
        ("approval", "lowest_confidence"),
    ),
    "oldest_days": (gettext_lazy("Oldest delivery, days"), ("approval", "oldest_days")),
}
SOURCES: dict[str, tuple[str, Where]] = {
    "risk_free_source": ("risk_free", ("discount", "risk_free", "source")),
    "premium_source": ("premium", ("discount", "premium", "source")),
    "service_cost_source": ("service_cost_rate", ("service_cost_source",)),
    "retention_cost_source": ("retention_cost_per_month", ("retention_cost_source",)),
    "shocks_source": ("attrition", ("shocks_source",)),
    "authorisation_source": ("renewal_probability", ("authorisation", "source")),
}
OPTIONAL = {"wacc", "retention_cost_per_month"}
# The order of the page: each figure stands beside its source.
GROUPS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (gettext_lazy("Discount rate"), ("risk_free", "premium", "wacc")),
    (
        gettext_lazy("Costs and tax"),
        ("service_cost_rate", "retention_cost_per_month", "tax_rate"),
    ),
    (
        gettext_lazy("Width of the band"),
        ("attrition", "margin", "volume", "store_correlation"),
    ),
    (
        gettext_lazy("Authorisation and approval"),
        ("renewal_probability", "lowest_confidence", "oldest_days"),
    ),
)


def _at(values: dict[str, Any], where: Where) -> Any:
    for key in where:
        values = values.get(key, {})
    return "" if values in ({}, None) else values


def _put(values: dict[str, Any], where: Where, value: Any) -> None:
    for key in where[:-1]:
        values = values.setdefault(key, {})
    values[where[-1]] = value


def _in_words(source: str) -> str:
    """The presets' own sources in the reader's language; a group's as it was written."""
    return _(source) if source else ""


class AssumptionForm(forms.Form):
    """The newest version's figures to be changed; ranges are checked by ``assumptions``."""

    def __init__(
        self, stored: dict[str, Any], divisions: list[Unit], *args: Any, **rest: Any
    ) -> None:
        super().__init__(*args, **rest)
        for name, (label, where) in NUMBERS.items():
            self.fields[name] = forms.FloatField(
                label=label, required=name not in OPTIONAL, initial=_at(stored, where)
            )
            for source, (of, at) in SOURCES.items():
                if of == name:
                    self.fields[source] = forms.CharField(
                        label=f"{label}: {_('Source')}",
                        max_length=200,
                        initial=_in_words(_at(stored, at)),
                    )
        self.fields["dated"] = forms.DateField(
            label=_("Dated"),
            initial=timezone.localdate,
            widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        )
        self.fields["mid_month"] = forms.BooleanField(
            label=_("Flows in mid-month"), required=False, initial=stored["mid_month"]
        )
        choices = [("", _("none")), *((one.code, one.name) for one in divisions)]
        self.fields["division"] = forms.ChoiceField(
            label=_("Division with a premium of its own"), required=False, choices=choices
        )
        self.fields["division_premium"] = forms.FloatField(
            label=_("Its premium (empty: the group's)"), required=False
        )
        for name, label in (
            ("division_source", _("Its source")),
            ("division_reason", _("Its reason")),
        ):
            self.fields[name] = forms.CharField(label=label, required=False, max_length=200)
        self.fields["reason"] = forms.CharField(label=_("Reason for the change"), max_length=500)

    def groups(self) -> list[tuple[Any, list[tuple[forms.BoundField, forms.BoundField | None]]]]:
        """Title, and each figure with the field of its source, if it has one."""
        source_of = {of: name for name, (of, _at) in SOURCES.items()}
        return [
            (title, [(self[n], self[source_of[n]] if n in source_of else None) for n in names])
            for title, names in GROUPS
        ]

    def further(self) -> list[forms.BoundField]:
        """What is no figure of the group: dates, a division of its own, the reason."""
        shown = {*NUMBERS, *SOURCES}
        return [bound for bound in self.visible_fields() if bound.name not in shown]

    def values(self, stored: dict[str, Any]) -> dict[str, Any]:
        """The next version's values; call once the form is valid."""
        data, values = self.cleaned_data, copy.deepcopy(stored)
        for name, (_label, where) in NUMBERS.items():
            number = data[name]
            if name == "oldest_days" and number == int(number):
                number = int(number)
            _put(values, where, number)
        for name, (_of, where) in SOURCES.items():
            before = _at(stored, where)
            _put(values, where, before if data[name] == _in_words(before) else data[name])
        if data["retention_cost_per_month"] is None:
            values["retention_cost_source"] = MEASURED
        for part in ("risk_free", "premium"):
            if values["discount"][part] != stored["discount"][part]:
                values["discount"][part]["dated"] = data["dated"].isoformat()
        values["mid_month"] = data["mid_month"]
        self._put_premium(values, data["dated"])
        return values

    def _put_premium(self, values: dict[str, Any], dated: dt.date) -> None:
        data = self.cleaned_data
        premiums = values["discount"].setdefault("premiums", {})
        if not data["division"]:
            return
        premiums.pop(data["division"], None)
        if data["division_premium"] is not None:
            premiums[data["division"]] = {
                "rate": data["division_premium"],
                "source": data["division_source"],
                "reason": data["division_reason"],
                "dated": dated.isoformat(),
            }


@require_http_methods(["GET", "HEAD", "POST"])
def new_version(request: SignedInRequest) -> HttpResponse:
    """The form, and on POST the next version; valuations made before keep theirs."""
    access = acting(access_of(request), Capability.CREATE_VALUATION)
    access.require_everywhere(Capability.CREATE_VALUATION)
    newest = Assumptions.objects.visible_to(access).order_by("-version").first()
    stored = preset(timezone.localdate()) | (newest.values if newest else {})
    divisions = list(Unit.objects.visible_to(access).filter(level="division").order_by("code"))
    form = AssumptionForm(stored, divisions, request.POST or None)
    status = 200
    if request.method == "POST":
        if form.is_valid() and (version := _store(access, form, stored)) is not None:
            messages.success(
                request,
                _("Assumptions version %(version)s is in use from the next valuation on.")
                % {"version": version},
            )
            return redirect("assumptions")
        status = 400
    return render(request, "valuation/assumption_form.html", {"form": form}, status=status)


def _store(access: Access, form: AssumptionForm, stored: dict[str, Any]) -> int | None:
    """The new version's number; None with errors on the form where a value is refused."""
    try:
        made = add_version(
            access.tenant_id,
            form.values(stored),
            reason=form.cleaned_data["reason"],
            author=access.label,
        )
    except Refused as refused:
        for one in refused.refusals:
            field = one.field if one.field in form.fields else None
            label = form.fields[field].label if field else one.field
            form.add_error(field, _(one.msgid) % {"field": label, **one.params})
        return None
    audit.record(access, "assumptions.version", f"assumptions:{made.pk}", version=made.version)
    return int(made.version)
