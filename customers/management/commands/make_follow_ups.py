"""``manage.py make_follow_ups``: today's list of whom to contact and why, for every store."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from customers.follow_ups import make_follow_ups
from organization.access import Access
from organization.command_options import day
from organization.tenants import TenantRefused, choose_tenant


class Command(BaseCommand):
    help = "Close follow-ups that a visit has answered and add those that have come due."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--group", help="code of the group (default: the only one)")
        parser.add_argument("--today", type=day, help="the day of the list (default: today)")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tenant = choose_tenant(options["group"])
        except TenantRefused as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal
        access = Access.system(tenant.pk, "manage.py make_follow_ups")
        counts = make_follow_ups(access, options["today"] or timezone.localdate())
        created = sum(counts["created"].values())
        self.stdout.write(
            json.dumps(counts)
            if options["json"]
            else f"{created} follow-ups, {counts['held_out']} of them held out"
        )
