"""The page of assumptions: every version with the source of each figure, and data confidence."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_safe

from customers.quality.rules import KIND_BY_CODE, PARTS
from organization.access import Capability
from organization.audit import actor_words
from organization.requests import SignedInRequest
from valuation.models import Assumptions, Valuation
from valuation.shown import access_of, newest_valuation
from web import formats

VERSIONS_SHOWN = 20
# Sources that the presets write down; a group's own are shown as they were written.
PRESET_SOURCES = (
    gettext_noop("after-sales asset course, worked example"),
    gettext_noop("assumption, not estimated"),
    gettext_noop("assumption of the preset, not measured"),
    gettext_noop("measured"),
)

Row = tuple[str, str, str]


@require_safe
def assumptions(request: SignedInRequest) -> HttpResponse:
    """All versions of the assumption set, the newest first."""
    access = access_of(request)
    versions = Assumptions.objects.visible_to(access).order_by("-version")[:VERSIONS_SHOWN]
    newest = newest_valuation(access)
    for one in versions:
        # The preset's reason is ours and translated; a group's own is shown as it was written.
        one.shown_reason = _(one.reason) if one.reason else ""
        one.shown_author = actor_words(one.author)
    context = {
        "versions": [(one, rows_of(one.values)) for one in versions],
        "may_change": access.may_everywhere(Capability.CREATE_VALUATION),
        "valuation": newest,
        "parts": confidence_rows(newest) if newest else [],
        "data_facts": data_facts(newest) if newest else [],
    }
    return render(request, "valuation/assumptions.html", context)


def confidence_rows(valuation: Valuation) -> list[tuple[str, str]]:
    """Each part of the confidence in the data that the valuation was made of."""
    stored = valuation.notes["parts"]
    return [(str(part.label), formats.percent(stored[part.code], 0)) for part in PARTS]


def data_facts(valuation: Valuation) -> list[tuple[str, str]]:
    """What stands beside the confidence without being a part of it."""
    notes = valuation.notes
    return [
        (_("Orders and books apart by"), formats.percent(notes["gap"])),
        (_("Store-months more than 2% apart"), formats.integer(notes["months_beyond"])),
        (_("Never supplied"), missing_kinds(valuation) or formats.NOT_KNOWN),
        (_("Customers under a converged model"), formats.percent(notes["converged_share"], 0)),
    ]


def missing_kinds(valuation: Valuation) -> str:
    """Names of the kinds of data that the group has never supplied; empty if none."""
    names = [str(KIND_BY_CODE[code].label) for code in valuation.notes["missing"]]
    return ("、" if formats.in_chinese() else ", ").join(names)


def confidence_text(valuation: Valuation) -> str:
    """The score as the data-quality page writes it: points of 100."""
    return f"{formats.decimal(valuation.confidence, 1)} / 100"


def rows_of(values: dict[str, Any]) -> list[Row]:
    """Name, figure and source of every assumption."""
    rate = values["discount"]
    variation = formats.decimal(values["spend_variation"], 2)
    return [
        _rate_part(_("Risk-free rate"), rate["risk_free"]),
        _rate_part(_("Risk premium"), rate["premium"]),
        (_("Cost of capital (WACC)"), formats.percent(rate["wacc"]), _("for comparison only")),
        *_costs(values),
        *_divisions(values),
        *_shocks(values["shocks"], _(values["shocks_source"])),
        (_("Variation of the margin of a visit"), variation, _("assumption, not estimated")),
    ]


def _divisions(values: dict[str, Any]) -> list[Row]:
    """Premiums of divisions, the authorisation, and what stops an approval, where declared."""
    rows = []
    for code, part in values["discount"].get("premiums", {}).items():
        source = f"{part['source']} · {part['dated']} · {part['reason']}"
        label = _("Premium of %(division)s") % {"division": code}
        rows.append((label, formats.percent(part["rate"], 2), source))
    if authorisation := values.get("authorisation"):
        probability = formats.percent(authorisation["renewal_probability"], 0)
        rows.append((_("Renewal of the authorisation"), probability, _(authorisation["source"])))
    if approval := values.get("approval"):
        lowest = formats.decimal(approval["lowest_confidence"], 0)
        rows.append((_("Data confidence"), lowest, _("Stops the approval below")))
    return rows


def _rate_part(label: str, part: dict[str, Any]) -> Row:
    source = f"{_(part['source'])} · {part['dated']}"
    return label, formats.percent(part["rate"], 2), source


def _costs(values: dict[str, Any]) -> list[Row]:
    upkeep = values["retention_cost_per_month"]
    measured = _("measured: retention marketing of 12 months ÷ months of customers alive")
    service = formats.percent(values["service_cost_rate"])
    return [
        (_("Variable service cost, share of margin"), service, _(values["service_cost_source"])),
        (
            _("Retention cost per customer and month"),
            formats.NOT_KNOWN if upkeep is None else formats.decimal(upkeep, 2),
            measured if upkeep is None else values["retention_cost_source"],
        ),
        (
            _("Tax"),
            formats.percent(values["tax_rate"], 0),
            "" if values["tax_rate"] else _("pre-tax view"),
        ),
    ]


def _shocks(shocks: dict[str, float], source: str) -> list[Row]:
    labels = {
        "attrition": _("Volatility of attrition"),
        "margin": _("Volatility of margin"),
        "volume": _("Volatility of volume"),
        "store_correlation": _("Correlation between stores"),
    }
    return [(label, formats.percent(shocks[name], 0), source) for name, label in labels.items()]
