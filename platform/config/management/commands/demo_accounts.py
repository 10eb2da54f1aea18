"""``manage.py demo_accounts``: let the demonstration group's people sign in."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError

from config.services import local_secrets, var_folder
from organization.access import entered_installation
from organization.models import Account, Tenant


class Command(BaseCommand):
    help = "Give every account of the demonstration group the generated demonstration password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--group", required=True, help="code of the group")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.PARCFOLIO_DEMO:
            raise CommandError(
                "This installation is no demonstration (PARCFOLIO_DEMO is not 1): shared passwords"
                " are refused.",
                returncode=2,
            )
        password = make_password(local_secrets(var_folder())["demo_password"])
        with entered_installation("demo accounts"):
            tenant = Tenant.objects.filter(code=options["group"]).first()
        if tenant is None:
            raise CommandError(f"No group has the code {options['group']!r}.", returncode=2)
        count = Account.objects.filter(tenant=tenant).update(password=password)
        self.stdout.write(f"{count} accounts")
