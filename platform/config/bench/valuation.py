"""The valuation of a filled group: every customer and unit, written down."""

from typing import Any

from config.bench.catalogue import Order
from config.bench.filled import fill
from config.bench.group import memory
from config.bench.measurement import Stages
from customers.quality.report import assess
from organization.access import entered
from valuation.engine import create_valuation
from valuation.models import ValuedUnit


def measure(order: Order) -> dict[str, Any]:
    """Keys of the report: seconds of a new valuation and of asking for the same once more."""
    stages = Stages()
    filled = fill(order.customers, order.seed, stages)
    # The nightly run leaves the quality report of the day that a valuation takes.
    with stages.timed("assess"), entered(filled.access) as access:
        assess(access, filled.as_of)
    with memory() as used, stages.timed("value"):
        valuation, created = create_valuation(filled.access, filled.as_of)
    with stages.timed("again"):
        same, created_again = create_valuation(filled.access, filled.as_of)
    if not created or created_again or same.pk != valuation.pk:
        raise AssertionError("the second valuation of the same inputs is not the first one")
    with entered(filled.access):
        units = ValuedUnit.objects.filter(valuation=valuation).count()
    return {
        "seconds": stages.seconds,
        **used.figures(),
        "valued": valuation.customers,
        "units": units,
        "input_hash": valuation.input_hash,
    }
