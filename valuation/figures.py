"""A unit's figures out of counters and flows: ratios, the group's own seed inputs, peers.

Counters are integers that add up over stores; every ratio is made of a unit's own sums, here and
nowhere else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuation.bridge import BridgeAssumptions, value_bridge
from valuation.indicators import formulas as indicators
from valuation.seed_formula import SeedInputs, closed_form

Counters = Mapping[str, int]
SEED_FIELDS = (
    *("customers", "annual_spend", "gross_margin", "years", "retention", "discount_rate"),
)


def ratios(counters: Counters) -> dict[str, float | None]:
    """Ratios of the last year and of the year before it (``…_before``); None where undefined."""
    found: dict[str, float | None] = {}
    for suffix in ("", "_before"):
        money = suffix + "_fen"
        c = counters
        cac = indicators.acquisition_cost(c["cac_spend" + money], c["new" + suffix])
        answers = c["answers" + suffix]
        promoters, detractors = c["promoters" + suffix], c["detractors" + suffix]
        found |= {
            "retention" + suffix: indicators.retention(
                c["opening" + suffix], c["retained" + suffix]
            ),
            "return_rate" + suffix: indicators.return_rate(
                c["returned" + suffix], c["base" + suffix]
            ),
            "ndr" + suffix: indicators.net_revenue_retention(
                c["ndr_opening" + money], c["ndr_now" + money]
            ),
            "renewal_rate" + suffix: indicators.renewal_rate(
                c["renewed" + suffix], c["expired" + suffix]
            ),
            "absorption" + suffix: indicators.absorption(
                c["profit" + money], c["fixed_cost" + money]
            ),
            "cac_fen" + suffix: cac,
            "nps" + suffix: 100.0 * (promoters - detractors) / answers if answers else None,
            "new_share" + suffix: indicators.new_customer_share(
                c["new" + suffix], c["active" + suffix]
            ),
        }
    spent, new = counters["cac_spend_fen"], counters["new"]
    ltv = indicators.ratio(counters["new_value_fen"], new)
    found["new_ltv_fen"] = ltv
    found["ltv_cac"] = (
        indicators.ltv_to_cac(ltv, spent / new) if ltv is not None and spent else None
    )
    found["value_per_customer_fen"] = indicators.ratio(counters["value_fen"], counters["customers"])
    return found


@dataclass(frozen=True)
class SeedMeasured:
    """The six inputs of the closed form from a unit's own data, and where each one is from."""

    inputs: SeedInputs
    sources: dict[str, str]


def measured_seed(
    counters: Counters, years: int, discount_rate: float, fallback: "SeedMeasured | None" = None
) -> SeedMeasured:
    """Inputs of a unit; what it cannot measure is its group's (``fallback``), else 0.

    customers: those who bought or visited in the last 24 months; annual spend: what payers outside
    the group paid for them in the last 12, net of VAT, each; gross margin: of the same work;
    retention: customers of the 12 months before who came again. The inputs are rounded before the
    formula uses them, so that what is shown recomputes.
    """
    population = counters["population"]
    revenue = counters["population_revenue_fen"]
    spend = indicators.ratio(revenue / 100.0, population)
    margin = indicators.ratio(counters["population_margin_fen"], revenue)
    kept = indicators.retention(counters["opening"], counters["retained"])
    sources = {"customers": "own", "years": "horizon", "discount_rate": "assumptions"}

    def own_or(name: str, value: float | None, digits: int, low: float, high: float) -> float:
        if value is not None and low <= value <= high:
            sources[name] = "own"
            return round(value, digits)
        sources[name] = "none" if fallback is None else "group"
        return 0.0 if fallback is None else float(getattr(fallback.inputs, name))

    inputs = SeedInputs(
        customers=population,
        annual_spend=own_or("annual_spend", spend, 2, 0.0, 1e7),
        gross_margin=own_or("gross_margin", margin, 6, 0.0, 0.999999),
        years=years,
        retention=own_or("retention", kept, 6, 0.0, 1.0),
        discount_rate=discount_rate,
    )
    return SeedMeasured(inputs, sources)


def seed_json(measured: SeedMeasured) -> dict[str, Any]:
    return {
        "value": round(closed_form(measured.inputs), 2),
        "inputs": {name: getattr(measured.inputs, name) for name in SEED_FIELDS},
        "sources": measured.sources,
    }


def overridden(inputs: Mapping[str, Any], given: Mapping[str, Any]) -> SeedInputs:
    """Inputs with those of ``given`` that are not None in their place.

    Raises :class:`valuation.refusals.Refused` for rates that are no fractions.
    """
    merged = dict(inputs) | {name: value for name, value in given.items() if value is not None}
    return SeedInputs(**{name: merged[name] for name in SEED_FIELDS})


def bridge_json(
    inputs: SeedInputs, terms: BridgeAssumptions, expected_fen: int | None
) -> list[dict[str, Any]]:
    """``step, amount_fen, level_fen`` per bar; amounts sum to ``expected_fen``."""
    bars = value_bridge(inputs, terms, model_value_fen=expected_fen)
    return [
        {"step": bar.step, "amount_fen": bar.amount_fen, "level_fen": bar.level_fen} for bar in bars
    ]


def quantile(own: float | None, peers: Sequence[float | None]) -> float | None:
    """Share of the other peers that ``own`` is better than, ties counting half; None below 3.

    ``peers`` includes the unit itself once.
    """
    known = [one for one in peers if one is not None]
    if own is None or len(known) < 3:
        return None
    below = sum(one < own for one in known)
    equal = sum(one == own for one in known) - 1
    return (below + 0.5 * equal) / (len(known) - 1)


def adjusted_retention(
    opening: NDArray[np.int64], retained: NDArray[np.int64]
) -> list[float | None]:
    """Retention of peers made comparable: actual ÷ expected at the peers' common class rates.

    ``opening``, ``retained``: (P, C) customers by peer and class (age of the customer's car):
    indirect standardisation, as for mortality of regions of unlike age.
    """
    total = opening.sum(axis=0)
    rates = np.divide(retained.sum(axis=0), total, out=np.zeros(len(total)), where=total > 0)
    expected = opening @ rates
    return [
        float(kept / due) if due > 0 else None
        for kept, due in zip(retained.sum(axis=1), expected, strict=True)
    ]
