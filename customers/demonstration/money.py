"""What each visit costs: the lines of a repair order, who pays them, and what they cost the store.

Amounts are fen including VAT; costs are fen net of VAT.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from customers.demonstration.catalogue import (
    DECLINED,
    KIND,
    KINDS,
    OPERATIONS,
    PAYER,
    TIERS,
    VAT_RATE,
    tier_values,
)
from customers.demonstration.people import Bools, Floats, Ints

OPERATION_LIST = [entry for kind in KINDS for entry in OPERATIONS[kind]] + [
    (code, text) for code, text, _ in DECLINED
]
_FIRST_OPERATION = np.cumsum([0] + [len(OPERATIONS[kind]) for kind in KINDS])
_FIRST_DECLINED = int(_FIRST_OPERATION[-1])
_DECLINED_SIZE = np.array([size for _, _, size in DECLINED])

_SPREAD = np.full(len(KINDS), 0.45)
_SPREAD[KIND["maintenance"]] = _SPREAD[KIND["first_service"]] = 0.16
_SPREAD[KIND["accident"]] = 0.80
_SPREAD[KIND["pdi"]] = 0.10

_PAYER_OF_KIND = np.full(len(KINDS), PAYER["customer"])
for _name in ("first_service", "warranty", "recall"):
    _PAYER_OF_KIND[KIND[_name]] = PAYER["warranty"]
_PAYER_OF_KIND[KIND["accident"]] = PAYER["insurance"]
for _name in ("pdi", "comeback"):
    _PAYER_OF_KIND[KIND[_name]] = PAYER["internal"]


def _mean_prices() -> Floats:
    table = np.zeros((len(TIERS), len(KINDS)))
    for number, tier in enumerate(TIERS):
        for name in ("first_service", "accident", "warranty", "repair", "body_paint", "tyre"):
            table[number, KIND[name]] = getattr(tier, name)
        table[number, KIND["maintenance"]] = tier.minor
        table[number, KIND["accessories"]] = tier.accessories
        table[number, KIND["recall"]] = 0.75 * tier.warranty
        table[number, KIND["other"]] = 0.35 * tier.minor
        table[number, KIND["comeback"]] = 0.35 * tier.repair
        table[number, KIND["pdi"]] = 1.2 * tier.labour_rate
    return table


_MEAN_PRICE = _mean_prices()


@dataclass
class Work:
    """What is to be priced, one entry per visit."""

    kind: Ints
    major: Bools
    tier: Ints
    factor: Floats
    age_years: Floats
    battery: Bools
    covered: Bools

    def __len__(self) -> int:
        return len(self.kind)


@dataclass
class Lines:
    """Lines of orders; money in fen. ``full_cost`` is parts and labour, whatever the feed shows."""

    visit: Ints
    kind: Ints
    operation: Ints
    labour: Ints
    parts: Ints
    parts_cost: Ints
    labour_cost: Ints
    payer: Ints
    declined: Bools
    hours: Floats

    def __len__(self) -> int:
        return len(self.visit)

    def per_visit(self, values: NDArray[np.int64], count: int) -> Ints:
        """Exact sums of ``values`` over the done lines of each of ``count`` visits."""
        total = np.zeros(count, dtype=np.int64)
        done = ~self.declined
        np.add.at(total, self.visit[done], values[done])
        return total


def price_lines(work: Work, rng: np.random.Generator) -> Lines:
    """The lines of every visit: main work, extra work, warranty work on the side, declined work."""
    parts = [_main(work, rng), _damage(work, rng), _extra(work, rng), _on_the_side(work, rng)]
    parts.append(_declined(work, rng))
    joined = {
        item.name: np.concatenate([getattr(part, item.name) for part in parts])
        for item in fields(Lines)
    }
    order = np.argsort(joined["visit"], kind="stable")
    return Lines(**{name: values[order] for name, values in joined.items()})


def _main(work: Work, rng: np.random.Generator) -> Lines:
    mean = _MEAN_PRICE[work.tier, work.kind].copy()
    mean = np.where(work.major, tier_values("major")[work.tier], mean)
    routine = (work.kind == KIND["maintenance"]) | (work.kind == KIND["first_service"])
    mean *= np.where(routine & work.battery, 0.5, 1.0)
    mean *= 1.0 + 0.02 * np.where(routine, 0.0, work.age_years.clip(0, 8) - 3)
    share = np.where(work.kind == KIND["accident"], 0.55, 1.0)
    amount = mean * work.factor * _lognormal(_SPREAD[work.kind], rng) * share
    payer = _PAYER_OF_KIND[work.kind]
    u = rng.random(len(work))
    payer = np.where((work.kind == KIND["body_paint"]) & (u < 0.5), PAYER["insurance"], payer)
    payer = np.where((work.kind == KIND["accident"]) & (u < 0.06), PAYER["customer"], payer)
    return _lines(np.arange(len(work)), work, work.kind, amount, payer, rng)


def _damage(work: Work, rng: np.random.Generator) -> Lines:
    """The second line of an accident: what the insurer pays after the first look."""
    visit = np.flatnonzero(work.kind == KIND["accident"])
    tier = work.tier[visit]
    mean = 0.45 * tier_values("accident")[tier] * work.factor[visit]
    amount = mean * _lognormal(np.full(visit.size, 0.8), rng)
    payer = np.full(visit.size, PAYER["insurance"])
    return _lines(visit, work, work.kind[visit], amount, payer, rng)


def _extra(work: Work, rng: np.random.Generator) -> Lines:
    chance = np.zeros(len(KINDS))
    chance[[KIND["maintenance"], KIND["repair"]]] = 0.32
    chance[[KIND["first_service"], KIND["warranty"], KIND["tyre"]]] = 0.12
    visit = np.flatnonzero(rng.random(len(work)) < chance[work.kind])
    mean = 0.35 * tier_values("minor")[work.tier[visit]] * work.factor[visit]
    amount = mean * _lognormal(np.full(visit.size, 0.5), rng)
    payer = np.full(visit.size, PAYER["customer"])
    kind = np.full(visit.size, KIND["other"])
    return _lines(visit, work, kind, amount, payer, rng)


def _on_the_side(work: Work, rng: np.random.Generator) -> Lines:
    eligible = (work.kind == KIND["maintenance"]) & work.covered
    visit = np.flatnonzero(eligible & (rng.random(len(work)) < 0.12))
    mean = 0.6 * tier_values("warranty")[work.tier[visit]] * work.factor[visit]
    amount = mean * _lognormal(np.full(visit.size, 0.5), rng)
    kind = np.full(visit.size, KIND["warranty"])
    return _lines(visit, work, kind, amount, np.full(visit.size, PAYER["warranty"]), rng)


def _declined(work: Work, rng: np.random.Generator) -> Lines:
    talk = np.isin(work.kind, [KIND["maintenance"], KIND["repair"], KIND["warranty"]])
    chance = 0.08 + 0.035 * work.age_years.clip(0, 8)
    visit = np.flatnonzero(talk & (rng.random(len(work)) < chance))
    choice = rng.integers(0, len(DECLINED), visit.size)
    mean = tier_values("minor")[work.tier[visit]] * work.factor[visit] * _DECLINED_SIZE[choice]
    amount = mean * _lognormal(np.full(visit.size, 0.2), rng)
    kind = np.full(visit.size, KIND["repair"])
    payer = np.full(visit.size, PAYER["customer"])
    lines = _lines(visit, work, kind, amount, payer, rng)
    lines.operation = _FIRST_DECLINED + choice
    lines.declined[:] = True
    lines.parts_cost[:] = 0
    lines.labour_cost[:] = 0
    return lines


def _lines(
    visit: Ints, work: Work, kind: Ints, amount: Floats, payer: Ints, rng: np.random.Generator
) -> Lines:
    """Split yuan amounts into labour and parts and cost them."""
    tier = work.tier[visit]
    share = tier_values("labour_share")[tier]
    crash = (kind == KIND["accident"]) | (kind == KIND["body_paint"])
    share = np.where(crash, tier_values("accident_labour_share")[tier], share)
    share = np.where(payer == PAYER["warranty"], 0.25, share)
    share = np.where(kind == KIND["pdi"], 0.9, share)
    share = (share + rng.normal(0.0, 0.04, visit.size)).clip(0.05, 0.95)
    labour = np.round(amount * share).astype(np.int64) * 100
    parts = np.round(amount * (1 - share), 1)
    parts_fen = np.round(parts * 100).astype(np.int64)
    margin = tier_values("parts_margin")[tier]
    margin = np.where(
        payer == PAYER["insurance"], tier_values("accident_parts_margin")[tier], margin
    )
    margin = np.where(
        payer == PAYER["warranty"], tier_values("warranty_parts_margin")[tier], margin
    )
    margin = np.where(payer == PAYER["internal"], 0.05, margin)
    margin = (margin + rng.normal(0.0, 0.03, visit.size)).clip(0.0, 0.8)
    labour_margin = np.where(payer == PAYER["internal"], 0.08, tier_values("labour_margin")[tier])
    net = 1.0 + VAT_RATE
    sizes = np.diff(_FIRST_OPERATION)
    place = (rng.random(visit.size) * sizes[kind]).astype(np.int64)
    operation = _FIRST_OPERATION[kind] + place
    operation = _service_operation(operation, visit, work, kind, rng)
    return Lines(
        visit=visit,
        kind=kind,
        operation=operation,
        labour=labour,
        parts=parts_fen,
        parts_cost=np.round(parts_fen / net * (1 - margin)).astype(np.int64),
        labour_cost=np.round(labour / net * (1 - labour_margin)).astype(np.int64),
        payer=payer,
        declined=np.zeros(visit.size, dtype=bool),
        hours=np.round(labour / 100 / tier_values("labour_rate")[tier], 1),
    )


def _service_operation(
    operation: Ints, visit: Ints, work: Work, kind: Ints, rng: np.random.Generator
) -> Ints:
    """Minor, major and electric services carry their own operation."""
    first = int(_FIRST_OPERATION[KIND["maintenance"]])
    coin = (rng.random(visit.size) < 0.6).astype(np.int64)
    service = np.where(work.major[visit], first + 2 + coin, first + coin)
    service = np.where(work.battery[visit], first + 4, service)
    operation = np.where(kind == KIND["maintenance"], service, operation)
    start = int(_FIRST_OPERATION[KIND["first_service"]])
    return np.where(
        kind == KIND["first_service"], start + work.battery[visit].astype(np.int64), operation
    )


def _lognormal(spread: Floats, rng: np.random.Generator) -> Floats:
    """Factors of mean one."""
    return np.exp(rng.normal(0.0, 1.0, spread.size) * spread - spread**2 / 2)
