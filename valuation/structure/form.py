"""The form of terms and stresses: percentages as people write them, the whole state in the address.

Field names are those of :class:`valuation.structure.terms.Terms` and of ``stress_of``, so that a
link reproduces the view.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from valuation.refusals import Refusal, Refused
from valuation.structure.deals import MAX_PERIODS
from valuation.structure.stresses import MAX_ATTRITION, MAX_DELAY
from valuation.structure.terms import MAX_COUPON, PROFILES, Terms, parse_terms, percentage

LABELS: dict[str, str | Promise] = {
    "horizon": gettext_lazy("Horizon, months"),
    "asset_rate": gettext_lazy("Rate that values the pool, %"),
    "a_share": gettext_lazy("A, % of the pool's value"),
    "a_coupon": gettext_lazy("A coupon, % a year"),
    "profile": gettext_lazy("A's schedule"),
    "months": gettext_lazy("Months of the schedule"),
    "b_share": gettext_lazy("B, % of the pool's value"),
    "b_coupon": gettext_lazy("B coupon, % a year"),
    "fee_pct": gettext_lazy("Fees, % of collections"),
    "fee_fixed": gettext_lazy("Fixed fees, yuan a month"),
    "reserve_initial": gettext_lazy("Reserve at closing, % of A"),
    "reserve_pct": gettext_lazy("Reserve target, % of A"),
    "oc": gettext_lazy("OC test, ratio (0: none)"),
    "oc_curable": gettext_lazy("A breach of the OC test can be cured"),
    "dscr": gettext_lazy("DSCR trigger, ratio (0: none)"),
    "dscr_after": gettext_lazy("… after months running"),
    "dscr_cure": gettext_lazy("… cured after months running (0: never)"),
    "plan": gettext_lazy("Trigger on collections against plan, ratio (0: none)"),
    "plan_after": gettext_lazy("… trips after months running"),
    "ioi": gettext_lazy("Interest on unpaid interest"),
    "support": gettext_lazy("Originator's support (shortfall payment)"),
    "support_cap": gettext_lazy("Cap of the support, % of A"),
    "revolving": gettext_lazy("Revolving period, months"),
    "eligible": gettext_lazy("Reinvested while it revolves, %"),
    "attrition": gettext_lazy("Attrition ×"),
    "margin": gettext_lazy("Margin haircut, %"),
    "volume": gettext_lazy("Volume haircut, %"),
    "delay": gettext_lazy("Delay, months"),
    "store_share": gettext_lazy("Lost with a store's closure, %"),
    "store_month": gettext_lazy("… from month (store)"),
    "brand_share": gettext_lazy("Lost with the brand's exit, %"),
    "brand_month": gettext_lazy("… from month (brand)"),
}
PROFILE_NAMES = {
    "sculpted": gettext_lazy("in step with the pool's value"),
    "level": gettext_lazy("equal amounts"),
    "balloon": gettext_lazy("half at the end"),
    "turbo": gettext_lazy("none: all that comes (turbo)"),
}
# Sliders: the questions that are asked in the meeting. All others stand in the form below.
SLIDERS: dict[str, tuple[float, float, float]] = {
    "a_share": (5, 90, 1),
    "b_share": (0, 40, 1),
    "a_coupon": (0, 12, 0.25),
    "attrition": (0, 5, 0.1),
    "margin": (0, 60, 1),
    "volume": (0, 60, 1),
    "delay": (0, 12, 1),
}
STRESSES: dict[str, float] = {
    "attrition": 1.0,
    "margin": 0.0,
    "volume": 0.0,
    "delay": 0,
    "store_share": 0.0,
    "store_month": 13,
    "brand_share": 0.0,
    "brand_month": 25,
}
# Lowest (but 0) and highest accepted fraction of each percentage. A coupon typed as 0.12 would be
# an eighth of a percent: it is refused as a fraction.
PERCENTAGES = {
    **dict.fromkeys(("asset_rate", "a_coupon", "b_coupon"), (0.005, MAX_COUPON)),
    **dict.fromkeys(("fee_pct", "reserve_initial", "reserve_pct"), (0.001, 1.0)),
    **dict.fromkeys(("a_share", "b_share", "eligible", "support_cap"), (0.01, 1.0)),
    **dict.fromkeys(("margin", "volume", "store_share", "brand_share"), (0.01, 1.0)),
}
WHOLE = {
    **dict.fromkeys(("horizon", "months", "store_month", "brand_month"), (1, MAX_PERIODS)),
    **dict.fromkeys(("dscr_after", "plan_after"), (1, 12)),
    "dscr_cure": (0, 12),
    "revolving": (0, MAX_PERIODS),
    "delay": (0, MAX_DELAY),
}
RATIOS = {"oc": 10.0, "dscr": 10.0, "plan": 1.0, "attrition": MAX_ATTRITION, "fee_fixed": 1e9}
SWITCHES = ("oc_curable", "ioi", "support")
TERM_NAMES = tuple(one.name for one in fields(Terms))


def said(refusal: Refusal) -> str:
    """A refusal in the reader's language, its field by the label of the form."""
    field = str(LABELS.get(refusal.field, refusal.field))
    return _(refusal.msgid) % {"field": field, **refusal.params}


class PercentageField(forms.FloatField):
    """A percentage in whole numbers; its clean value is a fraction."""

    def __init__(self, name: str, **options: Any) -> None:
        self.name, self.limits = name, PERCENTAGES[name]
        super().__init__(**options)

    def clean(self, value: Any) -> float | None:
        number = super().clean(value)
        if number is None:
            return None
        found = percentage(self.name, number, *self.limits)
        if isinstance(found, Refusal):
            raise forms.ValidationError(said(found))
        return found


def _widget(name: str, step: float) -> forms.Widget:
    if name in SLIDERS:
        low, high, slide = SLIDERS[name]
        return forms.NumberInput(
            attrs={"type": "range", "min": low, "max": high, "step": slide, "class": "slider"}
        )
    return forms.NumberInput(attrs={"step": step, "inputmode": "decimal"})


def _field(name: str) -> forms.Field:
    options: dict[str, Any] = {"label": LABELS[name], "required": False}
    if name in SWITCHES:
        return forms.BooleanField(**options)
    if name == "profile":
        choices = [(one, PROFILE_NAMES[one]) for one in PROFILES]
        return forms.ChoiceField(choices=choices, **options)
    if name in PERCENTAGES:
        return PercentageField(name, widget=_widget(name, 0.01), **options)
    if name in WHOLE:
        low, high = WHOLE[name]
        return forms.IntegerField(min_value=low, max_value=high, widget=_widget(name, 1), **options)
    return forms.FloatField(
        min_value=0.0, max_value=RATIOS[name], widget=_widget(name, 0.01), **options
    )


class StructureForm(forms.Form):
    """Terms and stresses of one view; ``terms`` and ``stresses`` are there once it is valid."""

    auto_id = "set_%s"

    def __init__(self, stored: Terms, asked: QueryDict) -> None:
        """``asked`` overrides what is stored; an empty one shows it as it is."""
        shown = shown_values(stored)
        given = {name: asked[name] for name in shown if name in asked}
        if "set" in asked:
            # A box that is not ticked is not sent: in a form that was sent, absence says no.
            given |= {name: asked.get(name, "") for name in SWITCHES}
        super().__init__({**shown, **given}, auto_id="set_%s")
        for name in (*TERM_NAMES, *STRESSES):
            self.fields[name] = _field(name)
        self.stored = stored
        self.refusals: tuple[Refusal, ...] = ()

    def clean(self) -> dict[str, Any]:
        values = {name: value for name, value in self.cleaned_data.items() if value is not None}
        self.stresses = STRESSES | {name: values[name] for name in STRESSES if name in values}
        if not self.errors:
            try:
                self.terms = parse_terms({n: values[n] for n in TERM_NAMES if n in values})
            except Refused as refused:
                self.refuse(refused)
        return self.cleaned_data

    def refuse(self, refused: Refused) -> None:
        """Put each refusal at its field, or at the form where it has none."""
        for one in refused.refusals:
            self.add_error(one.field if one.field in self.fields else None, said(one))

    @property
    def problems(self) -> list[str]:
        """Every error with the label of its field, for the place where the result would be."""
        found = []
        for name, errors in self.errors.items():
            label = str(LABELS.get(name, ""))
            texts = [str(error) for error in errors]
            found += [text if not label or label in text else f"{label}: {text}" for text in texts]
        return found


def shown_values(terms: Terms) -> dict[str, Any]:
    """What stands in the fields: fractions as percentages."""
    values: Mapping[str, Any] = {**vars(terms), **STRESSES}
    return {
        name: _plain(value * 100.0) if name in PERCENTAGES else _plain(value)
        for name, value in values.items()
    }


def _plain(value: Any) -> Any:
    """5.0 as 5, 4.500000001 as 4.5."""
    if isinstance(value, float):
        rounded = round(value, 6)
        return int(rounded) if rounded == int(rounded) else rounded
    return value
