"""The valuation of a generated group: every customer and unit, written down."""

from typing import Any

from config.bench.catalogue import Order
from config.bench.group import load_and_train, memory
from config.bench.measurement import Stages
from organization.access import entered
from valuation.engine import create_valuation
from valuation.models import ValuedUnit


def measure(order: Order) -> dict[str, Any]:
    """Keys of the report: seconds of a new valuation and of asking for the same once more."""
    stages = Stages()
    trained = load_and_train(order, stages)
    with memory() as used, stages.timed("value"):
        valuation, created = create_valuation(trained.access, trained.as_of)
    with stages.timed("again"):
        same, created_again = create_valuation(trained.access, trained.as_of)
    if not created or created_again or same.pk != valuation.pk:
        raise AssertionError("the second valuation of the same inputs is not the first one")
    with entered(trained.access):
        units = ValuedUnit.objects.filter(valuation=valuation).count()
    return {
        "seconds": stages.seconds,
        **used.figures(),
        "valued": valuation.customers,
        "units": units,
        "input_hash": valuation.input_hash,
    }
