"""The year of a workshop in China: how busy each calendar day is.

Factors on daily volume: the weeks before Spring Festival are half to double as busy again, the
closure nearly empty, National Day at half; weekends carry more than weekdays. In the two epidemic
shutdowns hardly anybody comes, and the rest come later.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

# First day of the lunar new year.
_SPRING_FESTIVALS = """
2005-02-09 2006-01-29 2007-02-18 2008-02-07 2009-01-26 2010-02-14 2011-02-03 2012-01-23
2013-02-10 2014-01-31 2015-02-19 2016-02-08 2017-01-28 2018-02-16 2019-02-05 2020-01-25
2021-02-12 2022-02-01 2023-01-22 2024-02-10 2025-01-29 2026-02-17 2027-02-06 2028-01-26
2029-02-13 2030-02-03 2031-01-23 2032-02-11 2033-01-31 2034-02-19 2035-02-08 2036-01-28
2037-02-15 2038-02-04 2039-01-24 2040-02-12
"""
SPRING_FESTIVAL = tuple(date.fromisoformat(day) for day in _SPRING_FESTIVALS.split())
EARLIEST_UNTIL = date(2016, 1, 1)
LATEST_UNTIL = date(2040, 1, 1)

EPIDEMIC_2020 = (date(2020, 1, 31), date(2020, 2, 29))
SHANGHAI_2022 = (date(2022, 4, 1), date(2022, 4, 30))
_WEEKDAY = (0.95, 0.88, 0.88, 0.90, 0.97, 1.26, 1.16)


def day_factor(day: date, city: str) -> float:
    """Relative volume of ``day`` in ``city`` (1 = an ordinary day)."""
    factor = _WEEKDAY[day.weekday()]
    for festival in SPRING_FESTIVAL:
        distance = (day - festival).days
        if -23 <= distance < -2:
            factor *= 2.3
        elif -2 <= distance < 6:
            factor *= 0.12
        elif 6 <= distance < 20:
            factor *= 1.7
    if (day.month, day.day) >= (9, 16) and day.month == 9:
        factor *= 1.25
    elif day.month == 10 and day.day <= 7:
        factor *= 0.5
    return factor


def shutdown(day: date, city: str) -> tuple[date, float] | None:
    """The end of an epidemic shutdown in which ``day`` falls, and the share that comes anyway."""
    if EPIDEMIC_2020[0] <= day <= EPIDEMIC_2020[1]:
        return EPIDEMIC_2020[1], 0.2
    if city == "上海" and SHANGHAI_2022[0] <= day <= SHANGHAI_2022[1]:
        return SHANGHAI_2022[1], 0.1
    return None


def before_festival(day: date) -> bool:
    """Whether owners now bring services forward that fall due around Spring Festival."""
    return any(-24 <= (day - festival).days < -5 for festival in SPRING_FESTIVAL)


@dataclass(frozen=True)
class Clock:
    """Day numbers of one run: 0 is ``origin``, ``until`` is exclusive.

    Visits are written for days ``window_start`` … ``until`` − 1.
    """

    origin: date
    window_start: int
    until: int

    @classmethod
    def before(cls, until: date) -> "Clock":
        """Six years of records before ``until`` (from the first of a month), ten of life."""
        if not EARLIEST_UNTIL <= until <= LATEST_UNTIL:
            raise ValueError(
                f"until is {until}: choose a date from {EARLIEST_UNTIL} to {LATEST_UNTIL}, "
                "the years for which the holiday calendar is known"
            )
        origin = date(until.year - 10, until.month, 1)
        start = date(until.year - 6, until.month, 1)
        return cls(origin, (start - origin).days, (until - origin).days)

    def date_of(self, day: int) -> date:
        """The calendar date of a day number."""
        return self.origin + timedelta(days=int(day))

    def day_of(self, when: date) -> int:
        """The day number of a calendar date."""
        return (when - self.origin).days

    def months(self) -> list[date]:
        """First days of the complete months that have records."""
        month, found = self.date_of(self.window_start), []
        while (following := next_month(month)) <= self.date_of(self.until):
            found.append(month)
            month = following
        return found

    def month_index(self) -> NDArray[np.int64]:
        """For each day number up to ``until`` + 60 the months since the window's start."""
        start = self.date_of(self.window_start)
        dates = [self.date_of(day) for day in range(self.until + 60)]
        return np.array([(d.year - start.year) * 12 + d.month - start.month for d in dates])


def next_month(month: date) -> date:
    """The first day of the month after ``month``."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


class Calendar:
    """Draws the day on which somebody comes, given from when on and how patiently he plans."""

    def __init__(self, clock: Clock, cities: list[str]) -> None:
        """``cities``: one entry per store."""
        kinds = sorted({city if city == "上海" else "" for city in cities})
        days = clock.until + 400
        self._days = days
        table = np.array(
            [[day_factor(clock.date_of(d), kind) for d in range(days)] for kind in kinds]
        )
        self._reached = np.concatenate([np.zeros((len(kinds), 1)), table.cumsum(axis=1)], axis=1)
        self._step = float(self._reached[:, -1].max() + 1000.0)
        offsets = np.arange(len(kinds))[:, None] * self._step
        self._flat = (self._reached + offsets).ravel()
        self._resumes = np.zeros((len(kinds), days), dtype=np.int64)
        self._comes_anyway = np.ones((len(kinds), days))
        for number, kind in enumerate(kinds):
            for day in range(days):
                if (closed := shutdown(clock.date_of(day), kind)) is not None:
                    self._resumes[number, day] = clock.day_of(closed[0]) + 1
                    self._comes_anyway[number, day] = closed[1]
        self.rush = np.array([before_festival(clock.date_of(day)) for day in range(days)])
        self._kind_of_store = np.array(
            [kinds.index(city if city == "上海" else "") for city in cities]
        )

    def pick(
        self,
        store: NDArray[np.int64],
        earliest: NDArray[np.int64],
        patience: NDArray[np.float64],
        u: NDArray[np.float64],
    ) -> NDArray[np.int64]:
        """A day in [earliest, earliest + patience], more likely on busy days.

        ``u`` uniform in [0, 1); all arrays of one shape.
        """
        kind = self._kind_of_store[store]
        first = np.clip(earliest, 0, self._days - 1)
        last = np.minimum(first + np.maximum(patience, 1.0).astype(np.int64), self._days)
        low, high = self._reached[kind, first], self._reached[kind, last]
        aim = low + u * (high - low) + kind * self._step
        found = np.searchsorted(self._flat, aim, side="right") - 1
        day = found - kind * (self._days + 1)
        # Who meets a shutdown comes in the six weeks after it; later digits of u decide.
        spare = (u * 8191.0) % 1.0
        anyway = self._comes_anyway[kind, day]
        waited = self._resumes[kind, day] + (42 * (spare - anyway) / (1.001 - anyway)).astype(int)
        return np.where(spare >= anyway, waited, day)
