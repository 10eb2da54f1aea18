"""Repair orders: the visits of a batch with their numbers, times, people and sums."""

from dataclasses import dataclass

import numpy as np

from customers.demonstration.catalogue import KIND, KINDS, PAYERS, TIERS, tier_values
from customers.demonstration.money import Lines, Work, price_lines
from customers.demonstration.network import Network
from customers.demonstration.people import (
    Bools,
    Floats,
    Ints,
    Population,
    series_factor,
    series_is_battery,
)
from customers.demonstration.seasons import Clock
from customers.demonstration.service import History, Jobs

CLOSED, OPEN, CANCELLED, CREDIT = 0, 1, 2, 3
STATUSES = ("closed", "open", "cancelled", "credit")
MAIN, SECOND_NUMBER, SECOND_STORE, INTERNAL = 0, 1, 2, 3

_HOURS = np.full(len(KINDS), 3.0)
for _name, _hours in (
    ("maintenance", 1.8),
    ("first_service", 1.2),
    ("accident", 120.0),
    ("body_paint", 40.0),
    ("repair", 7.0),
    ("warranty", 9.0),
    ("tyre", 1.5),
):
    _HOURS[KIND[_name]] = _hours


@dataclass
class Orders:
    """Visits in the order of store and day. Money in fen; ``original`` indexes this table.

    ``slot`` says under which of the customer's numbers the order stands.
    """

    spell: Ints
    store: Ints
    slot: Ints
    day: Ints
    minute: Ints
    minutes_taken: Ints
    kind: Ints
    mood: Floats
    mileage: Ints
    advisor: Ints
    appointment: Bools
    wait: Ints
    comeback: Bools
    status: Ints
    original: Ints
    pays: Ints
    labour: Ints
    parts: Ints
    discount: Ints
    cost: Ints
    parts_cost: Ints
    labour_cost: Ints
    lines: Lines

    def __len__(self) -> int:
        return len(self.spell)

    def counted(self) -> Bools:
        """Orders that the ledger books: neither cancelled nor pre-delivery."""
        return (self.status != CANCELLED) & (self.kind != KIND["pdi"])

    def outside(self) -> Ints:
        """What customer, manufacturer and insurer pay for each order, VAT included."""
        return self.pays[:, :3].sum(axis=1)


def late_store(network: Network) -> tuple[int, int]:
    """The store whose feed runs late, and by how many days."""
    return len(network.stores) - 2, 9


def write_orders(
    population: Population,
    history: History,
    network: Network,
    clock: Clock,
    rng: np.random.Generator,
) -> Orders:
    """Turn what happened into repair orders, with splits, cancellations, credits and PDI."""
    jobs, status, pdi = _worklist(population, history.jobs, clock, rng)
    spells, people = population.spells, population.people
    owner = spells.person[jobs.spell]
    second = people.second_store[owner]
    away = (second >= 0) & (rng.random(len(jobs)) < 0.35) & ~pdi & (jobs.original < 0)
    away[jobs.original >= 0] = away[jobs.original[jobs.original >= 0]]
    store = np.where(away, second, spells.store[jobs.spell])
    slot = np.where(spells.second_number[jobs.spell], SECOND_NUMBER, MAIN)
    slot = np.where(away, SECOND_STORE, np.where(pdi, INTERNAL, slot))
    late, lag = late_store(network)
    keep = ~((store == late) & (jobs.day >= clock.until - lag))
    order = np.lexsort((jobs.spell, jobs.day, store))
    order = order[keep[order]]
    place = np.full(len(jobs) + 1, -1)
    place[order] = np.arange(order.size)
    jobs, status, store, slot = jobs.take(order), status[order], store[order], slot[order]
    jobs.original = place[jobs.original]
    priced = _priced(population, jobs, store, slot, status, network, rng)
    return _with_credits(priced, clock, rng)


def _worklist(
    population: Population, jobs: Jobs, clock: Clock, rng: np.random.Generator
) -> tuple[Jobs, Ints, Bools]:
    """Jobs plus second orders of a day, reopened orders (cancelled) and pre-delivery work."""
    count = len(jobs)
    split = np.flatnonzero(rng.random(count) < 0.010)
    dropped = np.flatnonzero((rng.random(count) < 0.008) & (jobs.day > clock.window_start + 6))
    cars, spells = population.cars, population.spells
    bought = np.flatnonzero(
        spells.bought_here
        & ~cars.sold_used[spells.car]
        & (spells.start >= clock.window_start + 4)
        & (spells.start < clock.until)
    )
    added = split.size + dropped.size + bought.size
    whole = Jobs(
        spell=np.concatenate([jobs.spell, jobs.spell[split], jobs.spell[dropped], bought]),
        day=np.concatenate(
            [
                jobs.day,
                jobs.day[split],
                jobs.day[dropped] - rng.integers(0, 5, dropped.size),
                spells.start[bought] - rng.integers(1, 4, bought.size),
            ]
        ),
        kind=np.concatenate(
            [
                jobs.kind,
                np.full(split.size, KIND["other"]),
                jobs.kind[dropped],
                np.full(bought.size, KIND["pdi"]),
            ]
        ),
        major=np.concatenate([jobs.major, np.zeros(added, dtype=bool)]),
        mood=np.concatenate([jobs.mood, np.zeros(added)]),
        original=np.concatenate([jobs.original, np.full(added, -1)]),
    )
    status = np.full(len(whole), CLOSED)
    begin = count + split.size
    status[begin : begin + dropped.size] = CANCELLED
    stays = np.maximum(_HOURS[whole.kind] / 24.0, 0.45)
    still = (clock.until - whole.day) <= stays * rng.uniform(0.6, 1.6, len(whole))
    status[still & (status == CLOSED)] = OPEN
    pdi = np.arange(len(whole)) >= count + split.size + dropped.size
    status[pdi] = CLOSED
    return whole, status, pdi


def _priced(
    population: Population,
    jobs: Jobs,
    store: Ints,
    slot: Ints,
    status: Ints,
    network: Network,
    rng: np.random.Generator,
) -> Orders:
    spells, people, cars = population.spells, population.people, population.cars
    count, spell = len(jobs), jobs.spell
    owner, car, series = spells.person[spell], spells.car[spell], population.series()[spell]
    tier = spells.tier[spell]
    work = Work(
        kind=jobs.kind,
        major=jobs.major,
        tier=tier,
        factor=people.price_level[owner] * series_factor()[series],
        age_years=(jobs.day - cars.built[car]) / 365.25,
        battery=series_is_battery()[series],
        covered=cars.warranty_until[car] > jobs.day,
    )
    lines = price_lines(work, rng)
    pays, discount = _payments(lines, count, rng)
    parts_cost = lines.per_visit(lines.parts_cost, count)
    labour_cost = lines.per_visit(lines.labour_cost, count)
    shown = np.array([tier_.cost_basis != "parts" for tier_ in TIERS])[tier]
    taken = _HOURS[jobs.kind] * 60 * np.exp(rng.normal(-0.06, 0.35, count))
    driven = spells.km_at_start[spell] + spells.km_per_day[spell] * (jobs.day - spells.start[spell])
    advisor, appointment, wait = _reception(jobs, owner, store, tier, network, rng)
    return Orders(
        spell=spell,
        store=store,
        slot=slot,
        day=jobs.day,
        minute=(8 * 60 + rng.beta(1.6, 2.2, count) * 560).astype(np.int64),
        minutes_taken=taken.astype(np.int64) + 15,
        kind=jobs.kind,
        mood=jobs.mood,
        mileage=np.maximum(driven, 1).astype(np.int64),
        advisor=advisor,
        appointment=appointment,
        wait=wait,
        comeback=jobs.kind == KIND["comeback"],
        status=status,
        original=jobs.original,
        pays=pays,
        labour=lines.per_visit(lines.labour, count),
        parts=lines.per_visit(lines.parts, count),
        discount=discount,
        cost=parts_cost + np.where(shown, labour_cost, 0),
        parts_cost=parts_cost,
        labour_cost=labour_cost,
        lines=lines,
    )


def _payments(lines: Lines, count: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """What each payer pays (visits × payers) and the discount on the customer's part."""
    amounts = lines.labour + lines.parts
    by_payer = [np.where(lines.payer == payer, amounts, 0) for payer in range(len(PAYERS))]
    pays = np.stack([lines.per_visit(part, count) for part in by_payer], axis=1)
    offered = (rng.random(count) < 0.27) * rng.uniform(0.03, 0.14, count)
    discount = np.round(pays[:, 0] * offered / 100).astype(np.int64) * 100
    pays[:, 0] -= discount
    return pays, discount


def _reception(
    jobs: Jobs, owner: Ints, store: Ints, tier: Ints, network: Network, rng: np.random.Generator
) -> tuple[Ints, Bools, Ints]:
    """Who received the car, whether by appointment, and minutes waited (−1 not recorded)."""
    count = len(jobs)
    teams = np.array([len(team) for team in network.advisors])[store]
    usual = owner * 7 % teams
    other = rng.integers(0, 1 << 20, count) % teams
    booked = tier_values("appointment_rate")[tier]
    planned = np.isin(jobs.kind, [KIND["maintenance"], KIND["first_service"], KIND["recall"]])
    waits = np.exp(rng.normal(3.0, 0.6, count) - 0.25 * jobs.mood).astype(np.int64)
    # A third of the stores record waiting times.
    silent = (store % 3 != 0) | (rng.random(count) < 0.3) | (jobs.kind == KIND["pdi"])
    return (
        np.where(rng.random(count) < 0.7, usual, other),
        rng.random(count) < booked * np.where(planned, 1.2, 0.6),
        np.where(silent, -1, waits),
    )


def _with_credits(orders: Orders, clock: Clock, rng: np.random.Generator) -> Orders:
    """Append red invoices: the same order with the signs turned, some days later."""
    count = len(orders)
    later = orders.day + rng.integers(1, 25, count)
    chosen = np.flatnonzero(
        (rng.random(count) < 0.004)
        & (orders.status == CLOSED)
        & (orders.kind != KIND["pdi"])
        & (later < clock.until - 10)
        & (orders.outside() > 0)
    )
    grown: dict[str, object] = {"lines": orders.lines}
    for name in Orders.__dataclass_fields__:
        if name == "lines":
            continue
        values = getattr(orders, name)
        extra = values[chosen]
        if name in _SIGNED:
            extra = -extra
        grown[name] = np.concatenate([values, extra])
    result = Orders(**grown)  # type: ignore[arg-type]
    result.day[count:] = later[chosen]
    result.status[count:] = CREDIT
    result.original[count:] = chosen
    result.minutes_taken[count:] = 20
    return result


_SIGNED = frozenset({"pays", "labour", "parts", "discount", "cost", "parts_cost", "labour_cost"})
