"""Extract, fit, score and publish a group that was written straight into the tables."""

from typing import Any

from config.bench.bulk_load import load_group
from config.bench.catalogue import Order
from config.bench.group import memory, train
from config.bench.measurement import Stages
from config.bench.runner import UNTIL


def measure(order: Order) -> dict[str, Any]:
    """Keys of the report: the run's own stages, and memory of the run alone, children included."""
    stages = Stages()
    with stages.timed("prepare_group"):
        visits = load_group(order.customers, order.seed, UNTIL, stores=order.stores)
    with memory() as used, stages.timed("total"):
        trained = train()
    total = stages.seconds.pop("total")
    return {
        "seconds": {**stages.seconds, **trained.seconds, "retrain_total": total},
        **used.figures(),
        "visits": visits,
        "scored": trained.customers,
        "as_of": trained.as_of.isoformat(),
        "seconds_per_100k": round(total / trained.customers * 100_000, 1),
    }
