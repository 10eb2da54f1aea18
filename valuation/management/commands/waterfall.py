"""``manage.py waterfall DEAL.json``: run a deal's priority of payments. Needs no database."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from valuation.refusals import Refused
from valuation.structure.analytics import analyse
from valuation.structure.deals import Deal, parse_deal
from valuation.structure.waterfall import AMOUNTS, Waterfall, distribute

DECIMALS = 6
COLUMNS = ("fee", "a_int", "a_prin", "a_bal", "b_int", "b_prin", "b_bal", "reserve_end", "residual")


class Command(BaseCommand):
    help = (
        "Distribute a pool's collections to fees, A, B, reserve and residual. A structuring "
        "simulation on management estimates, not a rated or eligible asset."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("deal", help="JSON file: the deal's terms and its collections")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            deal = parse_deal(_read(Path(options["deal"])))
        except Refused as refused:
            reasons = "\n".join(f"- {refusal}" for refusal in refused.refusals)
            raise CommandError(f"The deal was refused:\n{reasons}", returncode=2) from refused
        result = distribute(deal)
        report = {
            "periods": _periods(deal, result),
            "totals": result.totals(),
            "analytics": analyse(deal, result),
        }
        if options["json"]:
            self.stdout.write(json.dumps(_rounded(report), allow_nan=False))
        else:
            self._print(result, report["analytics"])

    def _print(self, result: Waterfall, analytics: dict[str, Any]) -> None:
        self.stdout.write("month" + "".join(f"{name:>16}" for name in COLUMNS))
        for t in range(len(result.collections)):
            cells = "".join(f"{result.amounts[name][t]:>16,.2f}" for name in COLUMNS)
            mark = " triggered" if result.triggered[t] else ""
            self.stdout.write(f"{t + 1:>5}{cells}{mark}")
        for name, value in _rounded(analytics).items():
            self.stdout.write(f"{name}: {'-' if value is None else value}")


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_unique_keys)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}."
        raise CommandError(message, returncode=2) from error
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{path} is not a valid JSON deal: {error}", returncode=2) from error


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    repeated = sorted({key for key in keys if keys.count(key) > 1})
    if repeated:
        raise ValueError(f"the key {', '.join(repeated)} stands there more than once")
    return dict(pairs)


def _periods(deal: Deal, result: Waterfall) -> dict[str, Any]:
    """The contract's lists, and those of what this deal has besides."""
    lists: dict[str, Any] = {name: result.amounts[name] for name in AMOUNTS}
    lists |= {"oc": result.oc, "triggered": result.triggered, "dscr": result.dscr}
    if deal.revolving is not None:
        lists["reinvested"] = result.reinvested
    if deal.support is not None:
        lists["support"] = distribute(deal, supported=True).support
    if deal.triggers:
        lists["trigger_states"] = result.tripped
    return lists


def _rounded(value: Any) -> Any:
    """Floats to :data:`DECIMALS` places; adding 0.0 turns a negative zero into a plain one."""
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
