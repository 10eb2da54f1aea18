"""``manage.py rollback_scores --reason TEXT``: back to the scores that were published before."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from ml.score_decisions import DecisionRefused, roll_back
from organization.access import Access
from organization.tenants import TenantRefused, choose_tenant


class Command(BaseCommand):
    help = "Withdraw the score set in use, so that the one published before it is in use again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", required=True, help="why; kept with the set and audited")
        parser.add_argument("--group", help="code of the group (default: the only one)")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tenant = choose_tenant(options["group"])
            access = Access.system(tenant.pk, "manage.py rollback_scores")
            now = roll_back(access, options["reason"])
        except (TenantRefused, DecisionRefused) as refusal:
            with translation.override("en"):
                raise CommandError(str(refusal), returncode=2) from refusal
        outcome = {
            "score_set": now.pk,
            "as_of": now.as_of.isoformat(),
            "model_version": now.model_version,
            "customers": now.customers,
        }
        self.stdout.write(
            json.dumps(outcome)
            if options["json"]
            else f"In use again: score set {now.pk} as of {now.as_of}, {now.customers} customers."
        )
