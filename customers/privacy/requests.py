"""What a person asks for, and who sees to it: a copy at once, an erasure with a second person."""

import hashlib
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from customers.models import Customer, PrivacyRequest
from customers.models.people import CustomerKind
from customers.privacy.disclosure import archive, copy_of
from customers.privacy.erasure import erase
from customers.privacy.policy import policy_of
from organization import audit
from organization.access import Access, Capability
from organization.models import Tenant

Kind, Status = PrivacyRequest.Kind, PrivacyRequest.Status
NO_PERSONS = (CustomerKind.INSURER, CustomerKind.INTERNAL)


class RequestRefused(Exception):
    """The request cannot be taken or carried out; the message says why, for people."""


def _covers_person(access: Access, customer: Customer) -> None:
    """The copy and the erasure are of the whole person, so his stores must all be covered."""
    if not all(access.covers(store) for store in customer.stores):
        raise RequestRefused(
            _("This person is known to stores beyond yours: somebody at a level above must do it.")
        )


def open_request(
    access: Access,
    tenant: Tenant,
    customer: Customer,
    *,
    kind: str,
    channel: str,
    verified: str,
    now: datetime,
) -> PrivacyRequest:
    """Take a person's request, who has been identified as ``verified`` says.

    Raises:
        Forbidden: the access does not handle such requests.
        RequestRefused: the same is open already, nothing is left to do, or it reaches too far.
    """
    access.require(Capability.HANDLE_PRIVACY)
    _covers_person(access, customer)
    if access.staff_id is None:
        raise RequestRefused(_("Only a person on the staff may take a request."))
    if customer.kind in NO_PERSONS:
        raise RequestRefused(_("This is no person's record."))
    if customer.erased_at is not None:
        raise RequestRefused(_("This person has been erased; nothing is left to give or erase."))
    mine = PrivacyRequest.objects.visible_to(access).filter(customer=customer, kind=kind)
    if mine.filter(status=Status.OPEN).exists():
        raise RequestRefused(_("Such a request of this person is open already."))
    request: PrivacyRequest = PrivacyRequest.objects.create(
        tenant_id=access.tenant_id,
        store_id=customer.home_store_id,
        customer=customer,
        customer_uid=customer.uid,
        kind=Kind(kind),
        channel=PrivacyRequest.Channel(channel),
        verified=PrivacyRequest.Verified(verified),
        requested_by_id=access.staff_id,
        due_on=(now + timedelta(days=policy_of(tenant).answer_days)).date(),
    )
    _record(access, "privacy.requested", request)
    return request


def carry_out_export(
    access: Access, request: PrivacyRequest, *, now: datetime, language: str
) -> bytes:
    """The ZIP of an open export; it is not kept, only its SHA-256 is.

    Raises:
        Forbidden, RequestRefused: as above, or the request is closed.
    """
    access.require(Capability.HANDLE_PRIVACY, request.store_id)
    customer = _open_customer(access, request, Kind.EXPORT)
    packed = archive(request, copy_of(access, customer), now, language)
    request.result = {"sha256": hashlib.sha256(packed).hexdigest(), "bytes": len(packed)}
    _close(access, request, Status.DONE, now)
    _record(access, "privacy.exported", request)
    return packed


def approve_erasure(access: Access, request: PrivacyRequest, *, now: datetime) -> PrivacyRequest:
    """Carry out an erasure that another person has taken; it cannot be undone.

    Raises:
        Forbidden: the access does not approve erasures.
        RequestRefused: it is one's own request, or closed, or reaches beyond the access.
    """
    access.require(Capability.APPROVE_ERASURE, request.store_id)
    customer = _open_customer(access, request, Kind.ERASURE)
    if access.staff_id is None or access.staff_id == request.requested_by_id:
        raise RequestRefused(_("A second person must approve the erasure."))
    request.result = erase(access, customer, now).counts
    _close(access, request, Status.DONE, now)
    _record(access, "privacy.erased", request, **request.result)
    return request


def refuse(access: Access, request: PrivacyRequest, *, now: datetime) -> PrivacyRequest:
    """Close a request without doing it (withdrawn, person not identified, duty to keep)."""
    if request.kind == Kind.EXPORT:
        access.require(Capability.HANDLE_PRIVACY, request.store_id)
    else:
        access.require(Capability.APPROVE_ERASURE, request.store_id)
    if request.status != Status.OPEN:
        raise RequestRefused(_("This request has been closed meanwhile."))
    _close(access, request, Status.REFUSED, now)
    _record(access, "privacy.refused", request)
    return request


def _open_customer(access: Access, request: PrivacyRequest, kind: str) -> Customer:
    locked = (
        PrivacyRequest.objects.visible_to(access).select_for_update().filter(pk=request.pk).first()
    )
    if locked is None or locked.status != Status.OPEN or locked.kind != kind:
        raise RequestRefused(_("This request has been closed meanwhile."))
    customer = Customer.objects.visible_to(access).filter(pk=request.customer_id).first()
    if customer is None:
        raise RequestRefused(_("The customer's numbers have been deleted meanwhile."))
    _covers_person(access, customer)
    return customer


def _close(access: Access, request: PrivacyRequest, status: str, now: datetime) -> None:
    request.status, request.done_at, request.done_by_id = status, now, access.staff_id
    request.save(update_fields=["status", "done_at", "done_by", "result"])


def _record(access: Access, action: str, request: PrivacyRequest, **detail: object) -> None:
    audit.record(
        access,
        action,
        f"customer:{request.customer_uid}",
        request=request.pk,
        kind=str(request.kind),
        **detail,
    )
