"""``manage.py demo_history``: what a group that has used the product for a month would have."""

from argparse import ArgumentParser
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from ml.asof import checked_as_of
from ml.models import BackTest
from organization.access import Access, entered
from organization.models import Account, Unit
from organization.roles import signed_in
from organization.tenants import TenantRefused, choose_tenant
from valuation.approval import approve
from valuation.models import Approval, Valuation
from valuation.reports.exporting import carry_out, request_export
from valuation.reports.models import Export

APPROVER = "ceo"


class Command(BaseCommand):
    help = (
        "Give the demonstration group a past: scores and an approved valuation of the first of the"
        " month, a monthly report of it, and the back-test. What is there already is left."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--group", required=True, help="code of the group")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.PARCFOLIO_DEMO:
            raise CommandError(
                "This installation is no demonstration (PARCFOLIO_DEMO is not 1): approving for"
                " somebody else is refused.",
                returncode=2,
            )
        try:
            tenant = choose_tenant(options["group"])
        except TenantRefused as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal
        access = Access.system(tenant.pk, "demo_history")
        newest = checked_as_of(access, None)
        self._value_of(access, tenant.code, former_month(newest))
        with entered(access):
            judged = BackTest.objects.exists()
        if not judged:
            call_command("backtest", group=tenant.code, stdout=self.stdout)

    def _value_of(self, access: Access, group: str, day: date) -> None:
        with entered(access):
            if Valuation.objects.filter(as_of=day).exists():
                return
        call_command("retrain", group=group, as_of=day, stdout=self.stdout)
        call_command("value", group=group, as_of=day, stdout=self.stdout)
        with entered(access):
            account = Account.objects.get(tenant_id=access.tenant_id, username=APPROVER)
            executive = signed_in(account).access
        with entered(executive):
            valuation = Valuation.objects.visible_to(executive).get(as_of=day)
            for hindrance in approve(executive, valuation):
                self.stderr.write(f"The valuation of {day} is not approved: {hindrance}")
            if not Approval.objects.filter(valuation=valuation).exists():
                return
            whole = Unit.objects.visible_to(executive).get(parent=None)
            kind, language = Export.Kind.MONTHLY_PDF, account.language or settings.LANGUAGE_CODE
            report = request_export(executive, whole, kind, language, {})
        carry_out(access.tenant_id, report.pk)


def former_month(day: date) -> date:
    """The last first of a month before ``day``."""
    return (day - timedelta(days=1)).replace(day=1)
