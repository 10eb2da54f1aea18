"""NPS surveys: few answer, pleased and angry ones more, and some stores help with the tens."""

from dataclasses import dataclass

import numpy as np

from customers.demonstration.batch import Batch
from customers.demonstration.catalogue import KIND, TIERS, tier_values
from customers.demonstration.network import Network
from customers.demonstration.orders import CLOSED, INTERNAL, Orders
from customers.demonstration.people import FLEET, Bools, Floats, Ints, Population
from customers.demonstration.seasons import Clock
from customers.demonstration.writer import chosen

_CHANNELS = ("sms", "app", "phone")
_REASONS = (
    ("等待时间", "等了太久 没有人说明进度"),
    ("价格", "价格偏高 外面便宜很多"),
    ("维修质量", "同样的问题没有一次修好"),
    ("服务态度", "服务顾问推荐项目太多"),
    ("交车", "交车时没有解释账单"),
)
_PRAISE = ("服务顾问很热情", "很快就修好了", "环境不错", "价格透明", "")


@dataclass(frozen=True)
class Surveys:
    """One entry per survey sent; instants in minutes since day 0, ``score`` −1 unanswered."""

    visit: Ints
    store: Ints
    day: Ints
    channel: Ints
    sent: Ints
    answered: Ints
    score: Ints
    anonymous: Bools


def draw_surveys(
    orders: Orders,
    population: Population,
    network: Network,
    clock: Clock,
    rng: np.random.Generator,
) -> Surveys:
    """Ask after half of the visits of people and companies, and wait for answers."""
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
    who, store, mood = owner[visit], orders.store[visit], orders.mood[visit]
    tier = spells.tier[orders.spell[visit]]
    phone = rng.random(visit.size) < 0.15
    rate = np.where(
        phone, tier_values("response_phone")[tier], tier_values("response_message")[tier]
    )
    # The delighted and the angry answer more.
    eager = people.answers[who] * np.where(np.abs(mood) > 1.3, 1.3, 0.92)
    sent = orders.day[visit] * 1440 + 1440 + rng.integers(9 * 60, 19 * 60, visit.size)
    answered = sent + rng.exponential(20 * 60, visit.size).astype(np.int64) + 2
    answers = rng.random(visit.size) < (rate * eager).clip(0, 0.95)
    answers &= answered < clock.until * 1440
    return Surveys(
        visit=visit,
        store=store,
        day=orders.day[visit],
        channel=np.where(phone, 2, (rng.random(visit.size) < 0.4).astype(np.int64)),
        sent=sent,
        answered=answered,
        score=np.where(answers, _score(mood, store, tier, network, rng), -1),
        anonymous=rng.random(visit.size) < 0.03,
    )


def _score(
    mood: Floats, store: Ints, tier: Ints, network: Network, rng: np.random.Generator
) -> Ints:
    """0…10: what was felt, with noise; gaming turns all but the angry into tens."""
    felt = mood + rng.normal(0.0, 0.45, mood.size)
    hard = np.array([(0.65 - item.tens) * 4 for item in TIERS])[tier]
    steps = np.array([-2.6, -2.3, -2.05, -1.9, -1.75, -1.6, -1.4, -1.1, -0.75, -0.03])
    plain = np.searchsorted(steps, felt - hard)
    gamed = (rng.random(mood.size) < network.gaming[store]) & (mood > -1.9)
    return np.where(gamed, 10, plain)


def survey_rows(surveys: Surveys, batch: Batch, rng: np.random.Generator) -> list[tuple[str, ...]]:
    """Rows of nps; anonymous answers count for their store and month only."""
    orders, times, visit = batch.orders, batch.times, surveys.visit
    spell = orders.spell[visit]
    named = (~surveys.anonymous).tolist()
    talk = rng.integers(0, 1 << 20, visit.size).tolist()
    said = [_said(score, draw) for score, draw in zip(surveys.score.tolist(), talk, strict=True)]
    answered = times.instants(surveys.answered)
    columns = [
        batch.stores(surveys.store),
        [
            f"Q{number:07d}"
            for number in batch.numbering.take(batch.numbering.surveys, surveys.store)
        ],
        times.instants(surveys.sent),
        _if(named, batch.customers(spell, orders.slot[visit])),
        _if(named, batch.vins(spell)),
        _if(named, batch.order_numbers(visit)),
        _if((surveys.score >= 0).tolist(), answered),
        [str(score) if score >= 0 else "" for score in surveys.score.tolist()],
        chosen(surveys.channel, _CHANNELS),
        [reason for reason, _ in said],
        [comment for _, comment in said],
    ]
    return list(zip(*columns, strict=True))


def _said(score: int, draw: int) -> tuple[str, str]:
    """Reason and comment of an answer."""
    if 0 <= score <= 6:
        return _REASONS[draw % len(_REASONS)]
    if score >= 9 and draw % 3 == 0:
        return "", _PRAISE[draw // 3 % len(_PRAISE)]
    return "", ""


def _if(shown: list[bool], values: list[str]) -> list[str]:
    return [value if show else "" for show, value in zip(shown, values, strict=True)]
