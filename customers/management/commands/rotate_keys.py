"""``manage.py rotate_keys``: everything under the newest master key; see docs/privacy.md."""

import json
from argparse import ArgumentParser
from typing import Any

from cryptography.fernet import InvalidToken
from django.core.management.base import BaseCommand, CommandError

from customers.privacy.rotation import rotate_fields, rotate_keys
from organization.access import entered_installation
from organization.models import Tenant


class Command(BaseCommand):
    help = "Wrap the keys of all persons with the newest master key. May be interrupted and rerun."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--batch", type=int, default=5_000, help="keys a transaction")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["batch"] < 1:
            raise CommandError("--batch must be at least 1.", returncode=2)
        with entered_installation("rotate keys"):
            tenants = list(Tenant.objects.order_by("code").values_list("pk", flat=True))
        counts = {"keys": 0, "fields": 0}
        try:
            for tenant_id in tenants:
                for done in rotate_keys(tenant_id, options["batch"]):
                    counts["keys"] += done
                    self.stderr.write(f"{counts['keys']} keys")
                counts["fields"] += sum(rotate_fields(tenant_id, options["batch"]))
        except InvalidToken as error:
            raise CommandError(
                "Something is sealed by a master key that is not configured: add the former key"
                " behind the newest one and run again.",
                returncode=2,
            ) from error
        text = "Under the newest master key: {keys} keys, {fields} fields".format_map(counts)
        self.stdout.write(json.dumps(counts) if options["json"] else text)
