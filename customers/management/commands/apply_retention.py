"""``manage.py apply_retention``: delete what is kept for a time only and has passed it."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from customers.privacy.policy import RANGES, PolicyRefused
from customers.privacy.retention import apply_retention, sweep_orphans
from organization.tenants import TenantRefused, choose_tenant


class Command(BaseCommand):
    help = "Delete refused rows, uploads and contact data that have passed their period."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--group", help="code of the group (default: the only one)")
        parser.add_argument("--dry-run", action="store_true", help="count, delete nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        dry_run = options["dry_run"]
        try:
            tenant = choose_tenant(options["group"])
            done = apply_retention(tenant.pk, timezone.now(), dry_run=dry_run)
        except (TenantRefused, PolicyRefused) as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal
        swept = sweep_orphans(RANGES["upload_days"][1], dry_run=dry_run)
        counts = {"group": tenant.code, "dry_run": dry_run, **done.as_json(), "orphans": swept}
        text = ", ".join(f"{name} {value}" for name, value in counts.items())
        self.stdout.write(json.dumps(counts) if options["json"] else text)
