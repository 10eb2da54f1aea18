"""Pages of the calculators: an index, and one page each with its state in the address."""

from typing import Any

from django import forms
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from organization.requests import SignedInRequest
from valuation.calculators.decision_pages import DECISIONS
from valuation.calculators.market_pages import MARKET
from valuation.calculators.question import Ask, Calculator
from valuation.refusals import Refusal, Refused
from valuation.shown import access_of
from valuation.structure.terms import percentage

CALCULATORS = {one.slug: one for one in (*DECISIONS, *MARKET)}
MOST_CHARACTERS = 2000
# Below 1% no input of a calculator has a meaning: it is a fraction typed as such.
LOWEST = 0.01


class _Percent(forms.FloatField):
    """Typed as a whole number, a fraction in the formula."""

    def __init__(self, ask: Ask, **options: Any) -> None:
        self.ask = ask
        super().__init__(**options)

    def clean(self, value: Any) -> float:
        found = percentage(str(self.ask.label), super().clean(value), LOWEST, self.ask.high)
        if isinstance(found, Refusal):
            raise forms.ValidationError(_(found.msgid) % {"field": found.field, **found.params})
        return found


def field_of(ask: Ask) -> forms.Field:
    options: dict[str, Any] = {"label": ask.label, "help_text": ask.help}
    number = forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"})
    if ask.kind == "choice":
        return forms.ChoiceField(choices=ask.choices, **options)
    if ask.kind == "lines":
        area = forms.Textarea(attrs={"rows": 4})
        return forms.CharField(widget=area, max_length=MOST_CHARACTERS, **options)
    if ask.kind == "percent":
        return _Percent(ask, widget=number, **options)
    if ask.kind == "count":
        options |= {"min_value": int(ask.low), "max_value": int(ask.high)}
        return forms.IntegerField(widget=number, **options)
    options |= {"min_value": ask.low, "max_value": ask.high}
    return forms.FloatField(widget=number, **options)


class CalculatorForm(forms.Form):
    """The fields of a calculator, with the source's case where nothing is asked."""

    def __init__(self, calculator: Calculator, asked: QueryDict) -> None:
        names = {ask.name for ask in calculator.asks}
        given = {name: asked[name] for name in names if name in asked}
        super().__init__({ask.name: ask.preset for ask in calculator.asks} | given)
        for ask in calculator.asks:
            self.fields[ask.name] = field_of(ask)
        self.calculator = calculator

    def refuse(self, refused: Refused) -> None:
        """Put each refusal at its field, or above the form where it names none."""
        for one in refused.refusals:
            known = self.fields.get(one.field)
            label = str(known.label) if known is not None else one.field
            text = _(one.msgid) % {"field": label, **one.params}
            self.add_error(one.field if known is not None else None, text)


@require_safe
def calculators(request: SignedInRequest) -> HttpResponse:
    """All calculators with what each answers."""
    access_of(request)
    return render(
        request, "valuation/calculators/index.html", {"calculators": CALCULATORS.values()}
    )


@require_safe
def calculator(request: SignedInRequest, slug: str) -> HttpResponse:
    """One calculator; what is refused is said at its field."""
    access_of(request)
    found = CALCULATORS.get(slug)
    if found is None:
        raise Http404(_("There is no such calculator."))
    form = CalculatorForm(found, request.GET)
    answer = None
    if form.is_valid():
        try:
            answer = found.answer(form.cleaned_data)
        except Refused as refused:
            form.refuse(refused)
    context = {
        "calculator": found,
        "form": form,
        "answer": answer,
        "crumbs": [(_("Calculators"), reverse("calculators"))],
    }
    status = 400 if form.errors else 200
    return render(request, "valuation/calculators/calculator.html", context, status=status)
