"""Two customers beside each other: what is known of each, and where they agree."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import Count, Max
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from customers.contact import shown_name, shown_plate, shown_vin
from customers.identity.similarity import likeness, name_key
from customers.models import ContactPoint, Customer, CustomerSource, Ownership, Visit
from organization.access import Access
from web import formats

Text = str | Promise


@dataclass(frozen=True)
class Value:
    """One value of one of the two; ``shared`` if the other has it as well."""

    text: Text
    shared: bool = False
    note: Text = ""


@dataclass(frozen=True)
class Row:
    """One fact of both. ``tone``: good where they agree, bad where they differ, else nothing."""

    label: Text
    left: list[Value]
    right: list[Value]
    tone: str = ""
    word: Text = ""


@dataclass
class Known:
    """What stands in the tables about one customer."""

    customer: Customer
    numbers: list[CustomerSource] = field(default_factory=list)
    contacts: list[ContactPoint] = field(default_factory=list)
    ownerships: list[Ownership] = field(default_factory=list)
    visits: int = 0
    last_visit: date | None = None


def known(access: Access, customer: Customer) -> Known:
    counted = Visit.objects.visible_to(access).filter(customer=customer)
    seen = counted.aggregate(n=Count("pk"), last=Max("day"))
    return Known(
        customer,
        list(
            CustomerSource.objects.visible_to(access)
            .filter(customer=customer)
            .select_related("store")
            .order_by("pk")
        ),
        list(ContactPoint.objects.visible_to(access).filter(customer=customer).order_by("pk")),
        list(
            Ownership.objects.visible_to(access)
            .filter(customer=customer)
            .select_related("vehicle")
            .order_by("-owned_from", "pk")[:8]
        ),
        seen["n"],
        seen["last"],
    )


def compare(access: Access, a: Customer, b: Customer) -> list[Row]:
    """The facts of both, those that decide first."""
    pair = (known(access, a), known(access, b))
    kinds = ContactPoint.Kind
    return [
        _names(access, pair),
        _listed(_("Mobile"), pair, lambda one: _contacts(one, kinds.MOBILE)),
        _listed(_("Identity number"), pair, lambda one: _contacts(one, kinds.ID_NUMBER)),
        _listed(_("Vehicles"), pair, lambda one: _vehicles(access, one)),
        _plain(_("Birth date"), pair, lambda one: one.customer.birth_date, formats.date),
        _plain(_("Gender"), pair, lambda one: one.customer.gender, _gender),
        _plain(_("City"), pair, lambda one: one.customer.city, str, differs=""),
        _listed(_("Second phone"), pair, lambda one: _contacts(one, kinds.PHONE2)),
        _listed(_("Customer numbers"), pair, _numbers),
        _plain(_("Visits"), pair, lambda one: one.visits or None, formats.integer, compared=False),
        _plain(_("Last visit"), pair, lambda one: one.last_visit, formats.date, compared=False),
    ]


def _names(access: Access, pair: Sequence[Known]) -> Row:
    a, b = (one.customer for one in pair)
    like = likeness(name_key(a.name), name_key(b.name), a.kind)
    words = {
        "same": (_("same"), "good"),
        "slip": (_("one sign apart"), "warn"),
        "title": (_("may be the same"), "warn"),
        "stem": (_("alike"), "warn"),
        "none": (_("different"), "bad"),
        "unknown": ("", ""),
    }
    word, tone = words[like]
    left, right = ([Value(shown_name(access, c), like == "same")] for c in (a, b))
    return Row(_("Name"), left, right, tone, word)


Shown = tuple[Any, Text, Text]


def _listed(label: Text, pair: Sequence[Known], values: Callable[[Known], Iterable[Shown]]) -> Row:
    """Values by key: those that both have are marked, and make the row agree."""
    left, right = (list(dict.fromkeys(values(one))) for one in pair)
    shared = {key for key, *_rest in left} & {key for key, *_rest in right}
    on_left, on_right = (
        [Value(text, key in shared, note) for key, text, note in side] for side in (left, right)
    )
    return Row(label, on_left, on_right, "good" if shared else "", _("same") if shared else "")


def _plain(
    label: Text,
    pair: Sequence[Known],
    value: Callable[[Known], Any],
    write: Callable[[Any], Text],
    differs: str = "bad",
    compared: bool = True,
) -> Row:
    a, b = (value(one) for one in pair)
    left, right = ([Value(write(v))] if v else [] for v in (a, b))
    if not (a and b and compared):
        return Row(label, left, right)
    if a == b:
        return Row(label, left, right, "good", _("same"))
    return Row(label, left, right, differs, _("different") if differs else "")


def _contacts(one: Known, kind: str) -> Iterable[Shown]:
    """Numbers by their blind index, shown by the last four digits; nothing is unsealed."""
    for contact in one.contacts:
        if contact.kind == kind:
            yield bytes(contact.lookup), f"*******{contact.tail}", ""


def _vehicles(access: Access, one: Known) -> Iterable[Shown]:
    for held in one.ownerships:
        car = held.vehicle
        since = formats.date(held.owned_from or held.sold_on)
        until = formats.date(held.owned_to) if held.owned_to else ""
        words = f"{shown_plate(access, car)} · {shown_vin(access, car)}"
        yield car.pk, words, f"{since} – {until}" if held.owned_from or held.sold_on else ""


def _numbers(one: Known) -> Iterable[Shown]:
    for number in one.numbers:
        yield number.pk, f"{number.store.name} · {number.customer_no}", ""


def _gender(code: str) -> Text:
    return {"male": _("male"), "female": _("female")}.get(code, code)
