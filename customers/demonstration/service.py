"""The event process: why and when cars come in, told week by week.

Not a renewal or BG/NBD sampler. Each spell has an *attached* owner or not. Attached owners come
when a service is due by time or mileage, sometimes skip one, and bring most other work; they
detach through bad visits, slow erosion, the end of the warranty, and come back through recalls,
accidents and warranty work. Moving away and selling the car end everything.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from customers.demonstration.catalogue import KIND, tier_values
from customers.demonstration.network import Network
from customers.demonstration.people import (
    FLEET,
    Bools,
    Floats,
    Ints,
    Population,
    series_is_battery,
    series_is_new_energy,
)
from customers.demonstration.seasons import Calendar, Clock

WEEKS_A_YEAR = 365.25 / 7
# Kinds of chance work, in the order of the columns of the weekly rates.
CHANCE = ("accident", "warranty", "repair", "body_paint", "tyre", "accessories")
KIND_OF_CHANCE = np.array([KIND[name] for name in CHANCE])
_CAPTURE_ATTACHED = np.array([0.88, 0.97, 0.75, 0.60, 0.45, 0.50])
_CAPTURE_DETACHED = np.array([0.08, 0.36, 0.04, 0.05, 0.04, 0.02])
_PATIENCE = np.array([6.0, 16.0, 10.0, 20.0, 20.0, 30.0])
_WIN_BACK = {"accident": 0.16, "warranty": 0.20, "recall": 0.22}
BAD = -1.55
SKIP_SPREAD = 1.9
# Weekly share of services due within six weeks that are done before Spring Festival instead.
BROUGHT_FORWARD = 0.26
# Share of services due that detached owners have done at the group after all.
STRAY = 0.08


@dataclass
class Jobs:
    """Visits to be, one entry each: what, when, and how it went (``mood``, standard normal)."""

    spell: Ints
    day: Ints
    kind: Ints
    major: Bools
    mood: Floats
    original: Ints

    def __len__(self) -> int:
        return len(self.spell)

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> "Jobs":
        """The jobs of ``index``; ``original`` is kept as it is."""
        return Jobs(**{item.name: getattr(self, item.name)[index] for item in fields(self)})


@dataclass(frozen=True)
class Recall:
    """A campaign on one car line: cars built in a period, called in from ``day`` on."""

    number: int
    series: int
    day: int
    built_from: int
    built_to: int


@dataclass
class History:
    """What happened to the spells of one batch."""

    jobs: Jobs
    pending: Jobs
    elsewhere: Jobs
    notices: list[tuple[Recall, Ints]]
    attached: Bools


def draw_recalls(network: Network, clock: Clock, rng: np.random.Generator) -> list[Recall]:
    """About two campaigns per car line within the window; the same for the whole group."""
    lines = sorted({line for store in network.stores for line in network.series_of(store)})
    recalls: list[Recall] = []
    for line in lines:
        for _ in range(int(rng.poisson(1.6))):
            day = int(rng.integers(clock.window_start - 400, clock.until - 20))
            span = int(rng.integers(500, 1300))
            begin = day - int(rng.integers(span, span + 900))
            recalls.append(Recall(len(recalls) + 1, line, day, begin, begin + span))
    return sorted(recalls, key=lambda recall: recall.day)


class Workshop:
    """Runs the weeks of one batch. ``run`` gives the history."""

    def __init__(
        self,
        population: Population,
        network: Network,
        calendar: Calendar,
        clock: Clock,
        recalls: list[Recall],
        rng: np.random.Generator,
    ) -> None:
        self.network, self.calendar, self.clock, self.rng = network, calendar, clock, rng
        self.recalls: list[Recall] = recalls
        spells, people = population.spells, population.people
        self.spells = spells
        count = len(spells)
        self.loyalty = people.loyalty[spells.person] + rng.normal(0.0, 0.35, count)
        self.patience = people.patience[spells.person]
        self.series = population.series()
        self.built = population.cars.built[spells.car]
        self.warranty_until = population.cars.warranty_until[spells.car]
        self.attached = spells.attached.copy()
        fleet = people.kind[spells.person] == FLEET
        # Own rhythm: some keep the booklet, some stretch it by half.
        rhythm = np.exp(rng.normal(0.04, 0.36, count)).clip(0.55, 2.4)
        self.interval = population.interval_days() * rhythm
        self.due = self._first_due()
        self.served = np.zeros(count, dtype=np.int64)
        self.calm = np.exp(-0.85 * self.loyalty) * np.where(fleet, 0.35, 1.0)
        self.skip_in = self._skip("skip_in", fleet)
        self.skip_out = self._skip("skip_out", fleet)
        self.weekly = self._weekly_rates(rhythm)
        self._kept: list[Jobs] = []
        self._missed: list[Jobs] = []
        self._notices: list[tuple[Recall, Ints]] = []
        self._count = 0

    def _first_due(self) -> Floats:
        spells, rng = self.spells, self.rng
        days = tier_values("first_days")[spells.tier]
        by_km = tier_values("first_km")[spells.tier] / spells.km_per_day
        fresh = spells.start + np.minimum(days, by_km) * rng.uniform(0.65, 0.97, len(spells))
        arrived = spells.start + 3.0
        passed_on = spells.start + self.interval * rng.uniform(0.05, 0.9, len(spells))
        used = self.built < spells.start - 365
        first = np.where(used, passed_on, fresh)
        return np.where(~spells.bought_here & spells.attached & used, arrived, first)

    def _skip(self, field: str, fleet: Bools) -> Floats:
        """Chance that an attached owner lets a service pass or has it done elsewhere."""
        base = tier_values(field)[self.spells.tier]
        odds = base / (1 - base) * np.exp(-SKIP_SPREAD * self.loyalty) * np.where(fleet, 0.4, 1.0)
        return odds / (1 + odds)

    def _weekly_rates(self, rhythm: Floats) -> Floats:
        tier = self.spells.tier
        use = (self.spells.km_per_day * 365.25 / 12500.0).clip(0.4, 4.0)
        new_energy = series_is_new_energy()[self.series]
        quiet = np.where(series_is_battery()[self.series], 0.6, 1.0)
        yearly = np.stack(
            [
                np.where(new_energy, 0.30, 0.19),
                tier_values("warranty_rate")[tier] * quiet,
                tier_values("repair_rate")[tier] * quiet * use**0.5,
                np.full(len(tier), 0.07),
                0.13 * use,
                np.full(len(tier), 0.04),
            ],
            axis=1,
        )
        return yearly / WEEKS_A_YEAR

    def run(self) -> History:
        """Play all weeks from day 0 to ``until``."""
        waiting = list(self.recalls)
        for week in range(0, self.clock.until, 7):
            live = np.flatnonzero((self.spells.start <= week + 6) & (self.spells.leaves > week))
            if not live.size:
                continue
            self._drift(week, live)
            self._maintenance(week, live)
            self._chance(week, live)
            while waiting and waiting[0].day < week + 7:
                self._recall(waiting.pop(0), live)
        return self._history()

    def _drift(self, week: int, live: Ints) -> None:
        """Erosion, the step at warranty end, and a few who come back by themselves."""
        tier, end = self.spells.tier[live], self.warranty_until[live]
        covered = end > week
        yearly = np.where(
            covered, tier_values("erosion_in")[tier], tier_values("erosion_out")[tier]
        )
        month = min(week // 30, self.network.quality.shape[1] - 1)
        quality = self.network.quality[self.spells.store[live], month]
        hazard = yearly / WEEKS_A_YEAR * self.calm[live] * np.exp(-0.5 * quality)
        ending = covered & (end <= week + 7)
        step = tier_values("warranty_step")[tier] * np.exp(-0.35 * self.loyalty[live])
        hazard = np.where(ending, step, hazard)
        u = self.rng.random(live.size)
        back = 0.035 / WEEKS_A_YEAR / self.calm[live] ** 0.5
        now = self.attached[live]
        self.attached[live] = np.where(now, u >= hazard, u < back)

    def _maintenance(self, week: int, live: Ints) -> None:
        rng = self.rng
        ready = self.due[live] < week + 7
        if self.calendar.rush[week]:
            soon = self.due[live] < week + 42
            ready |= soon & self.attached[live] & (rng.random(live.size) < BROUGHT_FORWARD)
        due = live[ready]
        if not due.size:
            return
        attached, first = self.attached[due], (self.served[due] == 0) & self.spells.bought_here[due]
        skip = np.where(self.warranty_until[due] > week, self.skip_in[due], self.skip_out[due])
        skipped = rng.random(due.size) < np.where(first, skip * 0.5, skip)
        comes = (attached & ~skipped) | (~attached & (rng.random(due.size) < STRAY))
        mine = due[comes]
        due_day = np.minimum(self.due[mine].astype(np.int64), week + 6)
        start = np.maximum(due_day, self.spells.start[mine])
        day = self.calendar.pick(
            self.spells.store[mine], start, self.patience[mine], rng.random(mine.size)
        )
        new = first[comes] & (self.built[mine] > self.spells.start[mine] - 400)
        major = (self.served[mine] % 4 == 3) & ~series_is_battery()[self.series[mine]]
        kind = np.where(new, KIND["first_service"], KIND["maintenance"])
        self.due[mine] = day + self.interval[mine] * rng.normal(1.0, 0.06, mine.size).clip(0.7, 1.3)
        self.served[mine] += 1
        self._come(mine, day, kind, major)
        other = due[~comes]
        self.due[other] += self.interval[other] * np.where(
            self.attached[other], rng.uniform(0.5, 1.05, other.size), 1.0
        )
        self.served[other] += ~self.attached[other]

    def _chance(self, week: int, live: Ints) -> None:
        rng = self.rng
        rates = self.weekly[live].copy()
        age = (week - self.built[live]) / 365.25
        covered = self.warranty_until[live] > week
        rates[:, 1] *= covered
        rates[:, 2] *= np.where(covered, 0.25, 0.7 + 0.07 * age)
        rates[:, 4] *= (age > 3).astype(float)
        reached = rates.cumsum(axis=1)
        u = rng.random(live.size)
        hit = np.flatnonzero(u < reached[:, -1])
        if not hit.size:
            return
        what = (u[hit, None] >= reached[hit]).sum(axis=1)
        who = live[hit]
        attached = self.attached[who]
        chance = np.where(attached, _CAPTURE_ATTACHED[what], _CAPTURE_DETACHED[what])
        insured = KIND_OF_CHANCE[what] == KIND["accident"]
        steered = tier_values("accident_capture")[self.spells.tier[who]]
        chance = np.where(insured, chance * steered, chance)
        comes = rng.random(who.size) < chance
        codes = KIND_OF_CHANCE[what]
        begin = week + rng.integers(0, 7, who.size)
        begin = np.maximum(begin, self.spells.start[who])
        self._elsewhere(who[~comes], begin[~comes], codes[~comes])
        mine, what, begin = who[comes], what[comes], begin[comes]
        day = self.calendar.pick(
            self.spells.store[mine], begin, _PATIENCE[what], rng.random(mine.size)
        )
        self._come(mine, day, codes[comes], np.zeros(mine.size, dtype=bool))

    def _recall(self, recall: Recall, live: Ints) -> None:
        built = self.built[live]
        called = live[
            (self.series[live] == recall.series)
            & (built >= recall.built_from)
            & (built < recall.built_to)
        ]
        self._notices.append((recall, called))
        chance = np.where(self.attached[called], 0.72, 0.33)
        mine = called[self.rng.random(called.size) < chance]
        begin = np.maximum(self.spells.start[mine], recall.day + 5)
        patience = np.full(mine.size, 130.0)
        day = self.calendar.pick(
            self.spells.store[mine], begin, patience, self.rng.random(mine.size)
        )
        self._come(mine, day, np.full(mine.size, KIND["recall"]), np.zeros(mine.size, dtype=bool))

    def _elsewhere(self, spell: Ints, day: Ints, kind: Ints) -> None:
        """Accidents known to the insurer's desk but repaired elsewhere."""
        keep = kind == KIND["accident"]
        spell, day = spell[keep], day[keep]
        flat = np.zeros(spell.size)
        self._missed.append(Jobs(spell, day, kind[keep], flat > 1, flat, np.full(spell.size, -1)))

    def _come(self, spell: Ints, day: Ints, kind: Ints, major: Bools) -> None:
        """Record visits, and what they do to the owner."""
        rng = self.rng
        here = day < self.spells.leaves[spell]
        spell, day, kind, major = spell[here], day[here], kind[here], major[here]
        if not spell.size:
            return
        store = self.spells.store[spell]
        month = np.minimum(day // 30, self.network.quality.shape[1] - 1)
        mood = self.network.quality[store, month] + rng.normal(0.0, 1.0, spell.size)
        comeback_rate = tier_values("comeback_rate")[self.spells.tier[spell]] * 1.6
        technical = kind != KIND["accessories"]
        again = (rng.random(spell.size) < comeback_rate) & technical & (mood < 0.7)
        mood = mood - 1.1 * again
        number = np.arange(self._count, self._count + spell.size)
        self._count += spell.size
        self._kept.append(Jobs(spell, day, kind, major, mood, np.full(spell.size, -1)))
        later = day[again] + rng.integers(2, 16, again.sum())
        self._count += later.size
        self._kept.append(
            Jobs(
                spell[again],
                later,
                np.full(later.size, KIND["comeback"]),
                np.zeros(later.size, dtype=bool),
                mood[again] - 0.4,
                number[again],
            )
        )
        leave = np.where(mood < BAD, 0.34, 0.012)
        won = np.zeros(spell.size)
        for name, share in _WIN_BACK.items():
            won[kind == KIND[name]] = share
        won[kind == KIND["maintenance"]] = 0.25
        u = rng.random(spell.size)
        now = self.attached[spell]
        self.attached[spell] = np.where(now, u >= leave, u < won)

    def _history(self) -> History:
        jobs, missed = _joined(self._kept), _joined(self._missed)
        past = jobs.day < self.clock.until
        pending = jobs.take(~past & (jobs.day < self.clock.until + 30) & (jobs.original < 0))
        chosen = np.flatnonzero(past & (jobs.day >= self.clock.window_start))
        order = chosen[np.lexsort((jobs.spell[chosen], jobs.day[chosen]))]
        place = np.full(len(jobs) + 1, -1)
        place[order] = np.arange(order.size)
        kept = jobs.take(order)
        kept.original = place[kept.original]
        # A comeback whose first visit lies before the window has nothing to refer to.
        orphan = (kept.kind == KIND["comeback"]) & (kept.original < 0)
        kept.kind[orphan] = KIND["other"]
        seen = missed.take(
            (missed.day >= self.clock.window_start) & (missed.day < self.clock.until)
        )
        return History(kept, pending, seen, self._notices, self.attached)


def _joined(parts: list[Jobs]) -> Jobs:
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return Jobs(none, none, none, none > 0, none.astype(float), none)
    return Jobs(
        **{
            item.name: np.concatenate([getattr(part, item.name) for part in parts])
            for item in fields(Jobs)
        }
    )
