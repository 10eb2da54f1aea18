"""``manage.py old_scores``: which score sets are kept and why, and what would be dropped."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ml.retention import Holding, drop_old, holdings
from organization.access import Access, entered
from organization.tenants import TenantRefused, choose_tenant

MEGABYTE = 1024 * 1024


class Command(BaseCommand):
    help = "Show which score sets are kept, why, and which are not; --drop takes those away."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--drop", action="store_true", help="take away what is not kept")
        parser.add_argument("--group", help="code of the group (default: the only one)")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tenant = choose_tenant(options["group"])
        except TenantRefused as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal
        access = Access.system(tenant.pk, "manage.py old_scores")
        with entered(access):
            found = holdings(access)
        gone: set[int] = set()
        if options["drop"]:
            gone = {one.score_set.pk for one, went in drop_old(access) if went}
        rows = [_row(one, one.score_set.pk in gone) for one in found]
        old = [row for row in rows if not row["kept"]]
        outcome = {
            "score_sets": rows,
            "to_drop": len(old),
            "to_drop_mb": round(sum(row["mb"] for row in old), 1),
            "dropped": len(gone),
        }
        self.stdout.write(json.dumps(outcome) if options["json"] else _in_words(outcome))


def _row(one: Holding, dropped: bool) -> dict[str, Any]:
    return {
        "score_set": one.score_set.pk,
        "as_of": one.score_set.as_of.isoformat(),
        "status": one.score_set.status,
        "customers": one.score_set.customers,
        "mb": round(one.size / MEGABYTE, 1),
        "kept": bool(one.why),
        "why": one.why,
        "dropped": dropped,
    }


def _in_words(outcome: dict[str, Any]) -> str:
    lines = [
        f"{row['as_of']}  set {row['score_set']}  {row['customers']} customers  {row['mb']} MB  "
        + ("dropped" if row["dropped"] else row["why"] or "would be dropped")
        for row in outcome["score_sets"]
    ]
    return "\n".join(
        [
            *lines,
            f"{outcome['to_drop']} not kept, {outcome['to_drop_mb']} MB; "
            f"{outcome['dropped']} dropped.",
        ]
    )
