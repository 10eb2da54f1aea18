"""From the closed form to the model's value, one assumption a bar, in a fixed order.

Every bar is the difference of two levels that are each rounded to fen, so the bars sum exactly.
"""

from dataclasses import dataclass

from valuation.refusals import as_fraction, gettext_noop, refuse_any, within
from valuation.rounding import to_fen
from valuation.seed_formula import (
    SeedInputs,
    annual_survival,
    closed_form,
    discounted_months,
    monthly_survival,
    undiscounted,
)

LABELS = {
    "closed_form_undiscounted": gettext_noop("Closed form, undiscounted"),
    "average_discount_factor": gettext_noop("Average discount factor"),
    "flat_retention_to_survival": gettext_noop("Flat retention to survival"),
    "annual_to_monthly": gettext_noop("Annual to monthly"),
    "service_and_retention_cost": gettext_noop("Variable service and retention cost"),
    "tax": gettext_noop("Tax"),
    "individual_curves": gettext_noop("One average customer to individual curves"),
}


@dataclass(frozen=True)
class BridgeAssumptions:
    """What the closed form leaves out. Rates are fractions, the retention cost yuan a year.

    ``service_cost_rate`` is a share of gross margin; the retention cost falls due while a
    customer is alive; ``tax_rate`` 0 is the pre-tax view.
    """

    service_cost_rate: float = 0.0
    retention_cost: float = 0.0
    tax_rate: float = 0.0

    def __post_init__(self) -> None:
        refuse_any(
            [
                as_fraction("service_cost_rate", self.service_cost_rate),
                within("retention_cost", self.retention_cost, 0.0, 1e6),
                as_fraction("tax_rate", self.tax_rate),
            ]
        )


@dataclass(frozen=True)
class Bar:
    """One step of a bridge: its key in :data:`LABELS`, its amount, and the level it leads to."""

    step: str
    amount_fen: int
    level_fen: int


def value_bridge(
    inputs: SeedInputs,
    assumptions: BridgeAssumptions | None = None,
    *,
    model_value_fen: int | None = None,
) -> list[Bar]:
    """Bars from the undiscounted closed form to the model's expected value.

    ``model_value_fen`` is the end of the last bar, valued on the same basis (before or after tax)
    as the assumptions; where it is ``None`` the bridge ends at one average customer times all.
    """
    terms = assumptions or BridgeAssumptions()
    monthly = monthly_survival(inputs)
    upkeep = inputs.customers * terms.retention_cost / 12.0 * discounted_months(inputs)
    after_cost = monthly * (1.0 - terms.service_cost_rate) - upkeep
    # A loss is not taxed: no credit is assumed.
    after_tax = after_cost - terms.tax_rate * max(after_cost, 0.0)
    levels = [
        undiscounted(inputs),
        closed_form(inputs),
        annual_survival(inputs),
        monthly,
        after_cost,
        after_tax,
    ]
    fen = [int(level) for level in to_fen(levels)]
    if model_value_fen is not None:
        fen.append(int(model_value_fen))
    steps = list(LABELS)[: len(fen)]
    starts = [0, *fen[:-1]]
    return [
        Bar(step, end - start, end) for step, start, end in zip(steps, starts, fen, strict=True)
    ]
