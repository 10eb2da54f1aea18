"""The form of pool rules; state lives in the address, so a link reproduces the pool."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.tags import RULES as TAG_RULES
from organization.models import Unit
from valuation.pools.rules import GRADES, LIMIT_LABELS, MAX_MONTHS, RISKS, RULES
from valuation.refusals import Refusal

LABELS: dict[str, Any] = {rule.name: rule.label for rule in RULES} | LIMIT_LABELS
KINDS = {"person": gettext_lazy("Person"), "organisation": gettext_lazy("Organisation")}
WARRANTIES = {"in": gettext_lazy("In warranty"), "out": gettext_lazy("Out of warranty")}
RISK_LABELS = {
    "low": gettext_lazy("Low"),
    "medium": gettext_lazy("Medium"),
    "high": gettext_lazy("High"),
}
FIELD_LABELS = {
    "months": gettext_lazy("Months of flows"),
    "name": gettext_lazy("Name of the pool"),
    "rules": gettext_lazy("Rules"),
    "valuation": gettext_lazy("Valuation"),
}


def label_of(name: str) -> str:
    """The field's name on the page, for refusals."""
    if name in LABELS:
        return _(LABELS[name])
    return str(FIELD_LABELS.get(name, name))


def in_words(refusal: Refusal) -> str:
    """A refusal in the reader's language."""
    return _(refusal.msgid) % {"field": label_of(refusal.field), **refusal.params}


class PoolForm(forms.Form):
    """All fields are optional and checked by :func:`valuation.pools.rules.read_rules` alone."""

    def __init__(self, units: Iterable[Unit], brands: list[str], *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        self.fields["unit"] = _choice(_("Unit"), [(one.code, one.name) for one in units])
        self.fields["kind"] = _choice(label_of("kind"), KINDS.items(), every=True)
        self.fields["warranty"] = _choice(label_of("warranty"), WARRANTIES.items(), every=True)
        self.fields["brand"] = _choice(label_of("brand"), [(b, b) for b in brands], every=True)
        tags = [(tag.code, tag.label) for tag in TAG_RULES]
        self.fields["tag"] = _choice(label_of("tag"), tags, every=True)
        for name, low, high, step in (
            ("visits_min", 0, 1000, "1"),
            ("recency_days_max", 1, 3660, "1"),
            ("vehicle_months_max", 1, 600, "1"),
            ("p_alive_min", 0, 100, "any"),
            *((name, 1, 100, "any") for name in LIMIT_LABELS),
            ("months", 1, MAX_MONTHS, "1"),
        ):
            attrs = {"type": "number", "min": low, "max": high, "step": step}
            self.fields[name] = forms.CharField(
                label=label_of(name), required=False, widget=forms.TextInput(attrs=attrs)
            )
        for name, choices in (
            ("grade", [(one, one) for one in GRADES]),
            ("risk", [(one, RISK_LABELS[one]) for one in RISKS]),
        ):
            self.fields[name] = forms.MultipleChoiceField(
                label=label_of(name),
                required=False,
                choices=choices,
                widget=forms.CheckboxSelectMultiple,
            )
        self.fields["consent"] = forms.BooleanField(label=label_of("consent"), required=False)

    def refuse(self, refusals: Iterable[Refusal]) -> None:
        """Put each refusal beside its field."""
        self.is_valid()
        for one in refusals:
            self.add_error(one.field if one.field in self.fields else None, in_words(one))


def _choice(label: str, choices: Any, *, every: bool = False) -> forms.ChoiceField:
    listed = [("", _("All")), *choices] if every else list(choices)
    return forms.ChoiceField(label=label, required=False, choices=listed)
