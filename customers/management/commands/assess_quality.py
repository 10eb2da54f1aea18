"""``manage.py assess_quality``: the data-quality report of a group, stored and printed."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from customers.quality import report as quality
from customers.quality.rules import PARTS
from organization.access import Access, entered
from organization.command_options import day
from organization.tenants import TenantRefused, choose_tenant


class Command(BaseCommand):
    help = (
        "Assess the data of a group: how complete, valid, timely and reconciled to the books they"
        " are, by store. The report is stored; the page 'Data quality' shows it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--group", help="code of the group; needed where there are several")
        parser.add_argument(
            "--as-of",
            type=day,
            help="what happened before this day, YYYY-MM-DD (default: day after the latest visit)",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tenant = choose_tenant(options["group"])
            access = Access.system(tenant.pk, "assess_quality")
            with entered(access):
                as_of = options["as_of"]
                report = quality.assess(access, as_of) if as_of else quality.assess_latest(access)
                part = quality.visible_part(access, report)
        except (TenantRefused, quality.NothingToAssess) as refused:
            raise CommandError(str(refused), returncode=2) from refused
        found = part.confidence
        if options["json"]:
            answer = {
                "report": report.pk,
                "as_of": report.as_of.isoformat(),
                "score": found.score,
                "parts": {code: round(value, 4) for code, value in found.parts.items()},
                "missing_kinds": list(found.missing_kinds),
                "gaps_beyond_2_percent": len(part.gaps_beyond),
                "stores": len(part.stores),
                "seconds": report.report["seconds"],
            }
            self.stdout.write(json.dumps(answer))
            return
        self.stdout.write(
            f"{tenant.code} as of {report.as_of}: data confidence {found.score:.1f} of 100"
        )
        for rule in PARTS:
            self.stdout.write(f"  {rule.code:15} {found.parts[rule.code]:7.1%} × {rule.weight:g}")
        if found.missing_kinds:
            self.stdout.write(f"  never supplied: {', '.join(found.missing_kinds)}")
        self.stdout.write(f"  store-months beyond 2% of the books: {len(part.gaps_beyond)}")
