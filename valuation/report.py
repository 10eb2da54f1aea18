"""A unit's valuation as the JSON of ``manage.py value``: yuan with two decimals."""

from collections.abc import Mapping
from typing import Any

from valuation import figures
from valuation.bridge import BridgeAssumptions, value_bridge
from valuation.models import Valuation, ValuedUnit
from valuation.refusals import Refused
from valuation.seed_formula import SeedInputs, closed_form, variants

Given = Mapping[str, Any]


def yuan(fen: int) -> float:
    return fen / 100


def unit_report(valued: ValuedUnit, given: Given) -> dict[str, Any]:
    """The contract's keys for one unit; ``given`` overrides inputs of the closed form.

    Raises :class:`valuation.refusals.Refused` for an input out of range.
    """
    valuation: Valuation = valued.valuation
    inputs = figures.overridden(valued.seed_formula["inputs"], given)
    terms = bridge_terms(valuation)
    bars = figures.bridge_json(inputs, terms, valued.expected_fen)
    return {
        "as_of": valuation.as_of.isoformat(),
        "unit": valued.unit.code,
        "unit_name": valued.unit.name,
        "level": valued.unit.level,
        "customers": valued.customers,
        "currency": valuation.currency,
        "expected": yuan(valued.expected_fen),
        "p5": yuan(valued.p5_fen),
        "p50": yuan(valued.p50_fen),
        "p95": yuan(valued.p95_fen),
        "undiscounted": yuan(valued.undiscounted_fen),
        "monthly": _monthly(valued.monthly),
        "streams": {
            name: {
                "customers": one["customers"],
                "expected": yuan(one["expected_fen"]),
                "undiscounted": yuan(one["undiscounted_fen"]),
            }
            for name, one in valued.streams.items()
        },
        "uncertainty": [
            {
                "layer": layer["name"],
                "deviation": yuan(layer["deviation_fen"]),
                "share": layer["share"],
            }
            for layer in valued.uncertainty["layers"]
        ],
        "seed_formula": _seed(inputs, given, valued.seed_formula["sources"]),
        "bridge": [{"step": b["step"], "amount": yuan(b["amount_fen"])} for b in bars],
        "input_hash": valuation.input_hash,
        "model_version": valuation.model_version,
        "assumptions": {"version": valuation.assumptions.version, **valuation.assumptions.values},
        "confidence": valuation.confidence,
        "excluded": valuation.excluded,
        "warnings": valuation.notes["warnings"],
        "valuation": valuation.pk,
    }


def bridge_terms(valuation: Valuation) -> BridgeAssumptions:
    values = valuation.assumptions.values
    return BridgeAssumptions(
        values["service_cost_rate"],
        12.0 * valuation.notes["retention_cost_per_month"],
        values["tax_rate"],
    )


def _monthly(stored: Mapping[str, Any]) -> list[dict[str, Any]]:
    columns = (stored["visits"], stored["revenue_fen"], stored["margin_fen"], stored["cost_fen"])
    rows = zip(*columns, stored["present_value_fen"], strict=True)
    return [
        {
            "month": month,
            "visits": visits,
            "revenue": yuan(revenue),
            "margin": yuan(margin),
            "cost": yuan(cost),
            "present_value": yuan(present_value),
        }
        for month, (visits, revenue, margin, cost, present_value) in enumerate(rows, 1)
    ]


def _seed(inputs: SeedInputs, given: Given, sources: Mapping[str, str]) -> dict[str, Any]:
    told = {name: "given" for name, value in given.items() if value is not None}
    return {
        "value": round(closed_form(inputs), 2),
        "inputs": {name: getattr(inputs, name) for name in figures.SEED_FIELDS},
        "sources": dict(sources) | told,
        "variants": {name: round(value, 2) for name, value in variants(inputs).items()},
    }


ACCEPTABLE = {
    "customers": 0,
    "annual_spend": 0.0,
    "gross_margin": 0.0,
    "years": 1,
    "retention": 0.0,
    "discount_rate": 0.0,
}


def check_given(given: Given) -> None:
    """Refuse given inputs before anything is valued.

    Raises :class:`valuation.refusals.Refused` naming each one out of range.
    """
    figures.overridden(ACCEPTABLE, given)


def seed_report(given: Given) -> dict[str, Any]:
    """The closed form alone, from six given inputs: needs no group.

    Raises :class:`valuation.refusals.Refused` for an input out of range.
    """
    inputs = SeedInputs(**{name: given[name] for name in figures.SEED_FIELDS})
    return {
        "currency": "CNY",
        "seed_formula": _seed(inputs, given, {}),
        "bridge": [
            {"step": bar.step, "amount": yuan(bar.amount_fen)} for bar in value_bridge(inputs)
        ],
    }


def refusal_text(refused: Refused) -> str:
    """One line per refused input, named as the option that gave it."""
    return "\n".join(
        str(one).replace(one.field, f"--{one.field.replace('_', '-')}", 1)
        for one in refused.refusals
    )


def in_hundred_millions(amount: float) -> str:
    """8.564363亿 (856,436,3….…), as the source writes values."""
    return f"{amount / 1e8:.6f}亿 ({amount:,.2f})"
