"""``manage.py demo``: a whole installation with a generated dealer group, on this machine."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config.demo import DemoOptions, run


class Command(BaseCommand):
    help = (
        "Start the embedded services, make and load the demonstration group on the first start,"
        " train, value, and serve on http://127.0.0.1:8000."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--customers", type=int, default=5000, help="how many (default 5000)")
        parser.add_argument("--seed", type=int, default=1, help="seed of the generated group")
        parser.add_argument("--until", default="", help="day after the last visit (default today)")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--no-serve", action="store_true", help="stop when everything is loaded and valued"
        )

        parser.add_argument(
            "--no-history",
            action="store_true",
            help="do not add last month's approved valuation, a report and the back-test",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["customers"] <= 5_000_000:
            self.stderr.write("--customers must be between 1 and 5,000,000.")
            sys.exit(2)
        status = run(
            DemoOptions(
                customers=options["customers"],
                seed=options["seed"],
                port=options["port"],
                serve=not options["no_serve"],
                until=options["until"],
                history=not options["no_history"],
            )
        )
        sys.exit(status)
