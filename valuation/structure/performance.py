"""A deal's life so far: collections that came against those expected, and where its triggers stand.

The months that have passed run on what came, those to come on what was expected at closing: what
the priority of payments would have done with the money. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from valuation.structure.study import Study, TriggerStatus, trigger_statuses
from valuation.structure.waterfall import Waterfall, distribute


@dataclass(frozen=True)
class MonthHeld:
    """One month since closing: yuan expected and come, the running ratio, the tests of the month.

    ``dscr`` and ``oc`` are None where the deal's conventions give none; ``a_bal`` is A's balance
    after the month, ``a_planned`` what it would be had all come as expected.
    """

    month: int
    expected: float
    actual: float
    cumulative: float | None
    dscr: float | None
    oc: float | None
    a_bal: float
    a_planned: float
    triggered: bool


@dataclass(frozen=True)
class Performance:
    """``months``: whole months since closing, at most the deal's; ``triggers``: up to the last."""

    run: Waterfall
    months: tuple[MonthHeld, ...]
    triggers: tuple[TriggerStatus, ...]


def performance(study: Study, actual: Sequence[float]) -> Performance:
    """``actual``: yuan that came in the months 1..E since closing."""
    expected = study.pool.amounts
    passed = min(len(actual), len(expected))
    run = distribute(study.deal, (*actual[:passed], *expected[passed:]))
    plan = distribute(study.deal, expected)
    months = []
    due = came = 0.0
    for t in range(passed):
        due, came = due + expected[t], came + actual[t]
        months.append(
            MonthHeld(
                month=t + 1,
                expected=expected[t],
                actual=actual[t],
                cumulative=came / due if due > 0 else None,
                dscr=run.dscr[t],
                oc=run.oc[t],
                a_bal=run.amounts["a_bal"][t],
                a_planned=plan.amounts["a_bal"][t],
                triggered=run.triggered[t],
            )
        )
    triggers = trigger_statuses(study.deal, run, passed) if passed else ()
    return Performance(run, tuple(months), triggers)
