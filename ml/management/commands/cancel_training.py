"""``manage.py cancel_training``: end the run of a group that waits or is being carried out."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ml import runs
from ml.models import TrainingRun
from organization.access import Access, entered
from organization.tenants import TenantRefused, choose_tenant


class Command(BaseCommand):
    help = "Cancel the group's training runs that wait or run; scores in use stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--run", type=int, help="only this run (default: all under way)")
        parser.add_argument("--group", help="code of the group (default: the only one)")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tenant = choose_tenant(options["group"])
            access = Access.system(tenant.pk, "manage.py cancel_training")
            cancelled = [options["run"]] if options["run"] else _under_way(access)
            for run_id in cancelled:
                runs.cancel(access, run_id, "manage.py cancel_training")
        except (TenantRefused, runs.RunOver) as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal
        if not cancelled:
            raise CommandError("No training run waits or runs.", returncode=2)
        self.stdout.write(
            json.dumps({"cancelled": cancelled})
            if options["json"]
            else f"Cancelled: run {', '.join(map(str, cancelled))}."
        )


def _under_way(access: Access) -> list[int]:
    with entered(access):
        return list(
            TrainingRun.objects.filter(status__in=runs.UNDER_WAY)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
