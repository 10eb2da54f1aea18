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

OC = (asset value after t + c + reserve before) / A before, tested before anything is paid. A deal
may add to this: the originator's support makes good what fees, A's interest and A's principal down
to its target fall short of (only where asked for: headline figures leave it out); in the months of
a revolving period nothing is repaid, and what would be the residual buys new customers; further
triggers on the debt-service cover or on collections against plan work like a breached OC test, or
end the revolving period. All
amounts are yuan, all functions pure. A planning simulation: voluntary future visits are no
receivable, and nothing here is a rated or eligible asset.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from valuation.structure.deals import Deal, Trigger

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

ROUNDING = 1e-12
"""What 600 periods of float arithmetic may lose, relative to the amounts that went in."""


@dataclass(frozen=True)
class Waterfall:
    """Payments per period.

    ``amounts`` maps each name of :data:`AMOUNTS` to n yuan amounts; ``oc`` is ``None`` where there
    is no test or A was already repaid; ``dscr`` = (c - fee due) / (A interest due + scheduled A
    principal) and ``None`` where nothing was due. ``support`` and ``reinvested`` are n amounts that
    come in from the originator and go out for new customers: in every period
    collections + support = everything paid + reinvested + change of the reserve.
    ``measures`` has the n values of each measure that triggers watch, ``tripped`` the n states of
    each trigger of the deal, in its order.
    """

    collections: tuple[float, ...]
    amounts: dict[str, list[float]]
    oc: list[float | None]
    triggered: list[bool]
    dscr: list[float | None]
    dust: float
    support: list[float]
    reinvested: list[float]
    measures: dict[str, list[float | None]]
    tripped: list[list[bool]]

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
        self.a = self._after(self.a, paid, target)
        return paid

    def repay_b(self, cash: _Cash, target: float) -> float:
        paid = cash.pay(max(self.b - target, 0.0))
        self.b = self._after(self.b, paid, target)
        return paid

    def _after(self, before: float, paid: float, target: float) -> float:
        """The balance left, exactly the target where it was reached but for rounding."""
        left = before - paid
        return target if abs(left - target) <= self.dust else left

    def due(self, collected: float, a_target: float) -> tuple[float, float, float | None]:
        """Fees and A interest due this month, and the DSCR on them."""
        fee = self.deal.fee_fixed + self.deal.fee_pct * collected + self.fee_unpaid
        interest = self.interest_due(self.a, self.a_unpaid, self.deal.senior.coupon)
        service = interest + max(self.a - a_target, 0.0)
        return fee, interest, (collected - fee) / service if service > 0.0 else None

    def period(
        self,
        collected: float,
        due: tuple[float, float],
        targets: tuple[float, float],
        *,
        last: bool,
        triggered: bool,
        support: float,
    ) -> tuple[tuple[float, ...], float]:
        """Distribute one month: the amounts in the order of :data:`AMOUNTS`, and the support drawn
        of the ``support`` that is left."""
        (fee_due, a_due), (a_target, b_target) = due, targets
        kept = 0.0 if last else self.reserve_target()
        release = max(self.reserve - kept, 0.0)
        cash = _Cash(collected + release, self.reserve - release)
        undertaking = _Undertaking(support)

        fee = undertaking.complete(fee_due, cash.pay_with_reserve(fee_due))
        self.fee_unpaid = _settle(fee_due - fee, self.dust)
        a_int = undertaking.complete(a_due, cash.pay_with_reserve(a_due))
        self.a_unpaid = _settle(a_due - a_int, self.dust)

        b_due = self.interest_due(self.b, self.b_unpaid, self.deal.junior.coupon)
        topup = 0.0
        if triggered:
            a_prin = self.repay_a(cash, 0.0) + self._supported(undertaking, a_target, last)
            b_int = cash.pay(b_due)
            b_prin = self.repay_b(cash, 0.0) if self.a == 0.0 else 0.0
        else:
            b_int = cash.pay(b_due)
            a_prin = self.repay_a(cash, a_target) + self._supported(undertaking, a_target, last)
            b_prin = self.repay_b(cash, b_target) if self.a <= a_target else 0.0
            wanted = 0.0 if last else max(self.reserve_target() - cash.reserve, 0.0)
            topup = cash.pay(wanted)
        self.b_unpaid = _settle(b_due - b_int, self.dust)
        self.reserve = cash.reserve + topup
        reserve_moves = (release, cash.drawn, topup, self.reserve)
        a_moves = (fee, self.fee_unpaid, a_int, self.a_unpaid, a_prin, self.a)
        b_moves = (b_int, self.b_unpaid, b_prin, self.b, cash.available)
        return reserve_moves + a_moves + b_moves, undertaking.drawn

    def _supported(self, undertaking: "_Undertaking", target: float, last: bool) -> float:
        """What the originator adds to A's principal: down to a target that was set, or at the end.

        A turbo tranche has no schedule to fall behind, so only its last month can be short.
        """
        if self.deal.senior.target is None and not last:
            return 0.0
        added = undertaking.complete(max(self.a - target, 0.0), 0.0)
        self.a = self._after(self.a, added, target)
        return added


class _Undertaking:
    """The originator's support of one month."""

    __slots__ = ("drawn", "left")

    def __init__(self, left: float) -> None:
        self.left = left
        self.drawn = 0.0

    def complete(self, due: float, paid: float) -> float:
        """What is paid in all once the originator has added to ``paid``."""
        added = min(due - paid, self.left)
        if added <= 0.0:
            return paid
        self.left -= added
        self.drawn += added
        return due if added == due - paid else paid + added


class _Watch:
    """One trigger through the months."""

    def __init__(self, trigger: Trigger) -> None:
        self.trigger = trigger
        self.below = self.above = 0
        self.tripped = False

    def step(self, value: float | None) -> bool:
        """A month without a value (nothing was due) neither breaches nor cures."""
        if value is not None:
            # A value equal to its level but for rounding passes.
            breach = value < self.trigger.level * (1.0 - ROUNDING)
            self.below, self.above = (self.below + 1, 0) if breach else (0, self.above + 1)
        if self.below >= self.trigger.after:
            self.tripped = True
        elif self.tripped and 0 < self.trigger.cure <= self.above:
            self.tripped = False
        return self.tripped


def _settle(balance: float, dust: float) -> float:
    """An amount unpaid below a rounding error of the deal's size is none: it is not late."""
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


def distribute(
    deal: Deal, collections: Sequence[float] | None = None, *, supported: bool = False
) -> Waterfall:
    """Run the deal over ``collections`` (n amounts; the deal's own where ``None``).

    ``supported``: with the originator's support, where the deal has one.
    """
    return _Run(deal, deal.collections if collections is None else collections, supported).all()


class _Run:
    """One pass over the months of a deal; money that is reinvested adds to later months."""

    def __init__(self, deal: Deal, collections: Sequence[float], supported: bool) -> None:
        self.deal = deal
        self.planned = tuple(collections)
        self.received = list(collections)
        balances = deal.senior.balance + deal.junior.balance + deal.reserve.initial
        self.dust = ROUNDING * (balances + max(self.received))
        self.pool = _Pool(deal, self.dust)
        self.left = deal.support.cap if supported and deal.support is not None else 0.0
        self.assets = _asset_values(deal, self.received)
        self.watches = [_Watch(trigger) for trigger in deal.triggers]
        self.price = self._price_of_plan()
        self.oc_tripped = self.stopped = False
        self.collected = self.plan = 0.0

    def _price_of_plan(self) -> float:
        """What the whole unstressed plan costs at the revolving price: the unit of purchases."""
        if self.deal.revolving is None:
            return 0.0
        rate = self.deal.revolving.price_rate
        return values_after((0.0, *self.deal.collections), rate)[0]

    def all(self) -> Waterfall:
        deal, periods = self.deal, len(self.received)
        a_targets, b_targets = (
            tranche.target or (0.0,) * periods for tranche in (deal.senior, deal.junior)
        )
        rows: list[tuple[float, ...]] = []
        oc: list[float | None] = []
        dscr: list[float | None] = []
        shares: list[float | None] = []
        triggers: list[bool] = []
        support: list[float] = []
        reinvested: list[float] = []
        tripped: list[list[bool]] = [[] for _ in self.watches]
        for t in range(periods):
            collected = self.received[t]
            ratio = self._oc(t)
            # Nothing is scheduled while it revolves, so nothing is to be covered either.
            a_target = self.pool.a if self._revolves(t) else a_targets[t]
            fee_due, a_due, cover = self.pool.due(collected, a_target)
            share = self._share_of_plan(t)
            triggered = self._tested(ratio, {"dscr": cover, "collections": share}, tripped)
            # Whatever trips ends the revolving period for good: repayment is not undone.
            self.stopped = self.stopped or triggered
            revolves = self._revolves(t)
            targets = (self.pool.a, self.pool.b) if revolves else (a_targets[t], b_targets[t])
            row, drawn = self.pool.period(
                *(collected, (fee_due, a_due), targets),
                last=t == periods - 1,
                triggered=triggered,
                support=self.left,
            )
            self.left -= drawn
            spent = self._reinvest(t, row[-1]) if revolves else 0.0
            rows.append((*row[:-1], row[-1] - spent) if spent else row)
            for line, value in ((oc, ratio), (dscr, cover), (shares, share)):
                line.append(value)
            triggers.append(triggered)
            support.append(drawn)
            reinvested.append(spent)
        amounts = {
            name: list(line) for name, line in zip(AMOUNTS, zip(*rows, strict=True), strict=True)
        }
        return Waterfall(
            *(tuple(self.received), amounts, oc, triggers, dscr, self.dust, support, reinvested),
            measures={"dscr": dscr, "collections": shares},
            tripped=tripped,
        )

    def _oc(self, t: int) -> float | None:
        if self.assets is None or self.pool.a <= 0.0:
            return None
        return (self.assets[t] + self.received[t] + self.pool.reserve) / self.pool.a

    def _share_of_plan(self, t: int) -> float | None:
        """Collections so far by what was planned so far, both without reinvested money."""
        self.collected += self.planned[t]
        self.plan += self.deal.collections[t]
        return self.collected / self.plan if self.plan > 0.0 else None

    def _tested(
        self,
        ratio: float | None,
        values: dict[str, float | None],
        tripped: list[list[bool]],
    ) -> bool:
        """Whether this month's money is distributed as triggered."""
        test, turbo = self.deal.oc, False
        if test is not None:
            # A ratio equal to its threshold but for rounding passes.
            breached = ratio is not None and ratio < test.threshold * (1.0 - ROUNDING)
            self.oc_tripped = breached or (self.oc_tripped and not test.curable)
            turbo = self.oc_tripped
        for watch, states in zip(self.watches, tripped, strict=True):
            state = watch.step(values[watch.trigger.measure])
            states.append(state)
            turbo = turbo or (state and watch.trigger.consequence == "turbo")
            self.stopped = self.stopped or state
        return turbo

    def _revolves(self, t: int) -> bool:
        revolving = self.deal.revolving
        return revolving is not None and t < revolving.periods and not self.stopped

    def _reinvest(self, t: int, residual: float) -> float:
        """Buy customers whose flows follow the plan from its first month; the yuan spent.

        They are paid for at the plan's value and bring what the run's collections bring; what they
        bring after the deal's last month is the originator's.
        """
        revolving = self.deal.revolving
        if revolving is None or residual <= 0.0 or self.price <= 0.0:
            return 0.0
        spent = residual * revolving.eligible
        bought = spent / self.price
        for later in range(t + 1, len(self.received)):
            self.received[later] += bought * self.planned[later - t - 1]
        self.assets = _asset_values(self.deal, self.received)
        return spent


def _asset_values(deal: Deal, collections: Sequence[float]) -> Sequence[float] | None:
    if deal.oc is None:
        return None
    if deal.oc.asset_value is not None:
        return deal.oc.asset_value
    assert deal.oc.asset_rate is not None  # parse_deal admits exactly one of the two
    return values_after(collections, deal.oc.asset_rate)
