"""A deal of 120 months: priority of payments, figures, break-evens, all scenarios."""

from typing import Any

from config.bench.catalogue import Order
from config.bench.measurement import Stages
from valuation.structure.collections import Collections
from valuation.structure.study import Study
from valuation.structure.terms import Terms

MONTHS = 120
REPEATS = 3


def measure(order: Order) -> dict[str, Any]:
    """Keys of the report: seconds of each stage, the best of three for the whole."""
    stages = Stages()
    pool = Collections(
        "bench",
        tuple(1e6 * 0.98**k for k in range(MONTHS)),
        tuple(0.99**k for k in range(1, MONTHS + 1)),
        largest_store=0.2,
        largest_brand=0.6,
    )
    terms = Terms(horizon=MONTHS, months=96, dscr=1.05, support=True)
    whole = []
    for _ in range(REPEATS):
        study = Study(terms, pool)
        with stages.timed("run"):
            figures = study.figures
        with stages.timed("break_evens"):
            even = study.break_evens
        with stages.timed("scenarios"):
            scenarios = len(study.outcomes)
        whole.append(stages.seconds["run"] + stages.seconds["break_evens"])
    stages.seconds["deal"] = min(whole)
    return {
        "seconds": stages.seconds,
        "months": MONTHS,
        "scenarios": scenarios,
        "a_fully_paid_on_time": figures["a_fully_paid_on_time"],
        "a_breakeven_haircut": even["a_breakeven_haircut"],
    }
