"""The process in which the worker carries out a group's back-tests (see ``ml.tasks``)."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ml.asof import DateRefused, checked_as_of
from ml.extraction import NotEnoughData
from organization.access import Access


class Command(BaseCommand):
    help = "Carry out the back-tests of one group; called by the training worker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tenant", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        from ml.back_testing import carry_out

        access = Access.system(options["tenant"], "weekly back-test")
        try:
            carry_out(access, checked_as_of(access, None))
        except (DateRefused, NotEnoughData) as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal
