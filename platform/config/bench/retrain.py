"""Extract, fit, score and publish a generated group, stage by stage."""

from typing import Any

from config.bench.catalogue import Order
from config.bench.group import load, memory, train
from config.bench.measurement import Stages


def measure(order: Order) -> dict[str, Any]:
    """Keys of the report: the run's own stages, and memory of the run alone, children included."""
    stages = Stages()
    load(order, stages)
    with memory() as used, stages.timed("total"):
        trained = train()
    total = stages.seconds.pop("total")
    return {
        "seconds": {**stages.seconds, **trained.seconds, "retrain_total": total},
        **used.figures(),
        "scored": trained.customers,
        "as_of": trained.as_of.isoformat(),
        "seconds_per_100k": round(total / trained.customers * 100_000, 1),
    }
