"""``manage.py import_data``: load a folder or file of the exchange format."""

import json
import logging
import sys
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from customers.importing.kinds import KINDS
from customers.importing.messages import FileRefused, both, message
from customers.importing.reading import ignored_files
from customers.importing.running import RunReport, import_path

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Load a folder, or one file, of the exchange format (docs/data-format.md): "
        + ", ".join(KINDS)
        + ", each as .csv or .xlsx. Loading the same file again changes nothing. Refused rows harm"
        " no other; they are listed in the refusal file with what would be right. Exit status 0"
        " if the run was done (rows may have been refused), 2 if the delivery was refused."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="folder or file (its name says what it holds)")
        parser.add_argument(
            "--group", help="code of the group; may be left out where there is only one"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="report what would happen and write nothing"
        )
        parser.add_argument(
            "--profile",
            metavar="NAME",
            help="a saved mapping profile of the group, for a file of a foreign layout",
        )
        parser.add_argument(
            "--most-refused",
            type=_percent,
            metavar="PERCENT",
            help="stop before writing a file of which more rows are refused (default: the group's"
            " own setting, else no limit)",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = import_path(
                options["path"],
                group=options["group"],
                dry_run=options["dry_run"],
                most_refused=options["most_refused"],
                profile=options["profile"],
            )
        except FileRefused as refused:
            problem = refused.problem
            raise CommandError(both(problem.code, problem.values), returncode=2) from refused
        for kind, warnings in report.warnings.items():
            for warning in warnings:
                logger.warning("%s: %s", kind, message(warning.code, warning.values, "en"))
        ignored = ignored_files(options["path"])
        if ignored:
            logger.warning(message("unknown_files", {"names": ", ".join(ignored)}, "en"))
        if options["json"]:
            found = _as_json(report) | {"ignored_files": ignored}
            self.stdout.write(json.dumps(found, ensure_ascii=False))
        else:
            self._print(report)
        sys.stdout.flush()

    def _print(self, report: RunReport) -> None:
        heads = ("read", "created", "updated", "unchanged", "rejected", "superseded")
        self.stdout.write(f"{'':<12}" + "".join(f"{head:>12}" for head in heads))
        for kind, counts in report.kinds.items():
            figures = counts.as_json()
            self.stdout.write(f"{kind:<12}" + "".join(f"{figures[head]:>12,}" for head in heads))
        if report.rejects_file is not None:
            self.stdout.write(f"refusals: {report.rejects_file}")
        done = "would take" if report.dry_run else "done in"
        self.stdout.write(f"{done} {report.seconds} s, {report.merged} customer numbers merged")


def _percent(text: str) -> float:
    """A share in percent; anything else is refused by name."""
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 100:
        raise ArgumentTypeError(f"{text!r} is not a percentage from 0 to 100")
    return share


def _as_json(report: RunReport) -> dict[str, Any]:
    return {
        "group": report.group,
        "dry_run": report.dry_run,
        "kinds": {kind: counts.as_json() for kind, counts in report.kinds.items()},
        "warnings": [
            {
                "file": kind,
                "code": warning.code,
                "values": dict(warning.values),
                "message": message(warning.code, warning.values, "en"),
            }
            for kind, warnings in report.warnings.items()
            for warning in warnings
        ],
        "rejects_file": str(report.rejects_file) if report.rejects_file else None,
        "merged": report.merged,
        "seconds": report.seconds,
        "stages": report.stages,
    }
