"""Monthly books of the stores, their targets, marketing spend, and peers.

The books follow from the repair orders by construction: revenue is what outside payers paid, net
of VAT, in the month of opening; so a loader that treats VAT and cost rightly must reconcile.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from customers.demonstration.catalogue import TIERS, VAT_RATE, tier_values
from customers.demonstration.contracts import Contracts
from customers.demonstration.network import Network, Store
from customers.demonstration.orders import CREDIT, Orders
from customers.demonstration.people import Floats, Ints, Population, list_price
from customers.demonstration.seasons import Clock, next_month
from customers.demonstration.surveys import Surveys

Table = NDArray[np.float64]
# Share of a store's running costs that after-sales carries.
_SHARES = {
    "site_cost": (0.28, 0.50),
    "admin_expense": (0.34, 0.35),
    "selling_expense": (0.22, 0.15),
    "depreciation": (0.12, 0.55),
    "amortisation": (0.04, 0.50),
}
METRICS = ("visits", "revenue", "margin", "return_rate", "renewal_rate", "absorption", "nps")
_CHANNELS = (
    ("垂直媒体", "new_customers", 0.34),
    ("短视频", "new_customers", 0.24),
    ("车展外拓", "new_customers", 0.14),
    ("转介绍奖励", "new_customers", 0.08),
    ("保养招揽短信", "retention", 0.08),
    ("流失召回活动", "retention", 0.12),
)


@dataclass
class Books:
    """Sums by store and month of the window, in yuan net of VAT; grows batch by batch."""

    clock: Clock
    network: Network
    month_of_day: Ints
    revenue: Table
    parts_cost: Table
    labour_cost: Table
    visits: Table
    car_sales: Table
    cars: Table
    commission: Table
    prepaid: Table
    promoters: Table
    detractors: Table
    answers: Table
    renewals: Table
    renewals_won: Table

    @classmethod
    def open(cls, clock: Clock, network: Network) -> "Books":
        """Empty books for all months from the window's start to the month of ``until``."""
        months = clock.month_index()
        shape = (len(network.stores), int(months[clock.until]) + 1)
        return cls(clock, network, months, *(np.zeros(shape) for _ in range(13)))

    def _add(self, table: Table, store: Ints, day: Ints, values: Floats | Ints | float) -> None:
        month = self.month_of_day[day]
        np.add.at(table, (store, month), values)

    def add_orders(self, orders: Orders) -> None:
        """Book the repair orders of a batch."""
        booked, net = orders.counted(), 100 * (1 + VAT_RATE)
        store, day = orders.store[booked], orders.day[booked]
        self._add(self.revenue, store, day, orders.outside()[booked] / net)
        self._add(self.parts_cost, store, day, orders.parts_cost[booked] / 100)
        self._add(self.labour_cost, store, day, orders.labour_cost[booked] / 100)
        seen = booked & (orders.outside() > 0) & (orders.status != CREDIT)
        self._add(self.visits, orders.store[seen], orders.day[seen], 1.0)

    def add_sales(self, population: Population, contracts: Contracts, renewals: Ints) -> None:
        """Book new cars, commissions and prepaid contracts of a batch."""
        spells = population.spells
        clock = self.clock
        sold = spells.bought_here & (spells.start >= clock.window_start)
        sold &= spells.start < clock.until
        price = list_price()[population.series()[sold]] * 0.93 / (1 + VAT_RATE)
        self._add(self.car_sales, spells.store[sold], spells.start[sold], price)
        self._add(self.cars, spells.store[sold], spells.start[sold], 1.0)
        store = spells.store[contracts.spell]
        starts = contracts.starts.clip(clock.window_start, clock.until - 1)
        self._add(self.commission, store, starts, contracts.commission / (100 * 1.06))
        self._add(self.prepaid, store, starts, contracts.balance / (100 * 1.13))
        where, day = spells.store[renewals[:, 0]], renewals[:, 1].clip(clock.window_start)
        self._add(self.renewals, where, day, 1.0)
        self._add(self.renewals_won, where, day, renewals[:, 2])

    def add_surveys(self, surveys: Surveys) -> None:
        """Count answers, promoters and detractors."""
        known = surveys.score >= 0
        store, day, score = surveys.store[known], surveys.day[known], surveys.score[known]
        self._add(self.answers, store, day, 1.0)
        self._add(self.promoters, store, day, (score >= 9).astype(float))
        self._add(self.detractors, store, day, (score <= 6).astype(float))


def ledger_gaps(network: Network) -> dict[str, float]:
    """Stores whose ledger does not match the orders, and by how much (share of revenue)."""
    count = len(network.stores)
    return {network.stores[1 % count].code: 0.035, network.stores[count - 1].code: -0.028}


def financial_rows(books: Books, rng: np.random.Generator) -> list[list[str]]:
    """Rows of financials: every store, complete month and scope (after_sales, store)."""
    months = books.clock.months()
    gaps = ledger_gaps(books.network)
    rows = []
    for store in books.network.stores:
        number, gap = store.number, 1.0 + gaps.get(store.code, 0.0)
        revenue = books.revenue[number] * gap
        profit = revenue - books.parts_cost[number] - books.labour_cost[number]
        typical = max(float(profit[: max(len(months), 1)].mean()), 1.0)
        # A store without car sales has only after-sales to live on.
        absorption = rng.uniform(0.66, 1.0) if store.sells_cars else rng.uniform(1.05, 1.15)
        running = typical / float(absorption)
        growth = np.linspace(0.93, 1.07, max(len(months), 1))
        for month, first in enumerate(months):
            costs = running * growth[month] * rng.normal(1.0, 0.015)
            for scope in ("after_sales", "store"):
                rows.append(_month(books, store, first, month, scope, gap, costs))
    return rows


def _month(
    books: Books, store: Store, first: date, month: int, scope: str, gap: float, costs: float
) -> list[str]:
    number = store.number
    whole = scope == "store"
    revenue = books.revenue[number, month] * gap
    parts, labour = books.parts_cost[number, month], books.labour_cost[number, month]
    staff = len(books.network.advisors[number]) * 2
    if whole:
        sales = books.car_sales[number, month]
        revenue += sales + books.commission[number, month]
        parts += sales * (1 - TIERS[store.region.tier].sales_margin)
        staff *= 2
    alone = whole or not store.sells_cars
    share = {key: costs * (part if alone else part * ours) for key, (part, ours) in _SHARES.items()}
    profit = revenue - parts - labour - sum(share.values())
    tax = max(profit, 0.0) * 0.25
    base = costs * (30.0 if whole else 20.0)
    receivables, payables = revenue * 0.55, parts * 0.8
    inventory = parts * (1.5 if whole else 1.1)
    prepaid = float(books.prepaid[number, : month + 1].sum())
    cash = profit - tax + share["depreciation"] + share["amortisation"]
    working = inventory + receivables - payables
    numbers = [
        revenue, parts, labour, *share.values(), tax, base, working, base + inventory + receivables,
        inventory, receivables, payables, cash, base * 0.3 if whole else 0.0, prepaid,
    ]  # fmt: skip
    return [
        store.code,
        first.isoformat()[:7],
        scope,
        *(f"{value:.2f}" for value in numbers),
        str(staff),
    ]


def target_rows(books: Books) -> list[list[str]]:
    """Rows of targets for stores, divisions and the group: two years back and two months ahead.

    Rates are shares of one, NPS in points, money in yuan per month.
    """
    months = books.clock.months()
    ahead = [*months[-24:]]
    for _ in range(2):
        ahead.append(next_month(ahead[-1]))
    rows = []
    for code, members in _units(books.network):
        for first in ahead:
            season = [i for i, other in enumerate(months) if other.month == first.month]
            values = _target_values(books, members, season)
            rows += [
                [
                    code,
                    first.isoformat()[:7],
                    metric,
                    f"{value:.4g}" if value < 2 else f"{value:.0f}",
                ]
                for metric, value in zip(METRICS, values, strict=True)
            ]
    return rows


def _units(network: Network) -> list[tuple[str, list[int]]]:
    everyone = [store.number for store in network.stores]
    units = [(network.group_code, everyone)]
    for tier in range(len(TIERS)):
        members = [s.number for s in network.stores if s.region.tier == tier]
        units.append((network.division_code(tier), members))
    units += [(store.code, [store.number]) for store in network.stores]
    return units


def _target_values(books: Books, members: list[int], season: list[int]) -> list[float]:
    def mean(table: Table) -> float:
        return float(table[np.ix_(members, season)].sum(axis=0).mean())

    revenue = mean(books.revenue)
    margin = revenue - mean(books.parts_cost) - mean(books.labour_cost)
    tiers = books.network.tiers[members]
    lift = 1.05
    answers = max(float(books.answers[members].sum()), 1.0)
    nps = 100 * float((books.promoters - books.detractors)[members].sum()) / answers
    asked = max(float(books.renewals[members].sum()), 1.0)
    renewal = float(books.renewals_won[members].sum()) / asked
    return [
        mean(books.visits) * lift,
        revenue * lift,
        margin * lift,
        float(np.array([0.75, 0.62, 0.52])[tiers].mean()),
        min(renewal + 0.04, 0.95),
        0.90,
        round(nps + 3),
    ]


def marketing_rows(books: Books, rng: np.random.Generator) -> list[list[str]]:
    """Rows of marketing: spend by channel in proportion to what the store sells."""
    rows = []
    cost = tier_values("minor") * 1.6 + 600
    for store in books.network.stores:
        for month, first in enumerate(books.clock.months()):
            sold = books.cars[store.number, month]
            for channel, purpose, share in _CHANNELS:
                base = max(float(books.cars[store.number].mean()), 0.4)
                amount = base * cost[store.region.tier] * share * rng.uniform(0.8, 1.25)
                won = int(rng.binomial(int(sold), share)) if purpose == "new_customers" else 0
                leads = int(rng.poisson(won * 6 + 3 * base * share))
                rows.append(
                    [
                        store.code,
                        first.isoformat()[:7],
                        channel,
                        f"{amount:.2f}",
                        purpose,
                        str(leads),
                        str(won) if purpose == "new_customers" else "",
                    ]
                )
    return rows


def comparable_rows(clock: Clock) -> list[list[str]]:
    """Rows of comparables: invented peers, said to be invented."""
    as_of = date(clock.date_of(clock.until - 1).year - 1, 12, 31).isoformat()
    peers = (
        ("示例汽车集团甲", 4.5, 8.2, 9.5, 68, 0.22),
        ("示例汽车集团乙", -2.0, 6.9, 6.1, 61, 0.14),
        ("示例汽车集团丙", 8.0, 10.4, 12.8, 74, 0.41),
        ("示例汽车集团丁", 1.2, 7.5, 7.0, 58, 0.17),
        ("示例售后连锁戊", 18.0, 24.5, 14.2, 79, 1.35),
        ("示例售后连锁己", 11.0, 21.0, 11.0, 71, 0.95),
    )
    return [
        [name, as_of, *(str(value) for value in values), "演示数据 虚构"] for name, *values in peers
    ]
