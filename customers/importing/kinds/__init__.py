"""The files of the exchange format, in the order in which they load."""

from customers.importing.kinds.books import COMPARABLES, FINANCIALS, MARKETING, TARGETS
from customers.importing.kinds.dealings import CONTRACTS, EVENTS, NPS
from customers.importing.kinds.deletions import DELETED
from customers.importing.kinds.kind import Kind
from customers.importing.kinds.organisation import ORG_UNITS, POLICIES, STAFF
from customers.importing.kinds.people import CUSTOMERS
from customers.importing.kinds.service import VISIT_LINES, VISITS
from customers.importing.kinds.vehicles import VEHICLES

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        *(ORG_UNITS, STAFF, POLICIES, CUSTOMERS, VEHICLES, VISITS, VISIT_LINES, CONTRACTS),
        *(EVENTS, NPS, MARKETING, FINANCIALS, TARGETS, DELETED, COMPARABLES),
    )
}
