"""``manage.py generate_demo OUT``: write a simulated dealer group in the exchange format."""

import json
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from customers.demonstration import generate
from organization.command_options import day


class Command(BaseCommand):
    help = "Writes a simulated dealer group as a folder of exchange files."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("out", type=Path, help="folder to write to (created)")
        parser.add_argument("--customers", type=int, default=5000)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--stores", type=int, default=12)
        parser.add_argument("--group", default="XQ", help="code of the group")
        parser.add_argument(
            "--until",
            type=day,
            default=None,
            help="first day without visits, YYYY-MM-DD (default: today)",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.perf_counter()
        try:
            summary = generate(
                options["out"],
                customers=options["customers"],
                seed=options["seed"],
                until=options["until"] or timezone.localdate(),
                group_code=options["group"],
                stores=options["stores"],
            )
        except ValueError as error:
            raise CommandError(str(error), returncode=2) from error
        except OSError as error:
            reason = error.strerror or error
            raise CommandError(
                f"{options['out']} cannot be written: {reason}. Name a folder that is there or can"
                " be made.",
                returncode=2,
            ) from error
        seconds = round(time.perf_counter() - started, 2)
        if options["json"]:
            self.stdout.write(json.dumps(summary.as_json() | {"seconds": seconds}))
            return
        self.stdout.write(f"{summary.folder}: {summary.customers} customers in {seconds} s")
        for kind, count in summary.rows.items():
            self.stdout.write(f"{kind:12} {count:>10,}")
        for login in summary.logins:
            self.stdout.write(f"{login.username:16} {login.role:16} {login.unit_code}")
