"""``manage.py demo``: a whole installation with a generated dealer group, on this machine."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.demo import DemoOptions, is_free, run
from organization.command_options import day

# With fewer there is too little to train on: 60 are refused by the training, 300 are not.
FEWEST, MOST = 300, 5_000_000


class Command(BaseCommand):
    help = (
        "Start the embedded services, make and load the demonstration group on the first start,"
        " train, value, and serve on http://127.0.0.1:8000."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--customers", type=int, default=5000, help=f"{FEWEST} to {MOST:,} (default 5000)"
        )
        parser.add_argument("--seed", type=int, default=1, help="seed of the generated group")
        parser.add_argument("--until", type=day, help="day after the last visit (default today)")
        parser.add_argument("--port", type=int, default=8000, help="of 127.0.0.1 (default 8000)")
        parser.add_argument(
            "--no-serve", action="store_true", help="stop when everything is loaded and valued"
        )
        parser.add_argument(
            "--no-history",
            action="store_true",
            help="do not add last month's approved valuation, a report and the back-test",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        _refuse(options)
        status = run(
            DemoOptions(
                customers=options["customers"],
                seed=options["seed"],
                port=options["port"],
                serve=not options["no_serve"],
                until=options["until"].isoformat() if options["until"] else "",
                history=not options["no_history"],
            )
        )
        sys.exit(status)


def _refuse(options: dict[str, Any]) -> None:
    """Before anything is started: a minute later it would be a nuisance."""
    for name, low, high in (
        ("customers", FEWEST, MOST),
        ("seed", 0, 2**31 - 1),
        ("port", 1, 65_535),
    ):
        if not low <= options[name] <= high:
            raise CommandError(
                f"--{name} {options[name]} is outside {low:,} to {high:,}.", returncode=2
            )
    if not options["no_serve"] and not is_free(options["port"]):
        raise CommandError(
            f"Port {options['port']} of 127.0.0.1 cannot be used: another program listens there, or"
            " it needs more rights. Choose one, for example --port 8001.",
            returncode=2,
        )
