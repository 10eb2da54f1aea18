"""``manage.py value``: what the customer base of a group or unit is worth, and why."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ml.asof import DateRefused, checked_as_of
from organization.access import Access, entered
from organization.command_options import day
from organization.models import Unit
from organization.tenants import TenantRefused, choose_tenant
from valuation import report
from valuation.engine import create_valuation
from valuation.figures import SEED_FIELDS
from valuation.models import ValuedUnit
from valuation.refusals import Refused

OPTIONS: dict[str, tuple[type, str]] = {
    "customers": (int, "number of customers"),
    "annual_spend": (float, "yuan a customer and year, net of VAT"),
    "gross_margin": (float, "fraction: 52%% is 0.52"),
    "years": (int, "whole years"),
    "retention": (float, "fraction: 75%% is 0.75"),
    "discount_rate": (float, "fraction, annual effective: 8%% is 0.08"),
}


class UnitRefused(Exception):
    """The group has no unit of that code; the message names some that it has."""


class Command(BaseCommand):
    help = (
        "Value the customers of a group from the score set of a date: expected value with band,"
        " monthly flows, the course's closed form and the bridge between the two. The result is"
        " stored once; the same inputs give the same valuation. With --seed-formula and all six"
        " inputs given, only the closed form is computed and no group is needed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--group", help="code of the group (default: the only one)")
        parser.add_argument("--unit", help="code of a unit (default: the whole group)")
        parser.add_argument(
            "--as-of",
            type=day,
            help="date of the score set (default: the day after the latest visit)",
        )
        parser.add_argument(
            "--seed-formula", action="store_true", help="print the closed form instead of the value"
        )
        for name, (kind, help_text) in OPTIONS.items():
            parser.add_argument(
                f"--{name.replace('_', '-')}",
                type=kind,
                help=f"input of the closed form: {help_text} (default: the group's own data)",
            )
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        given = {name: options[name] for name in SEED_FIELDS}
        alone = options["seed_formula"] and None not in given.values()
        try:
            if alone and not (options["group"] or options["unit"] or options["as_of"]):
                found = report.seed_report(given)
            else:
                found = self._valued(options, given)
        except Refused as refused:
            raise CommandError(report.refusal_text(refused), returncode=2) from refused
        except (TenantRefused, DateRefused, UnitRefused) as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal
        if options["json"]:
            self.stdout.write(json.dumps(found, ensure_ascii=False, allow_nan=False))
        elif options["seed_formula"]:
            self.stdout.write(report.in_hundred_millions(found["seed_formula"]["value"]))
        else:
            self.stdout.write(_in_words(found))

    def _valued(self, options: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        tenant = choose_tenant(options["group"])
        access = Access.system(tenant.pk, "manage.py value")
        report.check_given(given)
        as_of = checked_as_of(access, options["as_of"])
        with entered(access):
            unit_id = _unit_id(options["unit"])
        valuation, _created = create_valuation(access, as_of)
        with entered(access):
            valued = ValuedUnit.objects.select_related("unit", "valuation__assumptions").get(
                valuation=valuation, unit_id=unit_id
            )
            return report.unit_report(valued, given)


def _unit_id(code: str | None) -> int:
    units = dict(Unit.objects.order_by("level", "code").values_list("code", "pk"))
    if code is None:
        group: int = Unit.objects.get(level=Unit.Level.GROUP).pk
        return group
    if code not in units:
        known = ", ".join(list(units)[:12])
        more = f" and {len(units) - 12} more" if len(units) > 12 else ""
        raise UnitRefused(f"No unit has the code {code!r}; there are {known}{more}.")
    return units[code]


def _in_words(found: dict[str, Any]) -> str:
    lines = [
        f"{found['unit']} {found['unit_name']} as of {found['as_of']}:"
        f" {found['customers']:,} customers, {found['currency']}",
        f"  expected      {found['expected']:>20,.2f}",
        f"  P5 to P95     {found['p5']:>20,.2f} to {found['p95']:,.2f}",
        f"  undiscounted  {found['undiscounted']:>20,.2f}",
        f"  closed form   {found['seed_formula']['value']:>20,.2f}",
        "  bridge",
        *(f"    {bar['step']:<28}{bar['amount']:>20,.2f}" for bar in found["bridge"]),
        f"  model {found['model_version']}, assumptions version {found['assumptions']['version']},"
        f" input {found['input_hash'][:12]}",
        *(f"  note: {warning}" for warning in found["warnings"]),
    ]
    return "\n".join(lines)
