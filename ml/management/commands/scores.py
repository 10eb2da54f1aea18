"""``manage.py scores --csv FILE``: the scores of every customer born before the as-of date."""

import csv
import json
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ml.asof import DateRefused, checked_as_of
from ml.publication import score_set_of
from ml.score_file import COLUMNS, rows
from organization import audit
from organization.access import Access, entered
from organization.command_options import day
from organization.tenants import TenantRefused, choose_tenant


class Command(BaseCommand):
    help = "Write the published scores of a date as CSV, one row per customer."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--csv", required=True, type=Path, help="file to write")
        parser.add_argument("--group", help="code of the group (default: the only one)")
        parser.add_argument(
            "--as-of",
            type=day,
            help="date of the score set (default: the day after the latest visit)",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        target: Path = options["csv"].resolve()
        _refuse_target(target)
        try:
            tenant = choose_tenant(options["group"])
            access = Access.system(tenant.pk, "manage.py scores")
            as_of = checked_as_of(access, options["as_of"])
            score_set = score_set_of(access, as_of)
        except (TenantRefused, DateRefused) as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal
        partial = target.with_name(target.name + ".partial")
        try:
            count = _write(partial, rows(access, score_set))
        except OSError as error:
            partial.unlink(missing_ok=True)
            reason = error.strerror or error
            raise CommandError(f"{target} cannot be written: {reason}.", returncode=2) from error
        with entered(access):
            audit.record(
                *(access, "export_scores", f"score_set:{score_set.pk}"),
                customers=count,
                file=target.name,
            )
        partial.replace(target)
        outcome = {
            "score_set": score_set.pk,
            "as_of": score_set.as_of.isoformat(),
            "customers": count,
            "csv": str(target),
        }
        self.stdout.write(
            json.dumps(outcome)
            if options["json"]
            else f"{count} customers as of {score_set.as_of} in {target}"
        )


def _refuse_target(target: Path) -> None:
    """What stands there is replaced, so it must be a file: never a folder, a device, a pipe."""
    if not target.parent.is_dir():
        raise CommandError(f"The folder {target.parent} does not exist.", returncode=2)
    if target.exists() and not target.is_file():
        raise CommandError(f"{target} is no ordinary file: name a file to write.", returncode=2)


def _write(target: Path, lines: Iterable[Sequence[object]]) -> int:
    count = 0
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for line in lines:
            writer.writerow(line)
            count += 1
    return count
