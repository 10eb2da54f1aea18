"""``manage.py indicators``: measure the indicators of every unit and month, and write them down."""

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from organization.access import Access
from organization.tenants import TenantRefused, choose_tenant
from valuation.indicators.recording import MONTHS, NothingToRecord, record


class Command(BaseCommand):
    help = (
        "Measure the indicators of every unit for the months before the newest valuation and store"
        " what is new or has changed. A stored month is never overwritten."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--group", help="code of the group (default: the only one)")
        parser.add_argument(
            "--restate-all",
            action="store_true",
            help=f"measure all {MONTHS} months again, not only the latest and the missing ones",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        try:
            tenant = choose_tenant(options["group"])
            access = Access.system(tenant.pk, "manage.py indicators")
            found = record(access, reason="command", restate_all=options["restate_all"])
        except (TenantRefused, NothingToRecord) as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal
        result = {
            "run": found.run.pk if found.run else None,
            "months": found.months,
            "rows": found.rows,
            "seconds": round(time.monotonic() - started, 2),
        }
        if options["json"]:
            self.stdout.write(json.dumps(result))
        else:
            self.stdout.write(
                f"{found.months} months measured, {found.rows} rows new or changed,"
                f" {result['seconds']} s"
            )
