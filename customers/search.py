"""Finding customers: by what stands on the plate, the phone or the papers, or by filter and order.

Under row-level security only leakproof operators reach an index, so every predicate is an equality
on a normalised column, a set of equalities, or ``^@`` for prefixes of names.
"""

import re
import unicodedata
from dataclasses import dataclass
from itertools import product
from typing import Any

from django.db.models import CharField, Exists, F, Lookup, OuterRef, Q, QuerySet
from django.db.models.expressions import OrderBy

from customers import scores
from customers.models import ContactPoint, Customer, CustomerTag, Ownership, Vehicle, Visit
from customers.models.people import CustomerKind
from customers.person_keys import unsealed
from organization.access import Access, Capability, PersonalData
from organization.models import Unit
from organization.sealing import blind_index
from organization.unit_set import NO_UNITS

SHORTEST = 3
MOST_FOUND = 200
# Kept as customers by the stores' systems, found when searched for, but nobody to look after.
NO_CUSTOMERS = ("internal", "insurer")
PLATE_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
VIN_CHARACTERS = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ"
_MOBILE = re.compile(r"1[3-9]\d{9}")
_PLATE = re.compile(r"[\u4e00-\u9fff][A-HJ-NP-Z][A-HJ-NP-Z0-9]{4,5}[A-HJ-NP-Z0-9挂学警港澳领]")
_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
_CODE = re.compile(r"[A-Z0-9]+")


@CharField.register_lookup
class StartsWith(Lookup):
    """``name_key__prefix="王"`` as ``^@``, which is leakproof where LIKE is not."""

    lookup_name = "prefix"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, left_values = self.process_lhs(compiler, connection)
        right, right_values = self.process_rhs(compiler, connection)
        return f"{left} ^@ {right}", (*left_values, *right_values)


class ByteOrder(OrderBy):
    """Ascending by bytes: the order of the index on names, whatever the database's collation."""

    # Django takes an ordering apart at the word ASC or DESC and fails where neither stands.
    template = "%(expression)s using ~<~ /* ASC */"


@dataclass(frozen=True)
class Query:
    """What was typed, in the forms in which it is compared."""

    raw: str
    code: str
    name_key: str

    @classmethod
    def of(cls, raw: str) -> "Query":
        text = unicodedata.normalize("NFKC", raw).strip()[:60]
        return cls(
            text,
            re.sub(r"[\s·•.\-]", "", text).upper(),
            "".join(text.casefold().split()),
        )

    @property
    def exact(self) -> bool:
        """A whole mobile number, plate or VIN: nobody can try one ending after the other."""
        whole = (_MOBILE, _PLATE, _VIN)
        return any(form.fullmatch(self.code) for form in whole)

    @property
    def too_short(self) -> bool:
        """Fewer than three letters or digits fit thousands; of a Chinese name one is enough."""
        return bool(_CODE.fullmatch(self.code)) and len(self.code) < SHORTEST


def found_ids(access: Access, query: Query) -> set[int]:
    """Customers that the typed text fits by plate, VIN or number; at most 200 of each."""
    found = {*_by_number(access, query.code)}
    vehicles = _vehicle_filter(query.code)
    if vehicles is not None:
        ids = list(
            Vehicle.objects.visible_to(access)
            .filter(vehicles)
            .values_list("pk", flat=True)[:MOST_FOUND]
        )
        owners = Ownership.objects.visible_to(access).filter(vehicle_id__in=ids)
        found |= {*owners.values_list("customer_id", flat=True)[:MOST_FOUND]}
    return found


def _vehicle_filter(code: str) -> Q | None:
    if _PLATE.fullmatch(code):
        return Q(plate=code)
    if _VIN.fullmatch(code):
        return Q(vin=code)
    if not _CODE.fullmatch(code) or len(code) < SHORTEST:
        return None
    # The stored tails have five and six characters. A shorter ending is looked up as all tails
    # that end so: a few hundred equalities use the index, an ending by LIKE cannot.
    either = Q()
    if len(code) <= 5:
        either |= Q(plate_tail__in=_tails(code, 5, PLATE_CHARACTERS))
    if len(code) in (4, 5, 6):
        either |= Q(vin_tail__in=_tails(code, 6, VIN_CHARACTERS))
    return either or None


def _tails(ending: str, length: int, characters: str) -> list[str]:
    heads = product(characters, repeat=length - len(ending))
    return ["".join(head) + ending for head in heads]


def _by_number(access: Access, code: str) -> list[int]:
    """By a whole number through its blind index, or by its last four or more digits."""
    contacts = ContactPoint.objects.visible_to(access).exclude(kind=ContactPoint.Kind.ID_NUMBER)
    if _MOBILE.fullmatch(code):
        lookup = blind_index("phone", access.tenant_id, code)
        return list(
            contacts.filter(lookup=lookup).values_list("customer_id", flat=True)[:MOST_FOUND]
        )
    if not code.isdecimal() or not 4 <= len(code) <= 10:
        return []
    rows = contacts.filter(tail=code[-4:])[:MOST_FOUND]
    if len(code) == 4:
        return [row.customer_id for row in rows]
    numbers = unsealed(access, [row.sealed for row in rows])
    return [
        row.customer_id
        for row, number in zip(rows, numbers, strict=True)
        if number is not None and number.endswith(code)
    ]


@dataclass(frozen=True)
class Listing:
    """What is asked for: text, tag, store, order ("last_visit", "name" or "value")."""

    query: Query
    tag: str = ""
    store: Unit | None = None
    sort: str = "last_visit"


def customer_ids(access: Access, listing: Listing, number: int, size: int) -> list[int]:
    """Keys of the customers of a page and of one more (which tells that a further page exists)."""
    start, stop = (number - 1) * size, number * size + 1
    if listing.query.code:
        return list(_matching(access, listing).values_list("pk", flat=True)[start:stop])
    if listing.sort == "value" and access.may(Capability.SEE_PROBABILITIES):
        return _by_value(access, listing, start, stop)
    if listing.sort == "name":
        rows = _filtered(access, listing).order_by(ByteOrder(F("name_key")), "pk")
        return list(rows.values_list("pk", flat=True)[start:stop])
    return _by_last_visit(access, listing, start, stop)


def _filtered(access: Access, listing: Listing) -> QuerySet[Customer]:
    rows: QuerySet[Customer] = Customer.objects.visible_to(access).filter(is_test=False)
    if not listing.query.code:
        rows = rows.exclude(kind__in=NO_CUSTOMERS)
    if listing.store is not None:
        rows = rows.filter(home_store=listing.store)
    if listing.tag:
        tagged = CustomerTag.objects.visible_to(access).filter(code=listing.tag)
        if listing.store is not None:
            tagged = tagged.filter(store=listing.store)
        rows = rows.filter(pk__in=tagged.values("customer_id"))
    return rows


def sees_masked(access: Access) -> bool:
    """Whether some of the customers that the access shows are masked: then only whole plates,
    numbers and VINs find somebody, and of names those of companies."""
    seen = access.units_for(Capability.SEE_CUSTOMERS)
    return seen & access.levels.get(PersonalData.FULL, NO_UNITS) != seen


def _matching(access: Access, listing: Listing) -> QuerySet[Customer]:
    """Customers that fit the text: those found by number or vehicle, or by the name's beginning."""
    query = listing.query
    masked = sees_masked(access)
    # Endings and beginnings would let somebody who sees masked data guess what is masked.
    fits = Q(pk__in=found_ids(access, query) if query.exact or not masked else ())
    if not query.code.isdecimal():
        named = Q(name_key__prefix=query.name_key)
        fits |= named & ~Q(kind=CustomerKind.PERSON) if masked else named
    return _filtered(access, listing).filter(fits).order_by(ByteOrder(F("name_key")), "pk")


def _by_value(access: Access, listing: Listing, start: int, stop: int) -> list[int]:
    score_set = scores.current_set(access)
    if score_set is None:
        return []
    rows = scores.scores_in(access, score_set, Capability.SEE_PROBABILITIES)
    if listing.store is not None:
        rows = rows.filter(store=listing.store)
    if listing.tag:
        tagged = CustomerTag.objects.visible_to(access).filter(code=listing.tag)
        rows = rows.filter(customer_id__in=tagged.values("customer_id"))
    return list(rows.order_by("-ltv_fen").values_list("customer_id", flat=True)[start:stop])


def _by_last_visit(access: Access, listing: Listing, start: int, stop: int) -> list[int]:
    """Walk the visits from the newest on and keep each customer's first: no sort of everybody.

    Customers without any visit do not come up in this order.
    """
    visits = (
        Visit.objects.visible_to(access)
        .filter(status__in=("open", "closed"), customer__is_test=False)
        .exclude(customer__kind__in=NO_CUSTOMERS)
    )
    if listing.store is not None:
        visits = visits.filter(store=listing.store)
    if listing.tag:
        tagged = CustomerTag.objects.visible_to(access).filter(code=listing.tag)
        visits = visits.filter(Exists(tagged.filter(customer_id=OuterRef("customer_id"))))
    seen: dict[int, None] = {}
    walk = visits.order_by("-day", "-pk").values_list("customer_id", flat=True)
    for offset in range(0, 1_000_000, 4 * stop):
        chunk = list(walk[offset : offset + 4 * stop])
        seen.update(dict.fromkeys(chunk))
        if len(seen) >= stop or len(chunk) < 4 * stop:
            break
    return list(seen)[start:stop]
