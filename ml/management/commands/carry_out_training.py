"""``manage.py carry_out_training TENANT RUN``: the process that a worker starts for one run."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ml import runs
from ml.extraction import NotEnoughData
from ml.training import carry_out
from organization.access import Access


class Command(BaseCommand):
    help = "Carry out one queued training run (started by the worker)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tenant_id", type=int)
        parser.add_argument("run_id", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        access = Access.system(options["tenant_id"], "training worker")
        try:
            carry_out(runs.claim(access, options["run_id"]))
        except (runs.RunBusy, NotEnoughData) as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal
