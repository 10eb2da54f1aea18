"""Valuing by multiples: growth table, P/S regression, comparables, market phase.

The regression is the source course's and contradicts its own growth table by a factor of 4 to 6;
it is shown with its residuals or not at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from valuation.bands import Band, Scale
from valuation.refusals import Refusal, Refused, gettext_noop, refuse_any, within

WHOLE_PERCENT = gettext_noop(
    "%(field)s is a percentage in whole numbers here: write 30 for 30%%, not %(value)s."
)
TOO_FEW = gettext_noop("Only %(value)s comparables: three to five make a comparison.")
MIN_COMPARABLES, MAX_COMPARABLES = 3, 5

INTERCEPT = 0.5
COEFFICIENTS = {"growth": 0.08, "gross_margin": 0.15, "roic": 0.05, "nps": 0.02}

# Multiple of sales by growth. 10-15% and 25-30% have none in the source: they stay gaps.
GROWTH_TABLE = Scale(
    "growth_multiple",
    (
        Band("fast", "good", 0.30),
        Band("steady", "good", 0.15, 0.25, high_inclusive=True),
        Band("slow", "fair", 0.05, 0.10, high_inclusive=True),
        Band("stagnant", "improve", high=0.05),
    ),
)
GROWTH_MULTIPLES = {
    "fast": (2.0, 3.0),
    "steady": (1.0, 2.0),
    "slow": (0.5, 1.0),
    "stagnant": (0.0, 0.5),
}
MARKET_PHASES = {"bull": (1.3, 1.5), "balanced": (0.9, 1.1), "bear": (0.7, 0.9)}


def growth_multiples(cagr: float) -> tuple[float, float] | None:
    """The source's range of P/S for a growth rate; ``None`` in its gaps."""
    band = GROWTH_TABLE.find(cagr)
    return None if band is None else GROWTH_MULTIPLES[band.name]


def regression_terms(
    *, growth: float, gross_margin: float, roic: float, nps: float
) -> dict[str, float]:
    """Terms of P/S = 0.5 + 0.08 growth + 0.15 gross margin + 0.05 ROIC + 0.02 NPS.

    Percentages are whole numbers (30 for 30%). Raises :class:`valuation.refusals.Refused` for
    what looks like fractions: a gross margin of 1 or less, others strictly between -1 and 1.
    """
    given = {"growth": growth, "gross_margin": gross_margin, "roic": roic, "nps": nps}
    ranges = {
        "growth": (-100.0, 1000.0),
        "gross_margin": (-100.0, 100.0),
        "roic": (-1000.0, 1000.0),
        "nps": (-100.0, 100.0),
    }
    refuse_any([within(name, value, *ranges[name]) for name, value in given.items()])
    fractions = [name for name, value in given.items() if 0 < abs(value) < 1]
    if 0 < gross_margin <= 1 and "gross_margin" not in fractions:
        fractions.append("gross_margin")
    if fractions:
        raise Refused(Refusal(name, WHOLE_PERCENT, {"value": given[name]}) for name in fractions)
    return {"intercept": INTERCEPT} | {
        name: COEFFICIENTS[name] * value for name, value in given.items()
    }


def regression_multiple(*, growth: float, gross_margin: float, roic: float, nps: float) -> float:
    """P/S by the regression; see :func:`regression_terms` for units and refusals."""
    terms = regression_terms(growth=growth, gross_margin=gross_margin, roic=roic, nps=nps)
    return float(sum(terms.values()))


def regression_residual(multiple: float, figures: Mapping[str, float]) -> float:
    """The multiple that was paid less the regression's, to stand beside any use of it."""
    return multiple - regression_multiple(**figures)


@dataclass(frozen=True)
class MultipleRange:
    """Multiples of comparable companies: their mean, median and range."""

    mean: float
    median: float
    low: float
    high: float
    count: int

    def warnings(self) -> tuple[Refusal, ...]:
        if self.count >= MIN_COMPARABLES:
            return ()
        return (Refusal("comparables", TOO_FEW, {"value": self.count}),)


def comparable_range(multiples: Sequence[float]) -> MultipleRange:
    """Raises ``ValueError`` where there is none or one is not a positive number."""
    values = np.asarray(multiples, dtype=np.float64)
    if not len(values) or not (np.isfinite(values) & (values > 0)).all():
        raise ValueError("comparables need positive multiples")
    return MultipleRange(
        mean=float(values.mean()),
        median=float(np.median(values)),
        low=float(values.min()),
        high=float(values.max()),
        count=len(values),
    )


def rank(own: float, others: Sequence[float]) -> int:
    """1 for the best of own and others; equals share the better rank."""
    return 1 + sum(other > own for other in others)


def in_market_phase(multiple: float, phase: str) -> tuple[float, float]:
    """The multiple's range in a bull, balanced or bear market (KeyError for another)."""
    low, high = MARKET_PHASES[phase]
    return multiple * low, multiple * high


def sales_value(revenue: float, multiples: Sequence[float]) -> tuple[float, ...]:
    return tuple(revenue * multiple for multiple in multiples)


def terminal_share(present_flows: float, present_terminal: float) -> float:
    """Share of a DCF value that rests on its terminal value."""
    return present_terminal / (present_flows + present_terminal)
