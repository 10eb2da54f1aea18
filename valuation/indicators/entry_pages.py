"""What people decide about indicators: a group's own bands, and the entries of the moat.

Each is a new row with author and reason; the rows before it stay and are shown.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from organization.access import Access, Capability
from organization.models import Unit
from organization.requests import SignedInRequest
from valuation.bands import Scale, parse_scale
from valuation.indicators import wording
from valuation.indicators.band_choice import Bands
from valuation.indicators.definition import Definition
from valuation.indicators.definitions import DEFINITIONS, of_dimension
from valuation.indicators.records import BandSet, MoatInput
from valuation.peers import CAR_AGES
from valuation.refusals import Refused
from valuation.shown import access_of, chosen_unit, crumbs_of, visible_units

HISTORY = 30
LEVELS = ("good", "fair", "improve")
LEVEL_WORDS = {
    "good": gettext_lazy("good"),
    "fair": gettext_lazy("fair"),
    "improve": gettext_lazy("to improve"),
}
# Kinds whose bounds people write as whole percentages.
PERCENT = ("percent",)


class BandForm(forms.Form):
    """Two bounds make three bands: good from one on, to improve below the other."""

    indicator = forms.ChoiceField(label=gettext_lazy("Indicator"))
    division = forms.ChoiceField(label=gettext_lazy("Brand"), required=False)
    car_age = forms.ChoiceField(label=gettext_lazy("Age of cars, years"), required=False)
    good = forms.DecimalField(
        label=gettext_lazy("Good from"),
        required=False,
        max_digits=14,
        decimal_places=4,
        help_text=gettext_lazy("Rates in percent: 76 is 76%. Empty in both: the general bands"),
    )
    fair = forms.DecimalField(
        label=gettext_lazy("Fair from"), required=False, max_digits=14, decimal_places=4
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), min_length=10, max_length=300)

    def __init__(self, divisions: Mapping[str, str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: dict[str, list[tuple[str, Any]]] = {
            "indicator": [
                (key, one.label) for key, one in DEFINITIONS.items() if one.better != "none"
            ],
            "division": [("", _("all brands")), *divisions.items()],
            "car_age": [("", _("all ages")), *((age, age) for age in CAR_AGES[:-1])],
        }
        for name, options in choices.items():
            self.fields[name].choices = options  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        good, fair = given.get("good"), given.get("fair")
        if (good is None) != (fair is None):
            self.add_error("fair", _("Give both bounds, or none."))
        definition = DEFINITIONS.get(given.get("indicator", ""))
        if good is None or fair is None or definition is None:
            return given
        falls = definition.better == "down"
        if (good >= fair) if falls else (good <= fair):
            self.add_error("good", _("Good must lie on the better side of fair."))
            return given
        try:
            parse_scale(definition.key, bands_of(definition, good, fair))
        except Refused as refused:
            self.add_error("good", " ".join(str(one) for one in refused.refusals))
        return given


def bands_of(definition: Definition, good: Decimal, fair: Decimal) -> list[dict[str, Any]]:
    """Three bands as they are stored, best first; a bound belongs to the better band."""
    scale = 0.01 if definition.kind in PERCENT else 100.0 if definition.kind == "money" else 1.0
    upper, lower = round(float(good) * scale, 8), round(float(fair) * scale, 8)
    if definition.better == "down":
        return [
            {"name": "good", "level": "good", "high": upper, "high_inclusive": True},
            {
                **{"name": "fair", "level": "fair", "low": upper, "low_inclusive": False},
                **{"high": lower, "high_inclusive": True},
            },
            {"name": "to improve", "level": "improve", "low": lower, "low_inclusive": False},
        ]
    return [
        {"name": "good", "level": "good", "low": upper},
        {"name": "fair", "level": "fair", "low": lower, "high": upper},
        {"name": "to improve", "level": "improve", "high": lower},
    ]


def scale_rows(definition: Definition, scale: Scale) -> list[tuple[str, str, str]]:
    """Name, level and range of each band of a scale."""
    found: list[tuple[str, str, str]] = []
    for band in scale.bands:
        low = "" if band.low == float("-inf") else wording.written(definition, band.low)
        high = "" if band.high == float("inf") else wording.written(definition, band.high)
        above = "≥" if band.low_inclusive else ">"
        below = "≤" if band.high_inclusive else "<"
        ends = " · ".join(
            part
            for part in (f"{above} {low}" if low else "", f"{below} {high}" if high else "")
            if part
        )
        found.append((str(_(band.name)), band.level, ends))
    return found


def _divisions(access: Access) -> dict[str, str]:
    units = visible_units(access).values()
    return {str(one.pk): one.name for one in units if one.level == Unit.Level.DIVISION}


@require_POST
def store_bands(request: SignedInRequest) -> HttpResponse:
    """Store the group's own bands of an indicator; wrong input shows the form again."""
    access = access_of(request)
    access.require_everywhere(Capability.CREATE_VALUATION)
    form = BandForm(_divisions(access), request.POST)
    if not form.is_valid():
        return _band_page(request, access, form)
    _store_bands(access, form.cleaned_data)
    messages.success(request, _("The bands are stored; figures are judged by them now."))
    return redirect("indicator_bands")


@require_safe
def indicator_bands(request: SignedInRequest) -> HttpResponse:
    """The bands in use, a form for the group's own, and every change with its reason."""
    access = access_of(request)
    return _band_page(request, access, BandForm(_divisions(access)))


def _band_page(request: SignedInRequest, access: Access, form: BandForm) -> HttpResponse:
    may_edit = access.may_everywhere(Capability.CREATE_VALUATION)
    bands = Bands.read(access)
    history = BandSet.objects.visible_to(access).select_related("division").order_by("-pk")
    return render(
        request,
        "valuation/indicators/bands.html",
        {
            "form": form,
            "may_edit": may_edit,
            "scales": [
                (DEFINITIONS[key], scale_rows(DEFINITIONS[key], scale), own)
                for key in DEFINITIONS
                for own in [bands.own(key, None, "")]
                for scale in [bands.scale(key, None, "")]
                if scale is not None
            ],
            "particular": [
                (DEFINITIONS[one.indicator], one, scale_rows(DEFINITIONS[one.indicator], scale))
                for one in bands.sets.values()
                if one.bands and (one.division_id or one.car_age) and one.indicator in DEFINITIONS
                for scale in [parse_scale(one.indicator, one.bands)]
            ],
            "history": [
                (one, DEFINITIONS[one.indicator].label)
                for one in history[:HISTORY]
                if one.indicator in DEFINITIONS
            ],
        },
        status=400 if form.errors else 200,
    )


def _store_bands(access: Access, given: Mapping[str, Any]) -> None:
    definition = DEFINITIONS[given["indicator"]]
    good, fair = given["good"], given["fair"]
    BandSet.objects.create(
        tenant_id=access.tenant_id,
        indicator=definition.key,
        division_id=int(given["division"]) if given["division"] else None,
        car_age=given["car_age"],
        bands=[] if good is None else bands_of(definition, good, fair),
        reason=given["reason"],
        author=access.label[:80],
    )


MOAT_FIELDS = {
    "price_premium": (gettext_lazy("Own price, yuan"), gettext_lazy("Peers' price, yuan")),
    "switching_cost": (gettext_lazy("Priced items, yuan a year"), ""),
    "referral": (gettext_lazy("New customers referred"), gettext_lazy("New customers asked")),
    "network_density": (gettext_lazy("Vehicles in the area"), gettext_lazy("Outlets")),
}


class MoatForm(forms.Form):
    """Two numbers with where they come from and why they are entered."""

    indicator = forms.ChoiceField(label=gettext_lazy("Indicator"))
    above = forms.DecimalField(
        label=gettext_lazy("First number"), min_value=0, max_digits=14, decimal_places=2
    )
    below = forms.DecimalField(
        label=gettext_lazy("Second number"),
        required=False,
        min_value=0,
        max_digits=14,
        decimal_places=2,
    )
    month = forms.DateField(
        label=gettext_lazy("Holds from"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    source = forms.CharField(label=gettext_lazy("Source"), min_length=3, max_length=200)
    reason = forms.CharField(label=gettext_lazy("Reason"), min_length=10, max_length=300)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["indicator"].choices = [  # type: ignore[attr-defined]
            (one.key, f"{one.label}: {' / '.join(str(f) for f in MOAT_FIELDS[one.key] if f)}")
            for one in of_dimension("moat")
        ]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        key, below = given.get("indicator", ""), given.get("below")
        if key in MOAT_FIELDS and MOAT_FIELDS[key][1] and not below:
            self.add_error("below", _("This indicator needs a second number above 0."))
        if key == "referral" and below and given.get("above", 0) > below:
            self.add_error("above", _("No more can be referred than were asked."))
        if given.get("month") and given["month"] > timezone.localdate():
            self.add_error("month", _("The day lies ahead."))
        return given


@require_http_methods(["GET", "HEAD", "POST"])
def moat_inputs(request: SignedInRequest, code: str) -> HttpResponse:
    """A unit's entries of the moat, and a form for one more."""
    access = access_of(request)
    units = visible_units(access)
    unit = chosen_unit(access, units, code)
    form = MoatForm(initial={"month": timezone.localdate().replace(day=1)})
    if request.method == "POST":
        access.require(Capability.CREATE_VALUATION)
        access.require(Capability.CREATE_VALUATION, unit.pk)
        form = MoatForm(request.POST)
        if form.is_valid():
            _store_moat(access, unit, form.cleaned_data)
            messages.success(
                request, _("Stored. The figure appears when the indicators are recorded next.")
            )
            return redirect("moat_inputs", code=unit.code)
    rows = MoatInput.objects.visible_to(access).filter(unit=unit, indicator__in=list(MOAT_FIELDS))
    return render(
        request,
        "valuation/indicators/moat.html",
        {
            "unit": unit,
            "crumbs": [
                *crumbs_of(unit, units, "unit_indicators"),
            ],
            "form": form,
            "may_enter": access.may(Capability.CREATE_VALUATION, unit.pk),
            "rows": [_moat_row(one) for one in rows.order_by("-pk")[:HISTORY]],
        },
        status=400 if form.errors else 200,
    )


def _moat_row(one: MoatInput) -> dict[str, Any]:
    definition = DEFINITIONS[one.indicator]
    value = definition.of_parts(one.above, one.below if one.below is not None else 1)
    return {
        "one": one,
        "label": definition.label,
        "value": wording.written(definition, value),
        "above": wording.part_written(definition, one.above, counters=definition.numerator),
        "below": ""
        if one.below is None
        else wording.part_written(definition, one.below, counters=definition.denominator),
    }


def _store_moat(access: Access, unit: Unit, given: Mapping[str, Any]) -> None:
    definition = DEFINITIONS[given["indicator"]]

    def integer(value: Decimal | None, counters: Any) -> int | None:
        if value is None or not counters:
            return None
        return round(value * 100 if any(one.endswith("_fen") for one in counters) else value)

    MoatInput.objects.create(
        tenant_id=access.tenant_id,
        unit=unit,
        indicator=definition.key,
        month=given["month"].replace(day=1),
        above=integer(given["above"], definition.numerator),
        below=integer(given["below"], definition.denominator),
        source=given["source"],
        reason=given["reason"],
        author=access.label[:80],
    )
