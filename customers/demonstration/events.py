"""Events beside visits: appointments, no-shows, complaints, accident reports, recalls and more."""

from dataclasses import dataclass, field

import numpy as np

from customers.demonstration.batch import Batch
from customers.demonstration.catalogue import KIND, SERIES, tier_values
from customers.demonstration.network import Network
from customers.demonstration.orders import (
    CLOSED,
    INTERNAL,
    MAIN,
    SECOND_NUMBER,
    Orders,
    late_store,
)
from customers.demonstration.people import NEVER, Ints, Population
from customers.demonstration.seasons import Clock
from customers.demonstration.service import History

_COMPLAINTS = ("维修质量", "等待时间", "价格争议", "服务态度", "配件缺货")
_ARRIVALS_TODAY, _ARRIVALS_LATER = 5, 2


@dataclass
class _Sheet:
    """Events gathered column by column."""

    spell: list[int] = field(default_factory=list)
    slot: list[int] = field(default_factory=list)
    store: list[int] = field(default_factory=list)
    minute: list[int] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    status: list[str] = field(default_factory=list)
    reason: list[str] = field(default_factory=list)
    detail: list[str] = field(default_factory=list)
    staff: list[str] = field(default_factory=list)


class EventBook:
    """Writes the events of one batch."""

    def __init__(
        self,
        population: Population,
        history: History,
        orders: Orders,
        network: Network,
        clock: Clock,
        rng: np.random.Generator,
    ) -> None:
        self.population, self.history, self.orders = population, history, orders
        self.network, self.clock, self.rng = network, clock, rng
        self.sheet = _Sheet()

    def _add(
        self,
        spell: int,
        minute: int,
        kind: str,
        status: str,
        *,
        order: int = -1,
        reason: str = "",
        detail: str = "",
        staff: str = "",
    ) -> None:
        spells, sheet = self.population.spells, self.sheet
        slot = SECOND_NUMBER if spells.second_number[spell] else MAIN
        store = int(spells.store[spell])
        if order >= 0:
            slot, store = int(self.orders.slot[order]), int(self.orders.store[order])
        late, lag = late_store(self.network)
        if store == late and (self.clock.until - lag) * 1440 <= minute < self.clock.until * 1440:
            return
        sheet.spell.append(spell)
        sheet.slot.append(slot)
        sheet.store.append(store)
        sheet.minute.append(minute)
        sheet.kind.append(kind)
        sheet.order.append(order)
        sheet.status.append(status)
        sheet.reason.append(reason)
        sheet.detail.append(detail)
        sheet.staff.append(staff)

    def _advisor(self, order: int) -> str:
        team = self.network.advisors[int(self.orders.store[order])]
        return team[int(self.orders.advisor[order])]

    def past(self) -> None:
        """What happened around the visits."""
        self._appointments()
        self._complaints()
        self._accidents()
        self._recalls()
        self._calls()
        self._owners()

    def _appointments(self) -> None:
        orders, rng, spells = self.orders, self.rng, self.population.spells
        booked = np.flatnonzero(
            orders.appointment & (orders.status <= 1) & (orders.slot != INTERNAL)
        )
        minute = (orders.day * 1440 + orders.minute // 30 * 30)[booked]
        rate = tier_values("no_show_rate")[spells.tier[orders.spell[booked]]]
        missed = rng.random(booked.size) < rate / (1 - rate)
        earlier = rng.integers(2, 15, booked.size) * 1440
        begin = self.clock.window_start * 1440
        for order, when, no_show, before in zip(
            booked.tolist(), minute.tolist(), missed.tolist(), earlier.tolist(), strict=True
        ):
            spell, staff = int(orders.spell[order]), self._advisor(order)
            owned = int(spells.start[spell]) * 1440
            if no_show and when - before >= max(begin, owned):
                self._add(spell, when - before, "no_show", "no_show", staff=staff)
            self._add(spell, when, "appointment", "arrived", order=order, staff=staff)

    def _complaints(self) -> None:
        orders, rng = self.orders, self.rng
        angry = np.flatnonzero(
            (orders.mood < -1.9)
            & (orders.status == CLOSED)
            & (orders.slot != INTERNAL)
            & (rng.random(len(orders)) < 0.42)
        )
        for order in angry.tolist():
            day = int(orders.day[order]) + int(rng.integers(0, 6))
            if day >= self.clock.until:
                continue
            fresh = day >= self.clock.until - 40 and rng.random() < 0.7
            self._add(
                int(orders.spell[order]),
                day * 1440 + int(rng.integers(540, 1080)),
                "complaint",
                "open" if fresh else "closed",
                order=order,
                reason=_COMPLAINTS[int(rng.integers(0, len(_COMPLAINTS)))],
                detail="客户来电投诉 要求回复",
            )

    def _accidents(self) -> None:
        orders, missed = self.orders, self.history.elsewhere
        crashes = np.flatnonzero((orders.kind == KIND["accident"]) & (orders.status <= 1))
        begin = self.clock.window_start
        for order in crashes.tolist():
            day = max(int(orders.day[order]) - int(self.rng.integers(0, 3)), begin)
            minute = day * 1440 + min(int(orders.minute[order]), 500)
            spell = int(orders.spell[order])
            self._add(spell, minute, "accident_report", "repaired", order=order, detail="保险出险")
        for spell, day in zip(missed.spell.tolist(), missed.day.tolist(), strict=True):
            if self.rng.random() < 0.4:
                self._add(spell, day * 1440 + 700, "accident_report", "elsewhere", detail="外修")

    def _recalls(self) -> None:
        orders = self.orders
        done = orders.kind == KIND["recall"]
        last = np.full(len(self.population.spells), -1)
        np.maximum.at(last, orders.spell[done], orders.day[done])
        for recall, called in self.history.notices:
            if recall.day < self.clock.window_start:
                continue
            reason = f"RC{recall.number:03d}"
            detail = f"{SERIES[recall.series].name} 召回通知"
            for spell in called.tolist():
                status = "done" if last[spell] >= recall.day else "open"
                minute = recall.day * 1440 + 540
                self._add(spell, minute, "recall_notice", status, reason=reason, detail=detail)

    def _calls(self) -> None:
        orders, rng = self.orders, self.rng
        called = np.flatnonzero(
            (rng.random(len(orders)) < 0.10)
            & (orders.status == CLOSED)
            & (orders.slot != INTERNAL)
            & (orders.day < self.clock.until - 3)
        )
        reached = rng.random(called.size) < 0.6
        for order, answered in zip(called.tolist(), reached.tolist(), strict=True):
            minute = (int(orders.day[order]) + 3) * 1440 + int(rng.integers(570, 1110))
            self._add(
                int(orders.spell[order]),
                minute,
                "call",
                "reached" if answered else "no_answer",
                order=order,
                reason="回访",
                staff=self._advisor(order),
            )

    def _owners(self) -> None:
        spells, rng = self.population.spells, self.rng
        ended = np.flatnonzero((spells.end < self.clock.until) & spells.end_known)
        for spell in ended.tolist():
            day = int(spells.end[spell])
            if day >= self.clock.window_start:
                self._add(spell, day * 1440 + 600, "ownership_change", "done", detail="车辆已过户")
        friends = np.flatnonzero(
            (rng.random(len(spells)) < 0.03) & (spells.start > self.clock.window_start)
        )
        for spell in friends.tolist():
            day = int(spells.start[spell])
            if day < self.clock.until:
                self._add(spell, day * 1440 + 660, "referral", "done", detail="老客户转介绍")

    def ahead(self, ensure: bool) -> None:
        """Appointments from ``until`` on; with ``ensure`` every store has arrivals today."""
        clock, rng, spells = self.clock, self.rng, self.population.spells
        pending = self.history.pending
        willing = (pending.day < clock.until + 21) & (rng.random(len(pending)) < 0.6)
        planned = list(
            zip(pending.spell[willing].tolist(), pending.day[willing].tolist(), strict=True)
        )
        if ensure:
            planned = self._filled(planned)
        for spell, day in planned:
            team = self.network.advisors[int(spells.store[spell])]
            self._add(
                spell,
                day * 1440 + int(rng.integers(17, 35)) * 30,
                "appointment",
                "booked",
                reason="定保",
                staff=team[int(rng.integers(0, len(team)))],
            )

    def _filled(self, planned: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Add attached owners so that each store has arrivals today and in the week after."""
        spells, until = self.population.spells, self.clock.until
        taken = {spell for spell, _ in planned}
        sheet = self.sheet
        open_matters = {
            spell
            for spell, kind, status in zip(sheet.spell, sheet.kind, sheet.status, strict=True)
            if status == "open" and kind in ("complaint", "recall_notice")
        }
        result = list(planned)
        live = self.history.attached & (spells.start < until - 60) & (spells.leaves == NEVER)
        live |= self.history.attached & (spells.start < until - 60) & (spells.leaves > until + 30)
        for store in range(len(self.network.stores)):
            there = self.rng.permutation(np.flatnonzero(live & (spells.store == store)))
            free = [spell for spell in there.tolist() if spell not in taken]
            # Two of today's have an open complaint or recall: the advisor must see it first.
            urgent = [spell for spell in free if spell in open_matters][:2]
            free = [spell for spell in free if spell not in urgent] + urgent
            for offset in range(7):
                wanted = _ARRIVALS_TODAY if offset == 0 else _ARRIVALS_LATER
                expected = sum(
                    1
                    for spell, day in planned
                    if day == until + offset and int(spells.store[spell]) == store
                )
                for _ in range(max(0, min(wanted - expected, len(free)))):
                    result.append((free.pop(), until + offset))
        return result

    def rows(self, batch: Batch) -> list[tuple[str, ...]]:
        """Rows of events in the order of time."""
        sheet = self.sheet
        minute, spell = _array(sheet.minute), _array(sheet.spell)
        order = np.lexsort((spell, minute))
        store, spell = _array(sheet.store)[order], spell[order]
        places = order.tolist()
        columns = [
            batch.stores(store),
            [f"E{number:07d}" for number in batch.numbering.take(batch.numbering.events, store)],
            [sheet.kind[place] for place in places],
            batch.times.instants(minute[order]),
            batch.customers(spell, _array(sheet.slot)[order]),
            batch.vins(spell),
            batch.order_numbers(_array(sheet.order)[order]),
            [sheet.status[place] for place in places],
            [sheet.reason[place] for place in places],
            [sheet.detail[place] for place in places],
            [sheet.staff[place] for place in places],
        ]
        return list(zip(*columns, strict=True))


def _array(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)
