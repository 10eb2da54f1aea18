"""Erasing a person: what names him goes, the money stays under a nameless row.

The keys of all his numbers are destroyed, so that whatever is sealed under them, history and
backups of the tables included, cannot be read again; names, addresses and contact data are blanked
or deleted. Visits, lines, contracts and their amounts stay: books and valuations must add up.
Valuations hold pseudonyms only; the link to them is deleted.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db.models import Q

from customers.models import (
    Consent,
    ContactPoint,
    Contract,
    Customer,
    CustomerSource,
    CustomerTag,
    Event,
    FollowUp,
    MergeDecision,
    Ownership,
    PersonKey,
    RejectedRow,
    SuppressedContact,
    Survey,
    Vehicle,
    Visit,
)
from customers.person_keys import unsealed
from customers.privacy.files import strike_from_files
from organization.access import Access, entered
from organization.sealing import unseal

SHORTEST_TRACE = 2  # a name of one character would strike half of all refused rows


@dataclass
class Erased:
    """Rows touched by table; never what they said."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, what: str, rows: int) -> None:
        if rows:
            self.counts[what] = self.counts.get(what, 0) + rows


def erase(access: Access, customer: Customer, now: datetime) -> Erased:
    """Erase ``customer`` everywhere in the group, in the transaction that is entered.

    The caller has seen to the approval; the work is the system's, because the person's data at
    stores beyond ``access`` go too.
    """
    done = Erased()
    with entered(Access.system(access.tenant_id, "erasure")) as system:
        traces = _traces(system, customer)
        _suppress(system, customer, done)
        _blank_free_text(system, customer, done)
        _blank_brought(system, customer, done)
        _release_plates(system, customer, done)
        _forget_imports(system, traces, done)
        _delete_links(system, customer, done)
        _blank_person(system, customer, now, done)
    return done


def _traces(system: Access, customer: Customer) -> frozenset[str]:
    """The strings by which a refused row would name him: names, numbers, addresses, plates."""
    contacts = ContactPoint.objects.visible_to(system).filter(customer=customer)
    found = {customer.name, *unsealed(system, contacts.values_list("sealed", flat=True))}
    for source in CustomerSource.objects.visible_to(system).filter(customer=customer):
        found |= {source.name, source.address}
    owned = Ownership.objects.visible_to(system).filter(customer=customer, owned_to=None)
    found |= set(owned.values_list("vehicle__plate", flat=True))
    return frozenset(text for text in found if text and len(text) >= SHORTEST_TRACE)


def _suppress(system: Access, customer: Customer, done: Erased) -> None:
    contacts = ContactPoint.objects.visible_to(system).filter(customer=customer)
    SuppressedContact.objects.bulk_create(
        [
            SuppressedContact(tenant_id=system.tenant_id, lookup=bytes(lookup), customer=customer)
            for lookup in set(map(bytes, contacts.values_list("lookup", flat=True)))
        ],
        ignore_conflicts=True,
    )
    lookups = list(contacts.values_list("lookup", flat=True))
    theirs = Visit.objects.visible_to(system).filter(brought_by_lookup__in=lookups)
    done.add(
        "visits", theirs.exclude(customer=customer).update(**_NOBODY)
    )  # he brought somebody else's car
    done.add("contacts", contacts.delete()[0])


_NOBODY: dict[str, Any] = {"brought_by": "", "brought_by_mobile": None, "brought_by_lookup": None}


def _blank_brought(system: Access, customer: Customer, done: Erased) -> None:
    mine = Visit.objects.visible_to(system).filter(customer=customer)
    named = ~Q(brought_by="") | Q(brought_by_lookup__isnull=False)
    done.add("visits", mine.filter(named).update(**_NOBODY))


def _blank_free_text(system: Access, customer: Customer, done: Erased) -> None:
    """Whatever staff or the customer wrote may name anybody."""
    blanks: tuple[tuple[Any, dict[str, Any]], ...] = (
        (Event, {"reason": "", "detail": ""}),
        (Survey, {"reason": "", "comment": ""}),
        (Contract, {"policy_no": ""}),
        (FollowUp, {"note": "", "evidence": {}}),
    )
    for model, values in blanks:
        mine = model.objects.visible_to(system).filter(customer=customer)
        done.add(model._meta.model_name, mine.update(**values))


def _release_plates(system: Access, customer: Customer, done: Erased) -> None:
    """His plates go; a vehicle that somebody else owns today keeps its own."""
    mine = Ownership.objects.visible_to(system).filter(customer=customer)
    others = (
        Ownership.objects.visible_to(system)
        .filter(owned_to=None, vehicle__in=mine.values("vehicle_id"))
        .exclude(customer=customer)
    )
    vehicles = Vehicle.objects.visible_to(system).filter(pk__in=mine.values("vehicle_id"))
    done.add(
        "vehicles",
        vehicles.exclude(pk__in=others.values("vehicle_id"))
        .exclude(plate="")
        .update(plate="", plate_tail=""),
    )


def _forget_imports(system: Access, traces: frozenset[str], done: Erased) -> None:
    """Refused rows that name him, in the table and in the files for correction."""
    rows = RejectedRow.objects.visible_to(system).only("pk", "values", "sealed_row")
    naming = [row.pk for row in rows.iterator(2_000) if _names(row, traces)]
    done.add("refused_rows", RejectedRow.objects.filter(pk__in=naming).delete()[0])
    done.add("refusal_files", strike_from_files(system, traces))


def _names(row: RejectedRow, traces: Iterable[str]) -> bool:
    content = unseal(bytes(row.sealed_row)) if row.sealed_row is not None else ""
    said = json.loads(content).values() if content else ()
    texts = [*map(str, said), *map(str, row.values.values())]
    return any(trace in text for text in texts for trace in traces)


def _delete_links(system: Access, customer: Customer, done: Erased) -> None:
    """Consents, tags, keys, evidence of merges, and models that say ``erased_with_person``."""
    sources = CustomerSource.objects.visible_to(system).filter(customer=customer)
    done.add("keys", PersonKey.objects.visible_to(system).filter(source__in=sources).delete()[0])
    marked: list[Any] = [m for m in apps.get_models() if getattr(m, "erased_with_person", False)]
    for model in [Consent, CustomerTag, *marked]:
        mine = model.objects.visible_to(system).filter(customer=customer)
        done.add(str(model._meta.model_name), mine.delete()[0])
    merges = MergeDecision.objects.visible_to(system).filter(
        Q(source_a__in=sources) | Q(source_b__in=sources)
    )
    done.add("merges", merges.update(evidence={}))


def _blank_person(system: Access, customer: Customer, now: datetime, done: Erased) -> None:
    numbers = CustomerSource.objects.visible_to(system).filter(customer=customer)
    done.add(
        "numbers",
        numbers.update(
            **{"name": "", "address": "", "city": "", "gender": "", "birth_date": None},
            **{"referred_by": "", "origin_channel": ""},
        ),
    )
    FollowUp.objects.visible_to(system).filter(customer=customer, closed_at=None).update(
        closed_at=now
    )
    Customer.objects.visible_to(system).filter(pk=customer.pk).update(
        **{"name": "", "name_key": "", "city": "", "gender": "", "birth_date": None},
        **{"do_not_contact": True, "erased_at": now},
    )
