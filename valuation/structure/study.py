"""Everything that a page or a report says of a structure: one run of it, its scenarios, triggers.

Pure: collections and terms in, figures out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from valuation.refusals import gettext_noop
from valuation.structure.analytics import break_evens, coverage, measures
from valuation.structure.collections import Collections
from valuation.structure.deals import Deal
from valuation.structure.stresses import Scenario, Stress, library, stressed
from valuation.structure.terms import Terms, deal_of, pool_value
from valuation.structure.waterfall import Waterfall, distribute

OC_TEST = gettext_noop("over-collateralisation")
DSCR_TEST = gettext_noop("debt-service cover")
PLAN_TEST = gettext_noop("collections against plan")
TURBO = gettext_noop("everything to A's principal")
STOP = gettext_noop("the revolving period ends")
TRIGGER_NAMES = {"oc": OC_TEST, "dscr": DSCR_TEST, "collections": PLAN_TEST}
CONSEQUENCE_NAMES = {"turbo": TURBO, "stop_revolving": STOP}


@dataclass(frozen=True)
class TriggerStatus:
    """A trigger over the life of a run.

    ``headroom``: lowest value less level, over the months that have a value; ``month``: where it
    is lowest; ``first``: first month tripped, None for never; ``after``: months running that trip
    it; ``cure``: months running that end it, 0 for none.
    """

    measure: str
    level: float
    lowest: float | None
    month: int | None
    first: int | None
    after: int
    cure: int
    consequence: str

    @property
    def headroom(self) -> float | None:
        return None if self.lowest is None else self.lowest - self.level


@dataclass(frozen=True)
class Outcome:
    """One scenario: its run, the figures per tranche, coverage."""

    scenario: Scenario
    run: Waterfall
    figures: dict[str, Any]


@dataclass(frozen=True)
class Study:
    """A structure laid over collections, under a stress that somebody asks for."""

    terms: Terms
    collections: Collections
    stress: Stress = field(default_factory=Stress)

    @cached_property
    def pool(self) -> Collections:
        """The collections within the horizon."""
        return self.collections.first(self.terms.horizon)

    @cached_property
    def deal(self) -> Deal:
        return deal_of(self.terms, self.pool.amounts, self.pool.survival)

    @cached_property
    def value(self) -> float:
        """Of the unstressed pool at closing, in yuan."""
        return pool_value(self.pool.amounts, self.terms.asset_rate)

    def _run(self, stress: Stress, *, supported: bool = False) -> Waterfall:
        received = stressed(self.pool.amounts, self.pool.survival, stress)
        return distribute(self.deal, received, supported=supported)

    @cached_property
    def run(self) -> Waterfall:
        """The run that is shown: under the stress, without support."""
        return self._run(self.stress)

    @cached_property
    def supported(self) -> Waterfall | None:
        return self._run(self.stress, supported=True) if self.deal.support else None

    @cached_property
    def figures(self) -> dict[str, Any]:
        return measures(self.deal, self.run) | coverage(self.deal, self.run)

    @cached_property
    def break_evens(self) -> dict[str, float | None]:
        """Of the base case: what it can bear, not what is left under a stress."""
        return break_evens(self.deal)

    @cached_property
    def outcomes(self) -> tuple[Outcome, ...]:
        scenarios = library(
            self.pool.largest_store,
            self.pool.largest_brand,
            with_survival=self.pool.survival is not None,
        )
        found = []
        for scenario in scenarios:
            run = self._run(scenario.stress)
            figures = measures(self.deal, run) | coverage(self.deal, run)
            found.append(Outcome(scenario, run, figures))
        return tuple(found)

    @cached_property
    def triggers(self) -> tuple[TriggerStatus, ...]:
        return trigger_statuses(self.deal, self.run)


def _lowest(values: Sequence[float | None]) -> tuple[float | None, int | None]:
    known = [(value, month) for month, value in enumerate(values, start=1) if value is not None]
    return min(known, default=(None, None))


def _first(states: Sequence[bool]) -> int | None:
    return states.index(True) + 1 if True in states else None


def trigger_statuses(
    deal: Deal, run: Waterfall, months: int | None = None
) -> tuple[TriggerStatus, ...]:
    """The OC test and every further trigger of the deal, with level and headroom.

    ``months``: only of the first so many months of the run.
    """
    found = []
    if deal.oc is not None:
        threshold = deal.oc.threshold
        breached = [ratio is not None and ratio < threshold for ratio in run.oc[:months]]
        found.append(
            TriggerStatus(
                "oc",
                threshold,
                *_lowest(run.oc[:months]),
                _first(breached),
                after=1,
                cure=1 if deal.oc.curable else 0,
                consequence="turbo",
            )
        )
    for trigger, states in zip(deal.triggers, run.tripped, strict=True):
        found.append(
            TriggerStatus(
                trigger.measure,
                trigger.level,
                *_lowest(run.measures[trigger.measure][:months]),
                _first(states[:months]),
                after=trigger.after,
                cure=trigger.cure,
                consequence=trigger.consequence,
            )
        )
    return tuple(found)
