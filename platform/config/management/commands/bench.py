"""``manage.py bench NAME``: one repeatable measurement, as JSON."""

import json
from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from config.bench.catalogue import BENCHES, STORES, BenchRefused, Order
from config.bench.runner import report, run
from config.bench.scratch import DATABASE, StepFailed
from config.embedded import ServiceUnavailable

_NAMES = "\n".join(
    f"  {bench.name:<15} {bench.summary} (default {bench.customers:,} customers)"
    for bench in BENCHES.values()
)


class Command(BaseCommand):
    help = (
        "Measure one part of Parcfolio on generated data. The same name, size and seed give the\n"
        "same data. What needs a database is measured on a scratch PostgreSQL in a temporary\n"
        "folder; this installation's data are neither read nor changed.\n\n" + _NAMES + "\n\n"
        "JSON: name, customers, seconds (by stage), peak_mb (the measured process),\n"
        "postgres_peak_mb; with a peer also peer, peer_seconds, ratio, ratio_is and\n"
        "max_relative_difference. docs/benchmarks.md explains the keys and holds results."
    )
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(
            prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", choices=list(BENCHES), metavar="NAME", help="see above")
        parser.add_argument("--customers", type=int, help="size of the data (default: see above)")
        parser.add_argument("--seed", type=int, default=1, help="of the data (default 1)")
        parser.add_argument(
            "--stores", type=int, default=STORES, help=f"of the generated group (default {STORES})"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
        # How this command calls itself for the measured part, on the scratch database.
        parser.add_argument("--measure", type=Path, help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        size = options["customers"]
        order = Order(
            options["name"],
            BENCHES[options["name"]].customers if size is None else size,
            options["seed"],
            options["measure"],
            options["stores"],
        )
        try:
            if order.seed < 0:
                raise BenchRefused(f"--seed {order.seed} is negative.")
            if order.folder is not None:
                _refuse_other_databases()
                found = report(order)
            else:
                found = run(order)
        except (BenchRefused, ServiceUnavailable) as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal
        except StepFailed as failure:
            raise CommandError(str(failure)) from failure
        self.stdout.write(
            json.dumps(found, ensure_ascii=False, allow_nan=False)
            if options["json"]
            else _in_words(found)
        )


def _refuse_other_databases() -> None:
    name = connection.settings_dict["NAME"]
    if name != DATABASE:
        raise BenchRefused(
            f"--measure works on the scratch database {DATABASE} alone, not on {name}: leave it"
            " out, the command makes that database itself."
        )


def _in_words(found: dict[str, Any]) -> str:
    lines = [f"{found['name']}, {found['customers']:,} customers"]
    lines += [f"  {stage:<24}{seconds:>10.2f} s" for stage, seconds in found["seconds"].items()]
    rest = {key: value for key, value in found.items() if key not in ("name", "customers")}
    del rest["seconds"]
    for key, value in rest.items():
        shown = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
        lines.append(f"  {key:<24}{shown}")
    return "\n".join(lines)
