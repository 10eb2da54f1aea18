"""The side navigation of a person: the pages that their capabilities open."""

from functools import cache

from django.conf import settings
from django.urls import NoReverseMatch, get_urlconf, reverse
from django.utils.translation import gettext_lazy as _

from organization.access import Access, Capability
from web.shell import NavEntry, Search

C = Capability
_WORK, _RUNNING, _VALUE, _MARKET, _DATA, _RULES = (
    _("Customers"),
    _("Operations"),
    _("User assets"),
    _("Capital market"),
    _("Data and models"),
    _("Administration"),
)

# Any one of the capabilities opens the page; an empty set means everybody who is signed in.
ENTRIES: tuple[tuple[NavEntry, frozenset[Capability]], ...] = (
    (NavEntry(_("Start"), "start", "home"), frozenset()),
    (
        NavEntry(_("Customers"), "customers", "people", section=_WORK),
        frozenset({C.SEE_CUSTOMERS}),
    ),
    (NavEntry(_("Follow-up"), "follow_ups", "phone", section=_WORK), frozenset({C.FOLLOW_UP})),
    (
        NavEntry(_("Indicators"), "indicators", "chart", section=_RUNNING),
        frozenset({C.SEE_VALUE}),
    ),
    (NavEntry(_("Tasks"), "tasks", "flag", section=_RUNNING), frozenset({C.SEE_VALUE})),
    (
        NavEntry(_("Valuation"), "valuation_dashboard", "coins", section=_VALUE),
        frozenset({C.SEE_VALUE}),
    ),
    (
        NavEntry(_("Scenarios"), "scenarios", "sliders", section=_VALUE),
        frozenset({C.SEE_VALUE}),
    ),
    (
        NavEntry(_("Segments"), "segments_start", "pie", section=_VALUE),
        frozenset({C.SEE_PROBABILITIES}),
    ),
    (
        NavEntry(_("Pools"), "pools", "filter", section=_MARKET),
        frozenset({C.SEE_VALUE}),
    ),
    (
        NavEntry(_("Structures"), "structures", "layers", section=_MARKET),
        frozenset({C.SEE_VALUE}),
    ),
    (
        NavEntry(_("Calculators"), "calculators", "grid", section=_MARKET),
        frozenset({C.SEE_VALUE}),
    ),
    (
        NavEntry(_("Reports"), "exports", "file", section=_MARKET),
        frozenset({C.SEE_VALUE}),
    ),
    (NavEntry(_("Imports"), "imports", "upload", section=_DATA), frozenset({C.IMPORT_DATA})),
    (
        NavEntry(_("Duplicates"), "identity_review", "link", section=_DATA),
        frozenset({C.IMPORT_DATA}),
    ),
    (
        NavEntry(_("Data quality"), "data_quality", "check", section=_DATA),
        frozenset({C.SEE_DATA_QUALITY}),
    ),
    (NavEntry(_("Models"), "models", "target", section=_DATA), frozenset({C.SEE_MODELS})),
    (NavEntry(_("People"), "people", "person", section=_RULES), frozenset({C.ADMINISTER})),
    (
        NavEntry(_("Special grants"), "special_grants", "lock", section=_RULES),
        frozenset({C.REQUEST_GRANT, C.APPROVE_GRANT}),
    ),
    (
        NavEntry(_("Organization"), "units", "store", section=_RULES),
        frozenset({C.ADMINISTER, C.IMPORT_DATA}),
    ),
    (
        NavEntry(_("Privacy"), "privacy", "shield", section=_RULES),
        frozenset({C.HANDLE_PRIVACY, C.APPROVE_ERASURE}),
    ),
    (NavEntry(_("Audit trail"), "audit", "history", section=_RULES), frozenset({C.SEE_AUDIT})),
)


def resolves(url_name: str) -> bool:
    """Whether the installed URLs have a page of that name."""
    return _resolves(url_name, get_urlconf() or settings.ROOT_URLCONF)


@cache
def _resolves(url_name: str, urlconf: str) -> bool:
    """Asked once a process and URL configuration: a failed look-up goes through every pattern."""
    try:
        reverse(url_name, urlconf)
    except NoReverseMatch:
        return False
    return True


def navigation_of(access: Access) -> list[NavEntry]:
    """The entries that ``access`` opens, of the pages that this installation has."""
    return [
        entry
        for entry, needs in ENTRIES
        if (not needs or needs & access.capabilities) and resolves(entry.url_name)
    ]


def search_of(access: Access) -> Search | None:
    """The search box of the top bar, for those who may see customers."""
    if not access.may(C.SEE_CUSTOMERS) or not resolves("customers"):
        return None
    return Search(reverse("customers"), _("Plate, mobile, VIN or name"))
