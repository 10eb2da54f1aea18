"""``manage.py backtest``: judge the models at earlier days and keep the results."""

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ml.asof import DateRefused, checked_as_of
from ml.extraction import NotEnoughData
from organization.access import Access, entered
from organization.command_options import day
from organization.tenants import TenantRefused, choose_tenant


class Command(BaseCommand):
    help = (
        "Fit every model on what was known one, two and three years before the as-of date, and hold"
        " its forecast against what happened. The results are shown on the back-test page and"
        " count when the next training chooses a model."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--group", help="code of the group (default: the only one)")
        parser.add_argument("--as-of", type=day, help="as for manage.py retrain")
        parser.add_argument("--origins", type=int, default=3, help="years back, 1 to 5 (default 3)")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        from ml import back_testing
        from ml.models import BackTest

        if not 1 <= options["origins"] <= 5:
            raise CommandError(f"--origins {options['origins']} is outside 1 to 5.", returncode=2)
        began = time.perf_counter()
        try:
            tenant = choose_tenant(options["group"])
            access = Access.system(tenant.pk, "manage.py backtest")
            as_of = checked_as_of(access, options["as_of"])
            judged = back_testing.carry_out(access, as_of, options["origins"])
        except (TenantRefused, DateRefused, NotEnoughData) as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal
        with entered(access):
            cards = {
                f"{origin} {rung}": result["cards"]
                for origin, rung, result in BackTest.objects.filter(
                    division=None, origin__in=judged
                )
                .order_by("-origin", "rung")
                .values_list("origin", "rung", "result")
            }
        outcome = {
            "as_of": as_of.isoformat(),
            "origins": [origin.isoformat() for origin in judged],
            "cards": cards,
            "seconds": round(time.perf_counter() - began, 2),
        }
        if options["json"]:
            self.stdout.write(json.dumps(outcome))
            return
        for name, card in cards.items():
            biases = ", ".join(
                f"{measure} {one['bias']:+.1%}"
                for measure, one in card.items()
                if one["bias"] is not None
            )
            self.stdout.write(f"{name}: {biases}")
