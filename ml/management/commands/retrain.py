"""``manage.py retrain``: features, lifetime value, churn, score set; published behind the gate."""

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ml import runs
from ml.asof import DateRefused, checked_as_of
from ml.chunks import ChunkFailed
from ml.configuration import DEFAULTS, HORIZON_RANGE
from ml.extraction import NotEnoughData
from ml.outcome import outcome_of
from ml.quarantine import TooManyQuarantined
from ml.training import Interrupted, carry_out
from organization.access import Access
from organization.command_options import day
from organization.tenants import TenantRefused, choose_tenant

_PATIENCE = 10.0  # seconds that a run may stand in the queue before it is asked who listens


class Command(BaseCommand):
    help = (
        "Fit lifetime value and churn for every customer born before the as-of date and publish the"
        " score set if it passes the gate."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--group", help="code of the group (default: the only one)")
        parser.add_argument(
            "--as-of",
            type=day,
            help="use what happened before this day (default: the day after the latest visit)",
        )
        parser.add_argument(
            "--horizon-months",
            type=int,
            default=DEFAULTS["horizon_months"],
            help=f"months of value, {HORIZON_RANGE[0]} to {HORIZON_RANGE[1]} (default 60)",
        )
        parser.add_argument(
            "--worker", action="store_true", help="let the Celery worker do it, and wait"
        )
        parser.add_argument(
            "--score-only",
            action="store_true",
            help="score with the published models instead of fitting new ones",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        low, high = HORIZON_RANGE
        if not low <= options["horizon_months"] <= high:
            raise CommandError(
                f"--horizon-months {options['horizon_months']} is outside {low} to {high}.",
                returncode=2,
            )
        try:
            tenant = choose_tenant(options["group"])
            access = Access.system(tenant.pk, "manage.py retrain")
            as_of = checked_as_of(access, options["as_of"])
            config = DEFAULTS | {"horizon_months": options["horizon_months"]}
            run = runs.request_run(access, as_of, config, score_only=options["score_only"])
            if options["worker"]:
                self._wait(access, tenant.pk, run.pk)
            else:
                carry_out(runs.claim(access, run.pk))
        except (TenantRefused, DateRefused, NotEnoughData, runs.RunBusy) as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal
        except (TooManyQuarantined, ChunkFailed, runs.LeaseLost) as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal
        except Interrupted as stopped:
            raise CommandError(
                f"Run {run.pk} was interrupted: {stopped}. A worker goes on with it; without one,"
                " run manage.py retrain again.",
                returncode=1,
            ) from stopped
        outcome = outcome_of(access, run.pk)
        self.stdout.write(json.dumps(outcome) if options["json"] else _in_words(outcome))

    def _wait(self, access: Access, tenant_id: int, run_id: int) -> None:
        """Hand the run to the worker; print stages to stderr until it has ended."""
        from ml.tasks import a_worker_listens, hand_over

        hand_over(tenant_id, run_id)
        shown, asked = "", time.monotonic()
        while True:
            status = outcome_of(access, run_id)
            if status["status"] == "queued" and time.monotonic() - asked > _PATIENCE:
                if not a_worker_listens():
                    raise CommandError(
                        f"No worker listens to the queue “training”. Run {run_id} stays queued and"
                        " is carried out when one starts (docs/operations.md); or cancel it on the"
                        " page of models and run manage.py retrain without --worker.",
                        returncode=2,
                    )
                asked = time.monotonic()
            line = f"{status['stage']} {status['progress']:.0%}"
            if line != shown and status["stage"]:
                self.stderr.write(f"  {line}")
                shown = line
            if status["status"] not in ("queued", "running"):
                if status["status"] in ("failed", "cancelled"):
                    raise CommandError(status["message"], returncode=2)
                return
            time.sleep(0.3)


def _in_words(outcome: dict[str, Any]) -> str:
    lines = [
        f"Score set {outcome['score_set']} as of {outcome['as_of']}: {outcome['customers']}"
        f" customers, {'published' if outcome['published'] else 'held back'}."
    ]
    if outcome["message"]:
        lines.append(outcome["message"])
    for model in outcome["models"]:
        lines.append(f"  {model['name']} {model['version']}: {model['status']}")
    lines.append(f"  {sum(outcome['seconds'].values()):.1f} s")
    return "\n".join(lines)
