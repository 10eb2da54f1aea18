"""Enterprise value by discounted cash flow, with what of it rests on the terminal value. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from valuation.multiples import terminal_share
from valuation.refusals import Refusal, Refused, as_fraction, gettext_noop, refuse_any, within

HIGH_TERMINAL_SHARE = 0.60
MAX_YEARS = 20

GROWS_TOO_FAST = gettext_noop(
    "%(field)s must stay below the discount rate %(rate)s: not %(value)s."
)
MOSTLY_TERMINAL = gettext_noop("%(value)s of the value lies beyond the years that were forecast.")
YEARS = gettext_noop("%(field)s must hold 1 to %(high)s years, not %(value)s.")
NOT_POSITIVE = gettext_noop("%(field)s of the last year must be positive for a terminal value.")


@dataclass(frozen=True)
class DiscountedFlows:
    """Present values in yuan: of the forecast years, of the terminal value, and their sum."""

    flows: tuple[float, ...]
    forecast: float
    terminal: float

    @property
    def value(self) -> float:
        return self.forecast + self.terminal

    @property
    def terminal_share(self) -> float:
        return terminal_share(self.forecast, self.terminal)

    def warnings(self) -> tuple[Refusal, ...]:
        if self.terminal_share <= HIGH_TERMINAL_SHARE:
            return ()
        params = {"value": f"{self.terminal_share:.0%}"}
        return (Refusal("terminal", MOSTLY_TERMINAL, params),)


def discounted_cash_flow(
    flows: Sequence[float], rate: float, terminal_growth: float
) -> DiscountedFlows:
    """Free cash flows at the ends of years 1..n, then growing for ever (Gordon):
    terminal = flow_n (1 + g) / (rate - g), discounted n years.

    Raises :class:`valuation.refusals.Refused` for a growth at or above the rate, or a last flow
    that is not positive: no terminal value follows from it.
    """
    if not 1 <= len(flows) <= MAX_YEARS:
        raise Refused([Refusal("flows", YEARS, {"high": MAX_YEARS, "value": len(flows)})])
    refuse_any(
        [
            *(within(f"flows[{t}]", flow, -1e13, 1e13) for t, flow in enumerate(flows)),
            as_fraction("rate", rate),
            as_fraction("terminal_growth", terminal_growth),
        ]
    )
    if terminal_growth >= rate:
        params = {"rate": f"{rate:g}", "value": f"{terminal_growth:g}"}
        raise Refused([Refusal("terminal_growth", GROWS_TOO_FAST, params)])
    if flows[-1] <= 0.0:
        raise Refused([Refusal("flows", NOT_POSITIVE)])
    present = tuple(flow * (1.0 + rate) ** -t for t, flow in enumerate(flows, start=1))
    perpetuity = flows[-1] * (1.0 + terminal_growth) / (rate - terminal_growth)
    return DiscountedFlows(present, sum(present), perpetuity * (1.0 + rate) ** -len(flows))
