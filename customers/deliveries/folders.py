"""The watched folder: deliveries of files that load, are archived and told of by themselves.

Every step can be repeated: a delivery claimed by a look that died is found in ``.work`` and goes on
from its run's state, and the digest of its content says whether it was loaded before.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from customers.deliveries import incoming, letters, loading, set_aside
from customers.deliveries.outcome import outcome_of
from customers.importing.bookkeeping import record_failure
from customers.importing.messages import FileRefused
from customers.importing.queueing import delivered_groups
from customers.importing.reading import open_delivery
from customers.models import Delivery, ImportRun
from customers.privacy.policy import policy_of
from organization import audit
from organization.access import Access, entered
from organization.models import Tenant

logger = logging.getLogger(__name__)
STARTED_BY = "投递文件夹 / drop folder"
LOADED_BEFORE = gettext_noop("The same content was loaded before; nothing was loaded again.")
PATIENCE = 60.0  # seconds to wait for another import; the next look goes on
MOST_DEATHS = 3
_TELL_FOR = timedelta(days=7)


def take_up(tenant_id: int) -> int:
    """Load what lies in the group's folder and is whole; how many deliveries were finished.

    One look at a time: a second one that meets it does nothing. Call outside a transaction.
    """
    access = Access.system(tenant_id, "drop folder")
    with entered(access):
        tenant = Tenant.objects.get(pk=tenant_id)
        policy = policy_of(tenant)
    folder = incoming.group_folder(tenant.code)
    if folder is None:
        return 0
    finished = 0
    with loading.turn("drop folder", tenant.code, 0) as ours:
        if not ours:
            return 0
        for claimed in incoming.claim(folder):
            finished += _Claimed(access, tenant, folder, claimed).finish()
        _tell(access, tenant)
        with entered(access):
            set_aside.settle(access)
        oldest = timezone.localdate() - timedelta(days=min(policy.upload_days, policy.refusal_days))
        incoming.expire(folder, oldest.isoformat())
    return finished


class _Claimed:
    """One delivery in ``.work``, from its recording to the archive."""

    def __init__(self, access: Access, tenant: Tenant, folder: Path, path: Path) -> None:
        self.access, self.tenant, self.folder, self.path = access, tenant, folder, path
        self.name = path.name.encode("utf-8", "replace").decode()[:200]

    def finish(self) -> bool:
        """Whether it is loaded or refused and archived; False while another import is at work."""
        odd = incoming.strip(self.path)
        refused: FileRefused | None = None
        try:
            odd += incoming.unpack(self.path)
        except FileRefused as error:
            refused = error
        digest = incoming.digest_of(self.path)
        with entered(self.access):
            known = Delivery.objects.filter(origin=Delivery.Origin.FOLDER, key=digest)
            delivery = known.select_related("run").first()
            before = delivery is not None and delivery.run.folder != str(self.path)
            if delivery is not None and before and delivery.run.status == ImportRun.Status.DONE:
                self._archive(delivery.run, again=True)
                return True
            if delivery is None or before:
                delivery = self._record(delivery, digest, odd)
            elif delivery.run.status == ImportRun.Status.FAILED:
                # Its failure was not told yet: perhaps it only died, and another import said so.
                loading.take_back(delivery.run)
        if not self._load(delivery, refused):
            return False
        with entered(self.access):
            self._archive(ImportRun.objects.get(pk=delivery.run_id))
        return True

    def _record(self, failed: Delivery | None, digest: str, odd: list[str]) -> Delivery:
        """A run for the delivery; one that failed before may be dropped again."""
        with transaction.atomic():
            run = ImportRun.objects.create(
                tenant=self.tenant, name=self.name, folder=str(self.path), started_by=STARTED_BY
            )
            audit.record(self.access, "queue_import", f"run {run.pk}", name=self.name)
            values = {
                **{"run": run, "name": self.name, "ignored": odd, "reported_at": None},
                "deaths": 0,
            }
            if failed is not None:
                Delivery.objects.filter(pk=failed.pk).update(**values)
                return Delivery.objects.select_related("run").get(pk=failed.pk)
            return Delivery.objects.create(
                tenant=self.tenant,
                origin=Delivery.Origin.FOLDER,
                key=digest,
                digest=digest,
                **values,
            )

    def _load(self, delivery: Delivery, refused: FileRefused | None) -> bool:
        """Load it unless that is done; whether the run has ended, well or not."""
        run = delivery.run
        if run.status not in loading.UNFINISHED:
            return True
        try:
            if refused is not None:
                raise refused
            with self._alive(delivery):
                _refuse_other_groups(self.path, self.tenant.code)
                return loading.load(self.tenant.pk, run.pk, patience=PATIENCE)
        except FileRefused as refusal:
            record_failure(self.access, run.pk, refusal)
            return True
        except Exception:
            # A defect is told on the run and must not keep the deliveries behind it waiting; one
            # that could not even be recorded (no database) is everybody's.
            logger.exception("delivery %s of group %s", self.name, self.tenant.code)
            with entered(self.access):
                if ImportRun.objects.get(pk=run.pk).status in loading.UNFINISHED:
                    raise
            return True

    @contextmanager
    def _alive(self, delivery: Delivery) -> Iterator[None]:
        """Count the load as a death beforehand, since who is killed can count nothing.

        Raises:
            FileRefused: it has killed who loaded it before, as often as is allowed.
        """
        if delivery.deaths >= MOST_DEATHS:
            logger.error(
                "delivery %s of group %s killed its worker %s times and is set aside",
                *(self.name, self.tenant.code, delivery.deaths),
            )
            raise FileRefused("deadly_delivery", name=self.name, times=delivery.deaths)
        self._count_deaths(delivery.pk, delivery.deaths + 1)
        try:
            yield
        finally:
            self._count_deaths(delivery.pk, delivery.deaths)

    def _count_deaths(self, pk: int, deaths: int) -> None:
        with entered(self.access):
            Delivery.objects.filter(pk=pk).update(deaths=deaths)

    def _archive(self, run: ImportRun, again: bool = False) -> None:
        note = LOADED_BEFORE if again else ""
        outcomes = _outcomes(self.access, run)
        text = letters.written(self.tenant.code, self.name, outcomes, note)
        if self.path.exists():
            report = {**outcomes["en"], "delivery": self.name, "loaded_before": again}
            content = json.dumps(report, ensure_ascii=False, indent=1, cls=DjangoJSONEncoder)
            (self.path / "report.json").write_text(content, encoding="utf-8")
            (self.path / "report.txt").write_text(text, encoding="utf-8")
            if run.rejects_file and not again and Path(run.rejects_file).is_file():
                refused = Path(run.rejects_file).read_bytes()
                (self.path / "report.refusals.csv").write_bytes(refused)
            well = run.status == ImportRun.Status.DONE
            kind = incoming.DONE if well else incoming.FAILED
            kept = incoming.archive(self.folder, self.path, kind, timezone.localdate().isoformat())
            if not again:
                ImportRun.objects.filter(pk=run.pk).update(folder=str(kept)[:400])
            if not well:
                set_aside.remember(self.access, run)
        if again:
            addresses = letters.stewards(self.access)
            letters.send(addresses, self.tenant.code, self.name, run.status, text)


def _outcomes(access: Access, run: ImportRun) -> dict[str, dict[str, Any]]:
    return {language: outcome_of(access, run, language) for language in ("zh-hans", "en")}


def _refuse_other_groups(path: Path, code: str) -> None:
    """A delivery whose org_units name another group was left in the wrong folder.

    Raises:
        FileRefused: it does, or cannot be opened.
    """
    others = [found for found in delivered_groups(open_delivery(path)) if found != code]
    if others:
        raise FileRefused("unknown_group", code=others[0][:40], known=code)


def _tell(access: Access, tenant: Tenant) -> None:
    """Letters about deliveries that have ended and of which nobody was told yet."""
    with entered(access):
        waiting = list(
            Delivery.objects.filter(
                origin=Delivery.Origin.FOLDER,
                reported_at=None,
                created_at__gt=timezone.now() - _TELL_FOR,
            )
            .exclude(run__status__in=loading.UNFINISHED)
            .select_related("run")
            .order_by("pk")
        )
        addresses = letters.stewards(access)
    for delivery in waiting:
        with entered(access):
            outcomes = _outcomes(access, delivery.run)
        text = letters.written(tenant.code, delivery.name, outcomes)
        if letters.send(addresses, tenant.code, delivery.name, delivery.run.status, text):
            with entered(access):
                Delivery.objects.filter(pk=delivery.pk).update(reported_at=timezone.now())
