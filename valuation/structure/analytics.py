"""What a structurer reads off a waterfall: average life, yield, duration, coverage, break-evens.

Periods are months. A figure that does not exist (a tranche that is absent, or receives nothing)
is ``None``, never 0.
"""

from collections.abc import Callable, Sequence
from typing import Any

from scipy.optimize import brentq

from valuation.structure.deals import Deal
from valuation.structure.waterfall import Waterfall, distribute, stressed_collections, values_after

GRID = 96
"""Steps of the first pass over stresses; it finds the largest one survived even where a trigger
makes survival come, go and come again."""

MAX_ATTRITION_MULTIPLE = 50.0


def weighted_average_life(principal: Sequence[float]) -> float | None:
    """Years to each unit of principal paid: sum(t x principal) / sum(principal) / 12."""
    total = sum(principal)
    if total <= 0.0:
        return None
    return sum(t * paid for t, paid in enumerate(principal, start=1)) / total / 12.0


def irr_monthly(invested: float, flows: Sequence[float]) -> float | None:
    """The monthly rate at which ``flows`` (months 1..n, none negative) are worth ``invested``.

    ``None`` where nothing was invested or nothing came back.
    """
    if invested <= 0.0 or sum(flows) <= 0.0:
        return None

    def excess(factor: float) -> float:
        value = 0.0
        for flow in reversed(flows):
            value = (value + flow) * factor
        return value - invested

    # Value rises with the discount factor 1/(1+i), from -invested at 0 upwards.
    high = 1.0
    while excess(high) < 0.0:
        high *= 2.0
    factor = float(brentq(excess, 0.0, high, xtol=1e-15, rtol=1e-14))
    return 1.0 / factor - 1.0


def duration_years(flows: Sequence[float], monthly_rate: float | None) -> float | None:
    """Macaulay duration of ``flows`` at ``monthly_rate``, in years."""
    if monthly_rate is None:
        return None
    # A month without a flow weighs nothing; at a rate near -100% its factor would overflow.
    weights = [
        flow * (1.0 + monthly_rate) ** -t if flow > 0.0 else 0.0
        for t, flow in enumerate(flows, start=1)
    ]
    return weighted_average_life(weights)


def break_evens(deal: Deal) -> dict[str, float | None]:
    """Largest haircut per tranche that still pays it on time, and its multiple 1 / (1 - h).

    ``None`` for an absent tranche and for one that is late already without a haircut; a haircut
    of 1 (the reserve alone repays it) has no multiple. Where the deal gives ``survival``, also the
    largest attrition multiple m (S becomes S^m), searched up to :data:`MAX_ATTRITION_MULTIPLE`.
    """

    def by_haircut(stress: float) -> Waterfall:
        return distribute(deal, stressed_collections(deal, haircut=stress))

    def by_attrition(stress: float) -> Waterfall:
        return distribute(deal, stressed_collections(deal, attrition_multiple=stress))

    result: dict[str, float | None] = {}
    haircuts = _largest_survived(deal, by_haircut, 0.0, 1.0)
    for tranche, haircut in haircuts.items():
        result[f"{tranche}_breakeven_haircut"] = haircut
        bearable = haircut is not None and haircut < 1.0
        multiple = 1.0 / (1.0 - haircut) if haircut is not None and bearable else None
        result[f"{tranche}_breakeven_multiple"] = multiple
    if deal.survival is not None:
        attrition = _largest_survived(deal, by_attrition, 1.0, MAX_ATTRITION_MULTIPLE)
        for tranche, survived in attrition.items():
            result[f"{tranche}_breakeven_attrition_multiple"] = survived
    return result


def _largest_survived(
    deal: Deal, run: Callable[[float], Waterfall], low: float, high: float
) -> dict[str, float | None]:
    width = (high - low) / GRID
    stresses = [low + width * step for step in range(GRID)] + [high]
    runs = [run(stress) for stress in stresses]
    result: dict[str, float | None] = {}
    for tranche, balance in (("a", deal.senior.balance), ("b", deal.junior.balance)):
        passed = [one.on_time(tranche) for one in runs]
        if balance <= 0.0 or not passed[0]:
            result[tranche] = None
            continue
        last = max(step for step, survived in enumerate(passed) if survived)
        if last == GRID:
            result[tranche] = high
            continue
        inside, outside = stresses[last], stresses[last + 1]
        while outside - inside > 1e-9 * high:
            middle = (inside + outside) / 2.0
            if run(middle).on_time(tranche):
                inside = middle
            else:
                outside = middle
        result[tranche] = inside
    return result


def analyse(deal: Deal, waterfall: Waterfall) -> dict[str, Any]:
    """The figures of ``waterfall`` (run on the deal's own collections) and its break-evens.

    Break-evens are without the originator's support. Where the deal has one, ``supported`` holds
    the same figures of the run with it, but for the break-evens.
    """
    figures = measures(deal, waterfall) | break_evens(deal) | coverage(deal, waterfall)
    if deal.support is not None:
        helped = distribute(deal, supported=True)
        figures["supported"] = (
            measures(deal, helped) | coverage(deal, helped) | {"support_drawn": sum(helped.support)}
        )
    return figures


def measures(deal: Deal, waterfall: Waterfall) -> dict[str, Any]:
    """Average life, IRR, yield and duration per tranche, and whether it was paid on time."""
    figures: dict[str, Any] = {
        "reserve_end": waterfall.amounts["reserve_end"][-1],
        "first_trigger_period": waterfall.first_trigger_period,
    }
    for tranche, terms in (("a", deal.senior), ("b", deal.junior)):
        interest, principal = (
            waterfall.amounts[f"{tranche}_int"],
            waterfall.amounts[f"{tranche}_prin"],
        )
        flows = [i + p for i, p in zip(interest, principal, strict=True)]
        rate = irr_monthly(terms.balance, flows)
        figures[f"wal_{tranche}_years"] = weighted_average_life(principal)
        figures[f"{tranche}_fully_paid_on_time"] = waterfall.on_time(tranche)
        figures[f"{tranche}_irr_monthly"] = rate
        figures[f"{tranche}_yield_annual"] = None if rate is None else (1.0 + rate) ** 12 - 1.0
        figures[f"{tranche}_duration_years"] = duration_years(flows, rate)
    return figures


def coverage(deal: Deal, waterfall: Waterfall) -> dict[str, float | None]:
    """Cover of A over life and at its weakest, and what its assets were worth at closing."""
    totals = waterfall.totals()
    service = totals["a_int"] + totals["a_prin"]
    ratios = [ratio for ratio in waterfall.dscr if ratio is not None]
    figures: dict[str, float | None] = {
        "a_coverage_life": (totals["collections"] - totals["fee"]) / service if service else None,
        "dscr_min": min(ratios, default=None),
        "a_advance_rate": None,
        "a_credit_enhancement": None,
    }
    if deal.oc is not None and deal.oc.asset_rate is not None:
        value = values_after((0.0, *waterfall.collections), deal.oc.asset_rate)[0]
        if value > 0.0:
            figures["a_advance_rate"] = deal.senior.balance / value
            figures["a_credit_enhancement"] = 1.0 - deal.senior.balance / value
    return figures
