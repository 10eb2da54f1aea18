"""``manage.py audit_verify``: recompute the hash chain of the audit trail and name a break."""

import json
import re
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from organization.access import entered_installation
from organization.audit_chain import Verdict, verify
from organization.models import Tenant
from organization.tenants import TenantRefused, choose_tenant

WORDS = {
    "changed": "event {number} (row {event}) says something else than when it was written",
    "missing": "events are missing before number {number} (row {event})",
    "reordered": "event {number} (row {event}) stands elsewhere than where it was written",
    "cut": "event {number} (row {event}) follows one that is no longer there as it was",
    "unlinked": "row {event} is not in the chain: it was written past the triggers",
    "end": "the newest events, up to number {number}, are gone",
    "anchor": "an expected hash is not in the trail: its end was cut, or all of it rewritten",
}


def _hash(text: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise ArgumentTypeError(f"{text!r} is no hash: 64 hexadecimal digits are expected.")
    return text.lower()


class Command(BaseCommand):
    help = "Recompute the audit trail's hash chain; exit 1 and name the first break, if any."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--group", help="code of the group (default: all)")
        parser.add_argument(
            "--expect",
            action="append",
            default=[],
            type=_hash,
            metavar="HASH",
            help="a hash noted earlier that the trail of --group must still contain",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        verdicts = {
            tenant.code: verify(tenant.pk, options["expect"]) for tenant in self._tenants(options)
        }
        if options["json"]:
            report = {code: verdict.as_json() for code, verdict in verdicts.items()}
            whole = all(verdict.broken is None for verdict in verdicts.values())
            self.stdout.write(json.dumps({"whole": whole, "groups": report}))
        else:
            for code, verdict in verdicts.items():
                self.stdout.write(_line(code, verdict))
        broken = [code for code, verdict in verdicts.items() if verdict.broken]
        if broken:
            raise CommandError(
                f"The audit trail of {', '.join(broken)} is not whole.", returncode=1
            )

    def _tenants(self, options: dict[str, Any]) -> list[Tenant]:
        try:
            if options["group"] or options["expect"]:
                return [choose_tenant(options["group"])]
        except TenantRefused as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal
        with entered_installation("audit_verify"):
            return list(Tenant.objects.order_by("code"))


def _line(code: str, verdict: Verdict) -> str:
    if verdict.broken is None:
        return f"{code}: {verdict.events} events, whole, newest {verdict.head}"
    words = WORDS[verdict.broken.problem].format(
        number=verdict.broken.number, event=verdict.broken.event
    )
    return f"{code}: BROKEN after {verdict.events} events: {words}"
