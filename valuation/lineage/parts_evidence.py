"""What the parts of a value recompute from: layers, customers, months, inputs, steps."""

import math
from typing import Any

import numpy as np
import pandas as pd
from django.db import connection
from django.utils.translation import gettext as _
from scipy.stats import norm

from ml.extraction import visit_days
from organization.access import current_access
from valuation.assumptions import terms_of
from valuation.bridge import LABELS, BridgeAssumptions, value_bridge
from valuation.figures import SEED_FIELDS
from valuation.indicators import reading as records
from valuation.indicators.definition import Definition
from valuation.lineage.anchors import Anchor, former_of
from valuation.lineage.listing import Evidence, Listing
from valuation.lineage.value_parts import DRAWN
from valuation.mix import SMALLEST, YEARS
from valuation.models import ValuedUnit
from valuation.roll_forward import STEPS, roll_forward
from valuation.rounding import to_fen
from valuation.seed_formula import SeedInputs
from valuation.uncertainty import LAYERS
from valuation.units import Tree
from web import formats
from web.shell import Text

# Of a drawn quantile that is taken to agree with the one that its layers imply.
STANDARD_ERRORS = 3.5

SCALARS = """
select p.customer_id, c.segment = 'organisation', c.value_fen, c.scalars[2], c.scalars[6]
from valuation_valuedcustomer c join valuation_pseudonym p on p.pseudonym = c.pseudonym
where c.valuation_id = %(valuation)s and c.store_id = %(store)s order by 1
"""


def _valued(anchor: Anchor) -> ValuedUnit:
    found: ValuedUnit = ValuedUnit.objects.get(valuation=anchor.valuation, unit=anchor.unit)
    return found


def implied_quantile(valued: ValuedUnit, share: float) -> tuple[float, float]:
    """The quantile in fen that the stored layers imply (their sum is normal), and the standard
    error of one drawn as often as the band was."""
    drawn = valued.uncertainty
    deviation = math.sqrt(sum(one["deviation_fen"] ** 2 for one in drawn["layers"]))
    z = float(norm.ppf(share))
    density = float(norm.pdf(z))
    error = deviation * math.sqrt(share * (1.0 - share) / drawn["draws"]) / density
    return valued.expected_fen + z * deviation, error


def drawn(definition: Definition, anchor: Anchor) -> Evidence:
    """The three layers; the quantile of their sum, within the error of drawing."""
    valued = _valued(anchor)
    _label, share = DRAWN[definition.key]
    rows = [
        {
            "label": _(LAYERS[one["name"]]),
            "deviation_fen": one["deviation_fen"],
            "share": one["share"],
            "above": one["p5_fen"] if share < 0.5 else one["p95_fen"],
            "below": 0,
        }
        for one in valued.uncertainty["layers"]
    ]
    figure, error = implied_quantile(valued, share)
    return Evidence(
        [Listing("layers", pd.DataFrame(rows))],
        lambda _parts: figure,
        within=STANDARD_ERRORS * error + 1.0,
    )


def streams(definition: Definition, anchor: Anchor) -> Evidence:
    """The customers of a store with what each adds to the stream."""
    current_access()
    with connection.cursor() as cursor:
        cursor.execute(SCALARS, {"valuation": anchor.valuation.pk, "store": anchor.unit.pk})
        table = pd.DataFrame(
            cursor.fetchall(), columns=["customer", "organisation", "value_fen", "months", "margin"]
        )
    service = terms_of(anchor.valuation.assumptions.values).service_cost_rate
    company = table["organisation"].to_numpy(dtype=bool)
    value = table["value_fen"].to_numpy(dtype=np.int64)
    months, margin = (table[name].to_numpy(dtype=float) for name in ("months", "margin"))
    accident = np.asarray(to_fen(months * margin * (1.0 - service)), dtype=np.int64)
    above = {
        "stream_regular": (value - accident) * ~company,
        "stream_accident": accident * ~company,
        "stream_organisations": value * company,
    }[definition.key]
    table["above"], table["below"] = above, 0
    counts = above != 0
    frame = table.loc[counts, ["customer", "value_fen", "above", "below"]]
    excluded: dict[Text, int] = {_("customers of the other streams"): int((~counts).sum())}
    frame = frame.sort_values(["above", "customer"], ascending=[False, True])
    return Evidence([Listing("valued", frame, excluded)])


def mix(definition: Definition, anchor: Anchor) -> Evidence:
    """The flow by month as it was split, and the visit days whose shares split it."""
    valued = _valued(anchor)
    dimension, _underscore, name = definition.key.partition("_")
    line = valued.mix[dimension][name]["present_value_fen"]
    months = pd.DataFrame(
        {
            "month": [str(number) for number in range(1, len(line) + 1)],
            "whole": valued.monthly["present_value_fen"],
            "above": line,
            "below": 0,
        }
    )
    days = _share_days(anchor, dimension, name)
    return Evidence([Listing("flows", months), Listing("shares", days)])


def _share_days(anchor: Anchor, dimension: str, name: str) -> pd.DataFrame:
    """Visit days of the home customers in the last years, with what they paid of the part."""
    as_of = anchor.valuation.as_of
    ids, _store, _value = records.valued_customers(anchor.valuation.pk, [anchor.unit.pk])
    if not len(ids):
        return pd.DataFrame(columns=["customer", "day", "part_fen", "whole_fen", "above", "below"])
    visits, _factors = visit_days(as_of, customers=ids.tolist())
    visits = visits[visits["day"] >= pd.Timestamp(as_of) - pd.DateOffset(years=YEARS)]
    whole = visits["revenue"] if dimension == "payer" else visits["margin"]
    part = visits[f"revenue_{name}"] if dimension == "payer" else whole * _is_kind(visits, name)
    frame = pd.DataFrame(
        {
            "customer": visits["customer"],
            "day": visits["day"].dt.date,
            "part_fen": np.rint(part.to_numpy(float) * 100).astype(np.int64),
            "whole_fen": np.rint(whole.to_numpy(float) * 100).astype(np.int64),
            "above": 0,
            "below": 0,
        }
    )
    return frame.sort_values(["day", "customer"], ascending=[False, True])


def _is_kind(visits: pd.DataFrame, name: str) -> Any:
    """The kind of work that a day counts to: accident first, then the first named."""
    accident = visits["accident_revenue"].to_numpy() > 0
    marks = [
        accident,
        *(visits[kind].to_numpy() > 0 for kind in ("warranty_work", "repair", "maintenance")),
    ]
    kinds = ["accident", "warranty", "repair", "maintenance"]
    return np.select(marks, kinds, default="other") == name


def share_facts(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """The share of those days, and whether the store's own was used."""
    whole = int(frame["whole_fen"].sum()) if len(frame) else 0
    share = int(frame["part_fen"].sum()) / whole if whole else None
    facts = [
        (_("Visit days of three years"), formats.integer(len(frame))),
        (_("Share of their amount"), formats.percent(share)),
    ]
    if len(frame) < SMALLEST:
        facts.append((_("Fewer than 30 days"), _("the group's shares were used")))
    return facts


def bridge(definition: Definition, anchor: Anchor) -> Evidence:
    """The inputs of the closed form; the bar from them alone."""
    valued = _valued(anchor)
    stored = valued.seed_formula
    inputs = SeedInputs(**{name: stored["inputs"][name] for name in SEED_FIELDS})
    terms = terms_of(anchor.valuation.assumptions.values)
    yearly = 12.0 * float(anchor.valuation.notes["retention_cost_per_month"])
    bars = value_bridge(
        inputs,
        BridgeAssumptions(terms.service_cost_rate, yearly, terms.tax_rate),
        model_value_fen=valued.expected_fen,
    )
    step = definition.key.removeprefix("bridge_")
    amount = {bar.step: bar.amount_fen for bar in bars}[step]
    sources = stored.get("sources", {})
    given = [
        *((name, getattr(inputs, name), sources.get(name, "")) for name in SEED_FIELDS),
        ("service_cost_rate", terms.service_cost_rate, "assumptions"),
        ("retention_cost_per_year", round(yearly, 4), "assumptions"),
        ("tax_rate", terms.tax_rate, "assumptions"),
    ]
    frame = pd.DataFrame(
        [
            {"label": name, "value": f"{value:,g}", "source": source, "above": 0, "below": 0}
            for name, value, source in given
        ]
    )
    levels = pd.DataFrame(
        [
            {
                "label": _(LABELS[bar.step]),
                "level_fen": bar.level_fen,
                "above": bar.amount_fen,
                "below": 0,
            }
            for bar in bars
        ]
    )
    return Evidence(
        [Listing("bars", levels), Listing("given", frame)], lambda _parts: float(amount)
    )


def change(definition: Definition, anchor: Anchor) -> Evidence:
    """Every step between the two valuations, worked out anew."""
    former = former_of(anchor.valuation, anchor.unit.pk)
    if former is None:
        return Evidence([], lambda _parts: None)
    stores = [one.id for one in Tree.read().stores if anchor.unit.pk in one.path]
    steps = roll_forward(former, anchor.valuation, anchor.unit.pk, stores)
    amounts = {one.step: one.amount_fen for one in steps}
    frame = pd.DataFrame(
        [
            {"label": _(STEPS[step]), "above": amount, "below": 0}
            for step, amount in amounts.items()
            if step != "closing"
        ]
    )
    wanted = amounts[definition.key.removeprefix("change_")]
    return Evidence([Listing("steps", frame)], lambda _parts: float(wanted))


PARTS_EVIDENCE = {
    "drawn": drawn,
    "streams": streams,
    "mix": mix,
    "bridge": bridge,
    "change": change,
}
# Of these a unit above the store has the same evidence, not the sum of its parts.
OF_ANY_LEVEL = ("drawn", "bridge", "change")
