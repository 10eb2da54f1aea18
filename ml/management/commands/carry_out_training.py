"""``manage.py carry_out_training TENANT RUN``: the process that a worker starts for one run."""

import signal
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ml import runs
from ml.chunks import ChunkFailed, score_until_none_is_free
from ml.extraction import NotEnoughData
from ml.quarantine import TooManyQuarantined
from ml.training import Interrupted, carry_out
from organization.access import Access

# Exit status of a run that another worker is to go on with (EX_TEMPFAIL of sysexits.h).
TRY_AGAIN = 75


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


class Command(BaseCommand):
    help = "Carry out one queued training run, or help with its scoring (started by the worker)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tenant_id", type=int)
        parser.add_argument("run_id", type=int)
        parser.add_argument(
            "--chunks",
            action="store_true",
            help="only score chunks of a run that another worker carries out",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        former = signal.signal(signal.SIGTERM, _stop)
        try:
            self._work(options["tenant_id"], options["run_id"], chunks=options["chunks"])
        except (runs.RunBusy, runs.LeaseLost, NotEnoughData) as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal
        except (TooManyQuarantined, ChunkFailed) as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal
        except Interrupted as stopped:
            raise CommandError(str(stopped), returncode=TRY_AGAIN) from stopped
        finally:
            signal.signal(signal.SIGTERM, former)

    def _work(self, tenant_id: int, run_id: int, *, chunks: bool) -> None:
        if chunks:
            score_until_none_is_free(Access.system(tenant_id, "scoring worker"), run_id)
        else:
            carry_out(runs.claim(Access.system(tenant_id, "training worker"), run_id))
