"""NPS surveys: few answer, pleased and angry ones more, and some stores help with the tens."""

import numpy as np

from customers.demonstration.catalogue import KIND, TIERS, tier_values
from customers.demonstration.network import Network
from customers.demonstration.orders import CLOSED, INTERNAL, Orders
from customers.demonstration.people import FLEET, Bools, Floats, Ints, Population
from customers.demonstration.register import Numbering, Register
from customers.demonstration.seasons import Clock
from customers.demonstration.writer import Times, chosen

_CHANNELS = ("sms", "app", "phone")
_REASONS = (
    ("等待时间", "等了太久 没有人说明进度"),
    ("价格", "价格偏高 外面便宜很多"),
    ("维修质量", "同样的问题没有一次修好"),
    ("服务态度", "服务顾问推荐项目太多"),
    ("交车", "交车时没有解释账单"),
)
_PRAISE = ("服务顾问很热情", "很快就修好了", "环境不错", "价格透明", "")


def survey_rows(
    orders: Orders,
    numbers: list[str],
    register: Register,
    population: Population,
    network: Network,
    clock: Clock,
    numbering: Numbering,
    times: Times,
    rng: np.random.Generator,
) -> tuple[list[tuple[str, ...]], Ints, Ints, Ints]:
    """Rows of nps, and store, day and score (−1 unanswered) of each for the ledger."""
    spells, people = population.spells, population.people
    owner = spells.person[orders.spell]
    asked = (
        (orders.status == CLOSED)
        & (orders.slot != INTERNAL)
        & (orders.kind != KIND["comeback"])
        & (people.kind[owner] != FLEET)
        & (orders.day < clock.until - 3)
        & (rng.random(len(orders)) < 0.5)
    )
    visit = np.flatnonzero(asked)
    who, store = owner[visit], orders.store[visit]
    tier = spells.tier[orders.spell[visit]]
    phone = rng.random(visit.size) < 0.15
    channel = np.where(phone, 2, (rng.random(visit.size) < 0.4).astype(np.int64))
    rate = np.where(
        phone, tier_values("response_phone")[tier], tier_values("response_message")[tier]
    )
    eager = people.answers[who] * np.where(np.abs(orders.mood[visit]) > 1.3, 1.3, 0.92)
    sent = orders.day[visit] * 1440 + 1440 + rng.integers(9 * 60, 19 * 60, visit.size)
    answered = sent + (rng.exponential(20 * 60, visit.size)).astype(np.int64) + 2
    answers = (rng.random(visit.size) < (rate * eager).clip(0, 0.95)) & (
        answered < clock.until * 1440
    )
    score = np.where(answers, _score(orders.mood[visit], store, tier, network, rng), -1)
    anonymous = rng.random(visit.size) < 0.03
    return (
        _rows(
            visit, store, channel, sent, answered, score, anonymous,
            orders, numbers, register, population, network, numbering, times, rng,
        ),
        store,
        orders.day[visit],
        score,
    )  # fmt: skip


def _score(
    mood: Floats, store: Ints, tier: Ints, network: Network, rng: np.random.Generator
) -> Ints:
    """0…10. A tenth of answers comes from a stranger; gaming turns what it can into tens."""
    felt = mood + rng.normal(0.0, 0.45, mood.size)
    hard = np.array([(0.65 - item.tens) * 4 for item in TIERS])[tier]
    steps = np.array([-2.6, -2.3, -2.05, -1.9, -1.75, -1.6, -1.4, -1.1, -0.75, -0.03])
    plain = np.searchsorted(steps, felt - hard)
    gamed = (rng.random(mood.size) < network.gaming[store]) & (mood > -1.9)
    return np.where(gamed, 10, plain)


def _rows(
    visit: Ints,
    store: Ints,
    channel: Ints,
    sent: Ints,
    answered: Ints,
    score: Ints,
    anonymous: Bools,
    orders: Orders,
    numbers: list[str],
    register: Register,
    population: Population,
    network: Network,
    numbering: Numbering,
    times: Times,
    rng: np.random.Generator,
) -> list[tuple[str, ...]]:
    spells = population.spells
    spell = orders.spell[visit]
    hidden = anonymous.tolist()
    customer = register.numbers_of(spells.person[spell], orders.slot[visit])
    cars = spells.car[spell].tolist()
    talk = rng.integers(0, 1 << 20, visit.size).tolist()
    known = score >= 0
    reasons, comments = [], []
    for value, draw in zip(score.tolist(), talk, strict=True):
        if 0 <= value <= 6:
            reason, comment = _REASONS[draw % len(_REASONS)]
        elif value >= 9 and draw % 3 == 0:
            reason, comment = "", _PRAISE[draw // 3 % len(_PRAISE)]
        else:
            reason, comment = "", ""
        reasons.append(reason)
        comments.append(comment)
    columns = [
        chosen(store, [shop.code for shop in network.stores]),
        [f"Q{number:07d}" for number in numbering.take(numbering.surveys, store)],
        times.instants(sent),
        ["" if hide else number for hide, number in zip(hidden, customer, strict=True)],
        ["" if hide else register.vins[car] for hide, car in zip(hidden, cars, strict=True)],
        ["" if hide else numbers[v] for hide, v in zip(hidden, visit.tolist(), strict=True)],
        [
            text if shown else ""
            for text, shown in zip(times.instants(answered), known.tolist(), strict=True)
        ],
        [str(value) if value >= 0 else "" for value in score.tolist()],
        chosen(channel, _CHANNELS),
        reasons,
        comments,
    ]
    return list(zip(*columns, strict=True))
