"""What is kept for a time only: refused rows, uploads, contact data of customers long gone.

A dry run counts the same rows and files that a real one deletes.
"""

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet

from customers.models import (
    ContactPoint,
    Contract,
    Customer,
    CustomerSource,
    Event,
    FollowUp,
    ImportRun,
    Ownership,
    RejectedRow,
    Survey,
    Visit,
)
from customers.models.people import CustomerKind
from customers.privacy import files
from customers.privacy.policy import PrivacyPolicy, policy_of
from organization import audit
from organization.access import Access, entered
from organization.models import Tenant

_BATCH = 2_000
_YEAR = timedelta(days=365.25)
_RUNNING = (ImportRun.Status.QUEUED, ImportRun.Status.RUNNING)


@dataclass
class Retained:
    """What was deleted, or in a dry run would be."""

    refused_rows: int = 0
    refusal_folders: int = 0
    upload_folders: int = 0
    customers_expired: int = 0
    contacts: int = 0
    customers_back: int = 0

    def as_json(self) -> dict[str, int]:
        return asdict(self)


def apply_retention(tenant_id: int, now: datetime, *, dry_run: bool = False) -> Retained:
    """Delete what has passed its period in one group; short transactions, safe to repeat.

    Raises:
        PolicyRefused: the group's settings hold something that is no policy.
    """
    done = Retained()
    access = Access.system(tenant_id, "retention")
    with entered(access):
        policy = policy_of(Tenant.objects.get(pk=tenant_id))
        _expire_runs(access, policy, now, done, dry_run)
        _bring_back(access, done, dry_run)
    _expire_contacts(access, policy, now.date(), done, dry_run)
    with entered(access):
        if not dry_run and any(done.as_json().values()):
            audit.record(access, "retention.applied", "", **done.as_json())
    return done


def _expire_runs(
    access: Access, policy: PrivacyPolicy, now: datetime, done: Retained, dry_run: bool
) -> None:
    runs = ImportRun.objects.visible_to(access).exclude(status__in=_RUNNING)
    old = runs.filter(created_at__lt=now - timedelta(days=policy.refusal_days))
    rows = RejectedRow.objects.visible_to(access).filter(run__in=old)
    done.refused_rows = rows.count() if dry_run else rows.delete()[0]
    for run in old.exclude(rejects_file=""):
        if (folder := files.refusal_folder(run)) is not None:
            done.refusal_folders += 1
            if not dry_run:
                files.remove(folder)
    if not dry_run:
        old.exclude(rejects_file="").update(rejects_file="")
    for run in runs.filter(created_at__lt=now - timedelta(days=policy.upload_days)):
        if (folder := files.upload_folder(run)) is not None:
            done.upload_folders += 1
            if not dry_run:
                files.remove(folder)


def lost_before(access: Access, day: date) -> QuerySet[Customer]:
    """Customers of whom nothing has been seen since ``day`` and who still have contact data.

    Seen: a visit, a purchase, a survey answer, an event, a contract in force, a follow-up spoken
    of. Companies and fleets are no persons; their contact data do not expire.
    """

    def none_of(model: type, **conditions: object) -> Any:
        mine = model.objects.visible_to(access).filter(customer=OuterRef("pk"))  # type: ignore[attr-defined]
        return ~Exists(mine.filter(**conditions))

    contacts = ContactPoint.objects.visible_to(access).filter(customer=OuterRef("pk"))
    found: QuerySet[Customer] = (
        Customer.objects.visible_to(access)
        .filter(Exists(contacts), kind__in=(CustomerKind.PERSON, CustomerKind.EMPLOYEE))
        .filter(Q(created_on=None) | Q(created_on__lt=day))
        .filter(
            none_of(Visit, day__gte=day),
            none_of(Ownership, sold_on__gte=day),
            none_of(Survey, day__gte=day),
            none_of(Event, day__gte=day),
            none_of(Contract, ends_on__gte=day),
            none_of(Contract, balance_fen__gt=0),
            none_of(FollowUp, contacted_at__date__gte=day),
        )
    )
    return found


def _expire_contacts(
    access: Access, policy: PrivacyPolicy, today: date, done: Retained, dry_run: bool
) -> None:
    """A batch a transaction: a group of millions is never locked as a whole."""
    last = 0
    while True:
        with entered(access):
            lost = lost_before(access, today - policy.lost_contact_years * _YEAR)
            ids = list(
                lost.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:_BATCH]
            )
            if not ids:
                return
            last = ids[-1]
            contacts = ContactPoint.objects.visible_to(access).filter(customer_id__in=ids)
            done.customers_expired += len(ids)
            if dry_run:
                done.contacts += contacts.count()
                continue
            done.contacts += contacts.delete()[0]
            numbers = CustomerSource.objects.visible_to(access).filter(customer_id__in=ids)
            numbers.exclude(address="").update(address="")
            Visit.objects.visible_to(access).filter(customer_id__in=ids).exclude(
                brought_by="", brought_by_lookup=None
            ).update(brought_by="", brought_by_mobile=None, brought_by_lookup=None)
            Customer.objects.visible_to(access).filter(pk__in=ids).update(contact_expired_on=today)


def _bring_back(access: Access, done: Retained, dry_run: bool) -> None:
    """Who has come again since is a customer again: the next feed may bring his number."""
    expired = Customer.objects.visible_to(access).filter(contact_expired_on__isnull=False)
    back = expired.annotate(last=Max("visits__day")).filter(last__gte=F("contact_expired_on"))
    ids = list(back.values_list("pk", flat=True))
    done.customers_back = len(ids)
    if not dry_run:
        expired.filter(pk__in=ids).update(contact_expired_on=None)


def sweep_orphans(days: int, *, dry_run: bool = False) -> int:
    """Folders of uploads and refusals that no group's run removed in ``days``; how many."""
    found = list(files.orphans(days))
    if not dry_run:
        for folder in found:
            files.remove(folder)
    return len(found)
