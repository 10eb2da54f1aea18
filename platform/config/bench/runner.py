"""From an order to a report: without a database here, with one in a child on a scratch server."""

import json
import logging
from datetime import date
from typing import Any

from config.bench.catalogue import BENCHES, Order
from config.bench.measurement import Stages, machine
from config.bench.scratch import Scratch, scratch_database
from config.embedded import exit_on_sigterm

logger = logging.getLogger(__name__)

# First day after the records of the generated group: the same files whenever it is measured.
UNTIL = date(2026, 1, 1)
GROUP = "XQ"


def run(order: Order) -> dict[str, Any]:
    """Measure and report; the keys are those of docs/benchmarks.md.

    Raises:
        BenchRefused: a size out of range.
        ServiceUnavailable: no embedded PostgreSQL on this machine.
        StepFailed: a step of the measurement failed.
    """
    bench = BENCHES[order.name]
    bench.check(order.customers, order.stores)
    if not bench.database:
        return report(order)
    exit_on_sigterm()
    stages = Stages()
    with scratch_database() as scratch:
        _prepare(scratch, order, stages)
        logger.info("measuring %s with %s customers", order.name, f"{order.customers:,}")
        out = scratch.run(
            *("bench", order.name, "--json", "--measure", str(scratch.folder)),
            *("--customers", str(order.customers), "--seed", str(order.seed)),
            *("--stores", str(order.stores)),
        )
    found: dict[str, Any] = json.loads(out)
    found["seconds"] = {**stages.seconds, **found["seconds"]}
    return found


def report(order: Order) -> dict[str, Any]:
    """Measure in this process."""
    found = BENCHES[order.name].measure()(order)
    head: dict[str, Any] = {"name": order.name, "customers": order.customers, "seed": order.seed}
    if BENCHES[order.name].database:
        head["stores"] = order.stores
    return {**head, **found, "machine": machine()}


def _prepare(scratch: Scratch, order: Order, stages: Stages) -> None:
    """Tables and files, made in processes of their own so that their memory does not count."""
    bench = BENCHES[order.name]
    with stages.timed("prepare_database"):
        scratch.run("migrate", "--verbosity", "0")
    if bench.pages:
        with stages.timed("prepare_pages"):
            scratch.run("compile_translations")
            scratch.run("collectstatic", "--noinput", "--verbosity", "0")
    if not bench.files:
        return
    until = date.today() if bench.pages else UNTIL
    with stages.timed("prepare_files"):
        scratch.run(
            *("generate_demo", str(scratch.folder / "files"), "--group", GROUP),
            *("--customers", str(order.customers), "--seed", str(order.seed)),
            *("--stores", str(order.stores), "--until", until.isoformat()),
        )
