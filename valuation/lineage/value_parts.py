"""Figures that a value is made of: ends of its band, streams, payers, kinds of work, bridge bars.

Each has an address like every other figure; :mod:`valuation.lineage.parts_evidence` lists what it
recomputes from.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from valuation.bridge import LABELS
from valuation.indicators.definition import Definition, Evidence
from valuation.mix import KINDS, PAYERS
from valuation.models import ValuedUnit
from valuation.roll_forward import STEPS
from web.shell import Text

AS_OF = _("at the as-of date")
SINCE = _("since the former valuation")

STREAMS: dict[str, tuple[Text, Text]] = {
    "regular": (
        _("Regular work"),
        _("Σ over people of value less accident value"),
    ),
    "accident": (
        _("Accident work"),
        _(
            "Σ over people of discounted months alive × accident margin a month"
            " × (1 − service cost)"
        ),
    ),
    "organisations": (
        _("Fleets and companies"),
        _("Σ over fleets and companies of value"),
    ),
}
DRAWN: dict[str, tuple[Text, float]] = {
    "p5": (_("P5 of the value"), 0.05),
    "p50": (_("P50 of the value"), 0.50),
    "p95": (_("P95 of the value"), 0.95),
}
BARS: dict[str, Text] = {
    "closed_form_undiscounted": _("customers × annual spend × margin × years × retention"),
    "average_discount_factor": _("the same × (mean of (1 + d)^−t over the years − 1)"),
    "flat_retention_to_survival": _(
        "Σ over years of survival^t × factor of t, less the flat retention"
    ),
    "annual_to_monthly": _("the same sum over months, less that over years"),
    "service_and_retention_cost": _(
        "− service cost × margin − retention cost a year ÷ 12 × discounted months alive"
    ),
    "tax": _("− tax rate × what is left, if positive"),
    "individual_curves": _("sum of the customers' own values, less one average customer times all"),
}
CHANGES: dict[str, Text] = {
    "opening": _("value of the former valuation"),
    "unwinding": _("opening × ((1 + d)^t − 1) at the former rate"),
    "cash_realised": _("− revenue since of the customers valued then × margin rate, less cost"),
    "experience_variance": _("cash realised less the cash that was expected"),
    "customers_out": _("− former value, rolled forward, of those no longer in the unit"),
    "customers_in": _("value of those who were not in the unit before"),
    "retention": _("months alive against those expected: what is left of the change"),
    "frequency": _("visits by month alive, newer less former, × former margin"),
    "margin": _("newer visits × (newer less former margin a visit)"),
    "costs": _("− change of service cost × margin − change of retention cost × months"),
    "horizon": _("newer flows of the months that the former valuation did not reach"),
    "discount_rate": _("newer flows × (newer less former discount factors)"),
    "model_change": _("newer value × (1 − value by former ÷ by newer parameters), on a sample"),
    "data_corrections": _("former value × (restated ÷ stored records of the same months − 1)"),
    "closing": _("value of this valuation"),
}


def _part(
    key: str, label: Text, formula: Text, evidence: Evidence, window: Text = AS_OF
) -> Definition:
    return Definition(
        key=key,
        dimension="customer",
        label=label,
        formula=formula,
        kind="money",
        shape="sum",
        evidence=evidence,
        numerator={f"{key}_fen": 1},
        denominator={},
        window=window,
        better="none",
    )


def _of(whole: Text, part: Text) -> Text:
    """A part says what it is a part of: "Insurer" alone would be no name of a figure."""
    return format_lazy("{whole}: {part}", whole=whole, part=part)


_QUANTILE = _("quantile of the value plus the three layers of uncertainty, drawn with a seed")
_SHARES = _(
    "Σ over months of the flow × share of the last three years' work, accident work by its own"
)
PARTS: dict[str, Definition] = {
    one.key: one
    for one in (
        *(_part(key, label, _QUANTILE, "drawn") for key, (label, _share) in DRAWN.items()),
        *(
            _part(f"stream_{key}", _of(_("Stream"), label), formula, "streams")
            for key, (label, formula) in STREAMS.items()
        ),
        *(
            _part(f"payer_{key}", _of(_("Who pays"), _(label)), _SHARES, "mix")
            for key, label in PAYERS.items()
        ),
        *(
            _part(f"kind_{key}", _of(_("Kind of work"), _(label)), _SHARES, "mix")
            for key, label in KINDS.items()
        ),
        *(
            _part(f"bridge_{key}", _of(_("Bridge"), _(label)), BARS[key], "bridge")
            for key, label in LABELS.items()
        ),
    )
}
STEP_FIGURES: dict[str, Definition] = {
    f"change_{key}": _part(
        f"change_{key}", _of(_("Why it changed"), _(label)), CHANGES[key], "change", SINCE
    )
    for key, label in STEPS.items()
}


def part_counters(row: ValuedUnit) -> dict[str, int]:
    """What a valuation's unit holds of :data:`PARTS`, under the names that definitions use."""
    found = {f"{key}_fen": int(getattr(row, f"{key}_fen")) for key in DRAWN}
    found |= {
        f"stream_{key}_fen": int(row.streams[key]["expected_fen"])
        for key in STREAMS
        if key in row.streams
    }
    mix: Mapping[str, Any] = row.mix
    for dimension, names in (("payer", PAYERS), ("kind", KINDS)):
        for name in names:
            cell = mix.get(dimension, {}).get(name)
            if cell is not None:
                found[f"{dimension}_{name}_fen"] = int(cell["value_fen"])
    found |= {f"bridge_{bar['step']}_fen": int(bar["amount_fen"]) for bar in row.bridge}
    return found
