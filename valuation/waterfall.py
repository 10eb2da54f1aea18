"""Priority of payments of a two-tranche pool: fees, senior A, junior B, reserve, residual.

Each month, after its collections c are in the account:

0. the reserve above its target (all of it in the last month, or once A is repaid) is released;
1. fees: fixed + pct x c + unpaid brought forward, drawing on the reserve where short;
2. A interest: balance x coupon / 12 + unpaid (+ interest on the unpaid), reserve likewise;
   normally                                 while the over-collateralisation test is breached
3. B interest                            3. A principal: everything until A = 0
4. A principal down to its target        4. B interest
5. B principal down to its target,       5. B principal, only once A = 0
   if A is at or below its own
6. reserve up to its target (not in the last month)
7. the residual to the originator.

OC = (asset value after t + c + reserve before) / A before, tested before anything is paid. All
amounts are yuan, all functions pure. A planning simulation: voluntary future visits are no
receivable, and nothing here is a rated or eligible asset.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from valuation.deals import Deal

AMOUNTS = (
    "reserve_release",
    "reserve_draw",
    "reserve_topup",
    "reserve_end",
    "fee",
    "fee_unpaid",
    "a_int",
    "a_int_unpaid",
    "a_prin",
    "a_bal",
    "b_int",
    "b_int_unpaid",
    "b_prin",
    "b_bal",
    "residual",
)
TOTALS = ("fee", "a_int", "a_prin", "b_int", "b_prin", "residual")


@dataclass(frozen=True)
class Waterfall:
    """Payments per period.

    ``amounts`` maps each name of :data:`AMOUNTS` to n yuan amounts; ``oc`` is ``None`` where there
    is no test or A was already repaid; ``dscr`` = (c - fee due) / (A interest due + scheduled A
    principal) and ``None`` where nothing was due.
    """

    collections: tuple[float, ...]
    amounts: dict[str, list[float]]
    oc: list[float | None]
    triggered: list[bool]
    dscr: list[float | None]
    dust: float

    @property
    def first_trigger_period(self) -> int | None:
        return self.triggered.index(True) + 1 if True in self.triggered else None

    def totals(self) -> dict[str, float]:
        sums = {name: sum(self.amounts[name]) for name in TOTALS}
        return {"collections": sum(self.collections), **sums}

    def on_time(self, tranche: str) -> bool:
        """No interest of ``tranche`` ("a" or "b") unpaid in any period, and nothing owed at n."""
        unpaid = max(self.amounts[f"{tranche}_int_unpaid"])
        return unpaid <= self.dust and self.amounts[f"{tranche}_bal"][-1] <= self.dust


class _Cash:
    """The account of one period: money available, and the reserve behind it."""

    __slots__ = ("available", "drawn", "reserve")

    def __init__(self, available: float, reserve: float) -> None:
        self.available = available
        self.reserve = reserve
        self.drawn = 0.0

    def pay(self, due: float) -> float:
        paid = due if due < self.available else self.available
        self.available -= paid
        return paid

    def pay_with_reserve(self, due: float) -> float:
        paid = self.pay(due)
        draw = min(due - paid, self.reserve)
        if draw <= 0.0:
            return paid
        self.reserve -= draw
        self.drawn += draw
        return due if draw == due - paid else paid + draw


class _Pool:
    """Balances carried from one period to the next."""

    __slots__ = ("a", "a_unpaid", "b", "b_unpaid", "deal", "dust", "fee_unpaid", "reserve")

    def __init__(self, deal: Deal, dust: float) -> None:
        self.deal = deal
        self.dust = dust
        self.a = deal.senior.balance
        self.b = deal.junior.balance
        self.reserve = deal.reserve.initial
        self.fee_unpaid = self.a_unpaid = self.b_unpaid = 0.0

    def reserve_target(self) -> float:
        terms = self.deal.reserve
        return max(terms.pct * self.a, terms.floor) if self.a > 0.0 else 0.0

    def interest_due(self, balance: float, unpaid: float, coupon: float) -> float:
        on_unpaid = unpaid * coupon / 12.0 if self.deal.interest_on_interest else 0.0
        return balance * coupon / 12.0 + unpaid + on_unpaid

    def repay_a(self, cash: _Cash, target: float) -> float:
        paid = cash.pay(max(self.a - target, 0.0))
        self.a = _settle(self.a - paid, self.dust)
        return paid

    def repay_b(self, cash: _Cash, target: float) -> float:
        paid = cash.pay(max(self.b - target, 0.0))
        self.b = _settle(self.b - paid, self.dust)
        return paid

    def period(
        self, collected: float, targets: tuple[float, float], *, last: bool, triggered: bool
    ) -> tuple[tuple[float, ...], float | None]:
        """Distribute one month; the amounts in the order of :data:`AMOUNTS`, and the DSCR."""
        a_target, b_target = targets
        kept = 0.0 if last else self.reserve_target()
        release = max(self.reserve - kept, 0.0)
        cash = _Cash(collected + release, self.reserve - release)

        fee_due = self.deal.fee_fixed + self.deal.fee_pct * collected + self.fee_unpaid
        fee = cash.pay_with_reserve(fee_due)
        self.fee_unpaid = _settle(fee_due - fee, self.dust)

        a_due = self.interest_due(self.a, self.a_unpaid, self.deal.senior.coupon)
        service = a_due + max(self.a - a_target, 0.0)
        dscr = (collected - fee_due) / service if service > 0.0 else None
        a_int = cash.pay_with_reserve(a_due)
        self.a_unpaid = _settle(a_due - a_int, self.dust)

        b_due = self.interest_due(self.b, self.b_unpaid, self.deal.junior.coupon)
        if triggered:
            a_prin = self.repay_a(cash, 0.0)
            b_int = cash.pay(b_due)
            b_prin = self.repay_b(cash, 0.0) if self.a == 0.0 else 0.0
            topup = 0.0
        else:
            b_int = cash.pay(b_due)
            a_prin = self.repay_a(cash, a_target)
            b_prin = self.repay_b(cash, b_target) if self.a <= a_target else 0.0
            wanted = 0.0 if last else max(self.reserve_target() - cash.reserve, 0.0)
            topup = cash.pay(wanted)
        self.b_unpaid = _settle(b_due - b_int, self.dust)
        self.reserve = cash.reserve + topup
        reserve_moves = (release, cash.drawn, topup, self.reserve)
        a_moves = (fee, self.fee_unpaid, a_int, self.a_unpaid, a_prin, self.a)
        b_moves = (b_int, self.b_unpaid, b_prin, self.b, cash.available)
        return reserve_moves + a_moves + b_moves, dscr


def _settle(balance: float, dust: float) -> float:
    """A balance below a rounding error of the deal's size is none: it must not hold a reserve."""
    return balance if balance > dust else 0.0


def stressed_collections(
    deal: Deal, haircut: float = 0.0, attrition_multiple: float = 1.0
) -> tuple[float, ...]:
    """Base collections x (1 - haircut), with the pool's survival S(t) raised to S(t)^m.

    Raises ``ValueError`` where a multiple other than 1 meets a deal without ``survival``.
    """
    kept = 1.0 - haircut
    if attrition_multiple == 1.0:
        return tuple(kept * c for c in deal.collections)
    if deal.survival is None:
        raise ValueError("An attrition multiple needs the deal's survival curve.")
    extra = attrition_multiple - 1.0
    return tuple(kept * c * s**extra for c, s in zip(deal.collections, deal.survival, strict=True))


def values_after(collections: Sequence[float], annual_rate: float) -> list[float]:
    """For each period, the PV at its end of the later collections, at (1 + r)^(-k/12)."""
    factor = (1.0 + annual_rate) ** (-1.0 / 12.0)
    values = [0.0] * len(collections)
    for t in range(len(collections) - 2, -1, -1):
        values[t] = (values[t + 1] + collections[t + 1]) * factor
    return values


def distribute(deal: Deal, collections: Sequence[float] | None = None) -> Waterfall:
    """Run the deal over ``collections`` (n amounts; the deal's own where ``None``)."""
    received = tuple(deal.collections if collections is None else collections)
    periods = len(received)
    dust = max(1e-9, 1e-12 * (deal.senior.balance + deal.junior.balance))
    pool = _Pool(deal, dust)
    a_targets = deal.senior.target or (0.0,) * periods
    b_targets = deal.junior.target or (0.0,) * periods
    assets = _asset_values(deal, received)
    rows: list[tuple[float, ...]] = []
    oc: list[float | None] = []
    triggers: list[bool] = []
    dscr: list[float | None] = []
    triggered = False
    for t, collected in enumerate(received):
        ratio = None
        breached = False
        if deal.oc is not None and assets is not None and pool.a > 0.0:
            ratio = (assets[t] + collected + pool.reserve) / pool.a
            # A ratio equal to its threshold but for rounding passes.
            breached = ratio < deal.oc.threshold * (1.0 - 1e-12)
        triggered = breached or (triggered and not (deal.oc is not None and deal.oc.curable))
        targets = (a_targets[t], b_targets[t])
        row, cover = pool.period(collected, targets, last=t == periods - 1, triggered=triggered)
        rows.append(row)
        oc.append(ratio)
        triggers.append(triggered)
        dscr.append(cover)
    amounts = {
        name: list(line) for name, line in zip(AMOUNTS, zip(*rows, strict=True), strict=True)
    }
    return Waterfall(received, amounts, oc, triggers, dscr, dust)


def _asset_values(deal: Deal, collections: Sequence[float]) -> Sequence[float] | None:
    if deal.oc is None:
        return None
    if deal.oc.asset_value is not None:
        return deal.oc.asset_value
    assert deal.oc.asset_rate is not None  # parse_deal admits exactly one of the two
    return values_after(collections, deal.oc.asset_rate)
