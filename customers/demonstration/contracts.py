"""What stores sell beside work: insurance, extended warranty, packages, stored value, finance."""

from dataclasses import dataclass

import numpy as np

from customers.demonstration.batch import Batch
from customers.demonstration.catalogue import SERIES, TIERS, tier_values
from customers.demonstration.orders import MAIN, SECOND_NUMBER
from customers.demonstration.people import PERSON, Bools, Floats, Ints, Population, list_price
from customers.demonstration.seasons import Clock
from customers.demonstration.writer import chosen, yuan

TYPES = (
    "insurance",
    "extended_warranty",
    "package",
    "stored_value",
    "membership",
    "finance",
    "accessories",
)
_INSURERS = ("安泰财险", "华信财险", "中恒财险", "金盾财险")
_YEARS = 9


@dataclass
class Contracts:
    """One entry per contract; money in fen, VAT included."""

    spell: Ints
    type: Ints
    starts: Ints
    ends: Ints
    price: Ints
    cost: Ints
    commission: Ints
    balance: Ints
    past: Bools

    def __len__(self) -> int:
        return len(self.spell)


def draw_contracts(
    population: Population, clock: Clock, rng: np.random.Generator
) -> tuple[Contracts, Ints, Ints]:
    """The contracts of a batch; end of the last insurance sold per spell (0 = none); and
    renewals (spell, day, won as 0/1) as rows of an (n, 3) array for the renewal rate."""
    parts: list[list[np.ndarray]] = []
    insured, chances = _insurance(population, clock, rng, parts)
    _once(population, clock, rng, parts)
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.lexsort((columns[1], columns[2], columns[0]))
    values = [column[order] for column in columns]
    balance = np.where(values[3] < clock.until, 0, values[7])
    contracts = Contracts(
        spell=values[0],
        type=values[1],
        starts=values[2],
        ends=values[3],
        price=values[4],
        cost=values[5],
        commission=values[6],
        balance=balance,
        past=values[3] < clock.until,
    )
    return contracts, insured, chances


def _insurance(
    population: Population, clock: Clock, rng: np.random.Generator, parts: list[list[np.ndarray]]
) -> tuple[Ints, Ints]:
    spells, people = population.spells, population.people
    count = len(spells)
    loyalty = people.loyalty[spells.person]
    rates = np.array([tier.renewal for tier in TIERS])[spells.tier]
    insured = np.zeros(count, dtype=np.int64)
    price = list_price()[population.series()]
    mean = np.array([np.mean(list_price()[_series_of(t)]) for t in range(len(TIERS))])
    premium = tier_values("premium")[spells.tier] * (price / mean[spells.tier]) ** 0.6
    chances = []
    for year in range(_YEARS):
        rate = np.full(count, 0.85) if year == 0 else rates[:, min(year, 5) - 1]
        odds = rate / (1 - rate) * np.exp(0.8 * loyalty)
        day = spells.start + 365 * year - (rng.integers(0, 20, count) if year else 0)
        open_ = spells.bought_here & (day < spells.end) & (day < clock.until)
        won = open_ & (rng.random(count) < odds / (1 + odds))
        seen = open_ & (day >= clock.window_start)
        if year:
            asked = np.flatnonzero(seen)
            chances.append(np.stack([asked, day[asked], won[asked].astype(np.int64)], axis=1))
        who = np.flatnonzero(won & seen)
        start = spells.start[who] + 365 * year
        paid = _fen(premium[who] * 0.93**year * rng.normal(1.0, 0.08, who.size).clip(0.7, 1.3))
        insured[who] = start + 364
        parts.append(
            _columns(0, who, start, start + 364, paid, 0 * paid, paid * 18 // 100, 0 * paid)
        )
    return insured, np.concatenate(chances)


def _once(
    population: Population, clock: Clock, rng: np.random.Generator, parts: list[list[np.ndarray]]
) -> None:
    """Contracts sold with the car or soon after."""
    spells, cars, people = population.spells, population.cars, population.people
    begin = spells.start
    seen = (begin >= clock.window_start) & (begin < clock.until - 1)
    price = list_price()[population.series()]
    minor = tier_values("minor")[spells.tier]
    private = people.kind[spells.person] == PERSON
    loyal = (1.0 + 0.35 * people.loyalty[spells.person]).clip(0.2, 2.0)

    def sold(share: float | Floats, base: Bools) -> Ints:
        return np.flatnonzero(seen & base & (rng.random(len(spells)) < share))

    here = spells.bought_here
    who = sold(1.0, here & cars.extended[spells.car])
    cost = _fen(price[who] * 0.028)
    parts.append(
        _columns(
            1, who, begin[who], cars.warranty_until[spells.car[who]],
            cost, cost * 55 // 100, 0 * cost, 0 * cost,
        )
    )  # fmt: skip
    who = sold(0.13 * loyal, here)
    services = rng.integers(3, 6, who.size)
    paid = _fen(minor[who] * services * 0.85)
    left = 1 - (clock.until - begin[who]) / 1095 * rng.uniform(0.7, 1.2, who.size)
    balance = np.round(paid * left.clip(0, 1) / 100).astype(np.int64) * 100
    parts.append(_columns(2, who, begin[who], begin[who] + 1095, paid, 0 * paid, 0 * paid, balance))
    who = sold(0.05 * loyal, private)
    day = np.minimum(begin[who] + rng.integers(0, 900, who.size), clock.until - 1)
    paid = rng.choice([100000, 200000, 300000, 500000], who.size)
    balance = np.round(paid * rng.beta(0.7, 1.2, who.size) / 100).astype(np.int64) * 100
    parts.append(_columns(3, who, day, day + 1095, paid, 0 * paid, 0 * paid, balance))
    who = sold(0.08 * loyal, private)
    paid = np.full(who.size, 19900)
    parts.append(_columns(4, who, begin[who], begin[who] + 365, paid, 0 * paid, 0 * paid, 0 * paid))
    who = sold(0.42, here & private)
    paid = _fen(price[who] * 0.6)
    parts.append(
        _columns(5, who, begin[who], begin[who] + 1095, paid, 0 * paid, paid * 15 // 1000, 0 * paid)
    )
    who = sold(0.30, here)
    paid = _fen(price[who] * rng.uniform(0.005, 0.02, who.size))
    parts.append(
        _columns(6, who, begin[who], begin[who], paid, paid * 62 // 113, 0 * paid, 0 * paid)
    )


def _columns(code: int, who: Ints, *values: Ints) -> list[np.ndarray]:
    return [who, np.full(who.size, code), *values]


def _fen(amount: Floats) -> Ints:
    return np.round(amount).astype(np.int64) * 100


def _series_of(tier: int) -> list[int]:
    return [number for number, series in enumerate(SERIES) if series.tier == tier]


def contract_rows(
    contracts: Contracts, batch: Batch, rng: np.random.Generator
) -> list[tuple[str, ...]]:
    """Rows of contracts."""
    spell, times = contracts.spell, batch.times
    store = batch.population.spells.store[spell]
    insurance = (contracts.type == 0).tolist()
    insurer = rng.integers(0, len(_INSURERS), len(contracts)).tolist()
    policy = rng.integers(10**9, 10**10, len(contracts)).tolist()
    columns = [
        batch.stores(store),
        [f"K{value:07d}" for value in batch.numbering.take(batch.numbering.contracts, store)],
        batch.customers(spell, batch.own_slot(spell, MAIN, SECOND_NUMBER)),
        chosen(contracts.type, TYPES),
        batch.vins(spell),
        times.days(contracts.starts),
        times.days(contracts.ends),
        yuan(contracts.price),
        yuan(contracts.cost),
        yuan(contracts.commission),
        yuan(contracts.balance),
        ["expired" if past else "active" for past in contracts.past.tolist()],
        [_INSURERS[i] if own else "" for i, own in zip(insurer, insurance, strict=True)],
        [f"PD{number}" if own else "" for number, own in zip(policy, insurance, strict=True)],
    ]
    return list(zip(*columns, strict=True))
