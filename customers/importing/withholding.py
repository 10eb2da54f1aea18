"""Cells that are not loaded, because the person was erased or the contact data have expired.

A store's system goes on sending what it has. For an erased customer the feed keeps money, vehicles
and visits up to date and brings nothing that names him; a number of his is not taken up under
another customer number either, unless that row says that he consents. ``import_resolved`` has a
column ``withheld`` that marks such rows for the report.
"""

# ruff: noqa: S608 - SQL is put together from this package's declarations, never from cells.

from collections.abc import Iterable

from customers.importing.kinds.kind import Notice

MARK = {"withheld": "false"}
NOTICE = Notice("withheld", "r.withheld")
_CONTACTS = ("mobile", "phone2", "id_number")


def _cells(contact: str) -> tuple[str, ...]:
    return (f"{contact}_lookup", f"{contact}_sealed", f"{contact}_tail")


def _emptied(columns: Iterable[str]) -> str:
    return "".join(f"{name} = null, " for name in columns) + "withheld = true"


def of_erased(*columns: str) -> str:
    """A statement that empties ``columns`` in rows of erased customers (by ``customer_id``)."""
    return (
        f"update import_resolved r set {_emptied(columns)} from customers_customer c"
        " where c.tenant_id = $tenant and c.erased_at is not null and c.id = r.customer_id"
    )


def of_suppressed(contact: str, *columns: str, unless: str = "false") -> str:
    """A statement that empties a number of an erased person, and ``columns``, in anybody's row."""
    return (
        f"update import_resolved r set {_emptied((*_cells(contact), *columns))}"
        " from customers_suppressedcontact s where s.tenant_id = $tenant"
        f" and s.lookup = r.{contact}_lookup and ({unless}) is not true"
    )


def _known_number(columns: Iterable[str], mark: str) -> str:
    return (
        f"update import_resolved r set {_emptied(columns)} from customers_customer c"
        " join customers_customersource cs on cs.customer_id = c.id and cs.tenant_id = $tenant"
        f" where c.tenant_id = $tenant and c.{mark} is not null"
        " and cs.store_id = r.store_id and cs.customer_no = r.customer_no"
    )


_NUMBERS = tuple(cell for contact in _CONTACTS for cell in _cells(contact))
CUSTOMERS: tuple[str, ...] = (
    _known_number(
        (
            *("name", "name_key", "gender", "birth_date", "city", "address", "referred_by"),
            *("origin_channel", "consent_marketing", "consent_sharing", *_NUMBERS),
        ),
        "erased_at",
    ),
    _known_number(("address", *_NUMBERS), "contact_expired_on"),
    *(of_suppressed(c, unless="r.consent_marketing or r.consent_sharing") for c in _CONTACTS),
)
