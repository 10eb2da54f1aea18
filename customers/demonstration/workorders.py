"""Rows of visits and visit_lines out of priced repair orders."""

import numpy as np

from customers.demonstration.batch import Batch
from customers.demonstration.catalogue import KINDS, PAYERS, SERIES, TIERS
from customers.demonstration.money import OPERATION_LIST
from customers.demonstration.names import people_names
from customers.demonstration.orders import CANCELLED, INTERNAL, OPEN, STATUSES, Orders
from customers.demonstration.people import Ints
from customers.demonstration.register import Numbering, Register
from customers.demonstration.writer import Times, chosen, flags, whole, yuan


def order_numbers(orders: Orders, numbering: Numbering, times: Times) -> list[str]:
    """R + YYMMDD + running number of the store's day; unique within a store."""
    counter = numbering.order_of_day
    cell = orders.store * counter.shape[1] + orders.day
    rank = numbering.take(counter.reshape(-1), cell)
    return [
        f"R{day}{number:04d}" for day, number in zip(times.compact(orders.day), rank, strict=True)
    ]


def visit_rows(batch: Batch, rng: np.random.Generator) -> list[tuple[str, ...]]:
    """Rows of visits in the order of the batch's orders."""
    orders, times, advisors = batch.orders, batch.times, batch.network.advisors
    count = len(orders)
    opened = orders.day * 1440 + orders.minute
    closed = _closing(opened, orders.minutes_taken)
    done = (orders.status != OPEN) & (orders.status != CANCELLED)
    promised = _closing(opened, orders.minutes_taken * 9 // 10)
    bringer, mobile = _bringers(orders, batch.register, rng)
    pays = [yuan(orders.pays[:, payer]) for payer in range(len(PAYERS))]
    columns = [
        batch.stores(orders.store),
        batch.numbers,
        batch.customers(orders.spell, orders.slot),
        times.instants(opened),
        batch.vins(orders.spell),
        bringer,
        mobile,
        _shown(times.instants(promised), rng.random(count) < 0.8),
        _shown(times.instants(closed), done),
        whole(orders.mileage),
        chosen(orders.kind, KINDS),
        [
            advisors[store][advisor]
            for store, advisor in zip(orders.store.tolist(), orders.advisor.tolist(), strict=True)
        ],
        flags(orders.appointment),
        *pays,
        yuan(orders.labour),
        yuan(orders.parts),
        yuan(orders.discount),
        yuan(orders.cost),
        whole(orders.wait),
        flags(orders.comeback),
        chosen(orders.status, STATUSES),
        batch.order_numbers(orders.original),
    ]
    return list(zip(*columns, strict=True))


def _closing(opened: Ints, minutes: Ints) -> Ints:
    """The moment of hand-over: within opening hours (to 18:30, else the next morning)."""
    end = opened + minutes
    minute = end % 1440
    late = (minute > 1110) | (minute < 510)
    return np.where(late, (end - (minute < 510) * 1440) // 1440 * 1440 + 1440 + 540, end)


def _bringers(
    orders: Orders, register: Register, rng: np.random.Generator
) -> tuple[list[str], list[str]]:
    """One visit in eight is brought by somebody other than the owner."""
    count = len(orders)
    names, mobiles = [""] * count, [""] * count
    others = np.flatnonzero((rng.random(count) < 0.12) & (orders.slot != INTERNAL))
    for place, name in zip(
        others.tolist(), people_names(rng, rng.random(others.size) < 0.5), strict=True
    ):
        names[place] = name
        if place % 3:
            mobiles[place] = register.mobiles[place % len(register.mobiles)]
    return names, mobiles


def _shown(values: list[str], known: np.ndarray) -> list[str]:
    return [value if shown else "" for value, shown in zip(values, known.tolist(), strict=True)]


def line_rows(batch: Batch) -> list[tuple[str, ...]]:
    """Rows of visit_lines; a division whose feed shows parts cost only shows it here, too."""
    orders, lines, visit = batch.orders, batch.orders.lines, batch.orders.lines.visit
    position = np.arange(len(lines)) - np.searchsorted(visit, visit, side="left") + 1
    spell = orders.spell[visit]
    labour_shown = np.array([tier.cost_basis != "parts" for tier in TIERS])
    shown = labour_shown[batch.population.spells.tier[spell]]
    cost = lines.parts_cost + np.where(shown, lines.labour_cost, 0)
    series = batch.population.series()[spell].tolist()
    codes = [entry[0] for entry in OPERATION_LIST]
    part_table = [
        [f"{entry.wmi}{code}-{number:02d}" for code in codes] for number, entry in enumerate(SERIES)
    ]
    has_part = lines.parts > 0
    parts = [
        part_table[line][operation]
        for line, operation in zip(series, lines.operation.tolist(), strict=True)
    ]
    columns = [
        batch.stores(orders.store[visit]),
        batch.order_numbers(visit),
        whole(position),
        chosen(lines.kind, KINDS),
        chosen(lines.operation, codes),
        chosen(lines.operation, [entry[1] for entry in OPERATION_LIST]),
        [f"{hours:.1f}" for hours in lines.hours.tolist()],
        yuan(lines.labour),
        _shown(parts, has_part),
        ["1" if part else "" for part in has_part.tolist()],
        yuan(lines.parts),
        yuan(cost),
        chosen(lines.payer, PAYERS),
        flags(lines.declined),
    ]
    return list(zip(*columns, strict=True))
