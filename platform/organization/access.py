"""Who may see what: the access that every read of unit-owned rows needs.

An ``Access`` is entered for the length of one request or task. Entering opens a transaction and
hands the scope to PostgreSQL, whose row-level security (``row_security``) answers to it; managers
of owned models refuse to work outside one.

Each capability has units of its own. A request starts with the union of them all; a page goes on
with ``acting(access, capability, …)``, which leaves it, and the database, the units where it may
do what the page does.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from enum import StrEnum

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from organization.unit_set import ALL_UNITS, NO_UNITS, UnitSet


class NoAccess(Exception):
    """Unit-owned rows were asked for outside an access context."""


class Forbidden(PermissionDenied):
    """The access that was entered does not carry the capability asked for.

    A page answers 403 with these words, the API 403 in JSON.
    """

    def __init__(self, capability: "Capability") -> None:
        self.capability = capability
        super().__init__(
            _("Your role does not include: %(what)s.") % {"what": CAPABILITY_WORDS[capability]}
        )


class PersonalData(StrEnum):
    """How much of a person's contact data an access shows."""

    FULL = "full"
    MASKED = "masked"
    NONE = "none"


FULLEST_FIRST = (PersonalData.FULL, PersonalData.MASKED)


class Capability(StrEnum):
    """What a role may do; the rows that it may do it to come from its units."""

    SEE_CUSTOMERS = "see_customers"
    REVEAL_CONTACT = "reveal_contact"
    FOLLOW_UP = "follow_up"
    SEE_PROBABILITIES = "see_probabilities"
    SEE_VALUE = "see_value"
    CREATE_TASK = "create_task"
    SEE_MODELS = "see_models"
    RETRAIN = "retrain"
    IMPORT_DATA = "import_data"
    SEE_DATA_QUALITY = "see_data_quality"
    CREATE_VALUATION = "create_valuation"
    APPROVE_VALUATION = "approve_valuation"
    EXPORT_VALUE = "export_value"
    SEE_AUDIT = "see_audit"
    HANDLE_PRIVACY = "handle_privacy"
    APPROVE_ERASURE = "approve_erasure"
    ADMINISTER = "administer"
    REQUEST_GRANT = "request_grant"
    APPROVE_GRANT = "approve_grant"


# What can be lent on its own: what has units. Powers over other people and work on the group as one
# (models, imports, valuations) come with a role only.
GRANTABLE = (
    *(Capability.SEE_CUSTOMERS, Capability.REVEAL_CONTACT, Capability.FOLLOW_UP),
    *(Capability.SEE_PROBABILITIES, Capability.SEE_VALUE, Capability.CREATE_TASK),
    Capability.SEE_DATA_QUALITY,
)

CAPABILITY_WORDS: dict[Capability, Promise] = {
    Capability.SEE_CUSTOMERS: gettext_lazy("see customers, vehicles and visits"),
    Capability.REVEAL_CONTACT: gettext_lazy("reveal a contact number"),
    Capability.FOLLOW_UP: gettext_lazy("work the follow-up list"),
    Capability.SEE_PROBABILITIES: gettext_lazy("see probabilities"),
    Capability.SEE_VALUE: gettext_lazy("see values"),
    Capability.CREATE_TASK: gettext_lazy("create tasks"),
    Capability.SEE_MODELS: gettext_lazy("see models"),
    Capability.RETRAIN: gettext_lazy("retrain models"),
    Capability.IMPORT_DATA: gettext_lazy("import data"),
    Capability.SEE_DATA_QUALITY: gettext_lazy("see data quality"),
    Capability.CREATE_VALUATION: gettext_lazy("create valuations"),
    Capability.APPROVE_VALUATION: gettext_lazy("approve valuations"),
    Capability.EXPORT_VALUE: gettext_lazy("export reports of values"),
    Capability.SEE_AUDIT: gettext_lazy("see the audit trail"),
    Capability.HANDLE_PRIVACY: gettext_lazy("handle people's requests about their data"),
    Capability.APPROVE_ERASURE: gettext_lazy("approve the erasure of a person"),
    Capability.ADMINISTER: gettext_lazy("administer people"),
    Capability.REQUEST_GRANT: gettext_lazy("request special grants"),
    Capability.APPROVE_GRANT: gettext_lazy("approve special grants"),
}


@dataclass(frozen=True)
class Access:
    """The scope of one person or of one named piece of the system's own work.

    ``units`` are the ids of all units that anything is allowed on, stores included; with
    ``all_units`` it is the whole tenant, and ``units`` may be empty. Row-level security gets these.
    ``scopes`` has the units of each capability, ``levels`` the units where personal data are shown
    in full and those where they are at least masked.
    """

    tenant_id: int
    label: str
    all_units: bool = False
    units: frozenset[int] = frozenset()
    home_unit_id: int | None = None
    staff_id: int | None = None
    account_id: int | None = None
    roles: frozenset[str] = frozenset()
    scopes: Mapping[Capability, UnitSet] = field(default_factory=dict, hash=False)
    levels: Mapping[PersonalData, UnitSet] = field(default_factory=dict, hash=False)
    settings: dict[str, str] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self,
            "settings",
            {
                "app.tenant": str(self.tenant_id),
                "app.all": "1" if self.all_units else "0",
                "app.units": ",".join(map(str, sorted(self.units))),
                "app.actor": self.label[:80],
            },
        )

    @classmethod
    def system(cls, tenant_id: int, purpose: str) -> "Access":
        """The product's own work for one tenant, named for the audit trail."""
        return cls(
            tenant_id=tenant_id,
            label=f"system:{purpose}",
            all_units=True,
            scopes=dict.fromkeys(Capability, ALL_UNITS),
            levels=dict.fromkeys(FULLEST_FIRST, ALL_UNITS),
        )

    @property
    def reach(self) -> UnitSet:
        """The units that anything is allowed on."""
        return UnitSet(self.units, self.all_units)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What is allowed on some unit or other."""
        return frozenset(what for what, units in self.scopes.items() if units)

    def units_for(self, capability: Capability) -> UnitSet:
        """The units on which ``capability`` is held."""
        return self.scopes.get(capability, NO_UNITS)

    def may(self, capability: Capability, unit_id: int | None = None) -> bool:
        """Whether ``capability`` is held on that unit; without one, on any."""
        held = self.units_for(capability)
        return bool(held) if unit_id is None else unit_id in held

    def may_everywhere(self, capability: Capability) -> bool:
        """Whether it is held on the whole tenant: what the work of a group as one needs."""
        return self.units_for(capability).everything

    def require(self, capability: Capability, unit_id: int | None = None) -> None:
        """Raise ``Forbidden`` unless ``capability`` is held on that unit (without one: on any)."""
        if not self.may(capability, unit_id):
            raise Forbidden(capability)

    def require_everywhere(self, capability: Capability) -> None:
        if not self.may_everywhere(capability):
            raise Forbidden(capability)

    def covers(self, unit_id: int) -> bool:
        return unit_id in self.reach

    def personal_data_at(self, unit_ids: Iterable[int]) -> PersonalData:
        """How much is shown of a person or vehicle that these units serve: the fullest of them."""
        unit_ids = tuple(unit_ids)
        for level in FULLEST_FIRST:
            if self.levels.get(level, NO_UNITS).holds_any(unit_ids):
                return level
        return PersonalData.NONE

    def narrowed(self, *capabilities: Capability) -> "Access":
        """This access on the units where all of ``capabilities`` are held, and on no others.

        Raises ``Forbidden``, naming the first that leaves no unit.
        """
        reach = self.reach
        for capability in capabilities:
            reach = reach & self.units_for(capability)
            if not reach:
                raise Forbidden(capability)
        if reach == self.reach:
            return self
        return replace(
            self,
            all_units=reach.everything,
            units=reach.ids,
            scopes={what: units & reach for what, units in self.scopes.items()},
        )


_current: ContextVar[Access | None] = ContextVar("access", default=None)
_OUTSIDE = {"app.tenant": "", "app.all": "", "app.units": "", "app.actor": ""}


def current_access() -> Access:
    """The access entered last.

    Raises:
        NoAccess: none is entered.
    """
    access = _current.get()
    if access is None:
        raise NoAccess(
            "Unit-owned rows were read outside an access context: enter one with"
            " `with entered(access):` (a request has it from the middleware)."
        )
    return access


def _hand_over(settings: dict[str, str]) -> None:
    marks = ", ".join(["set_config(%s, %s, true)"] * len(settings))
    with connection.cursor() as cursor:
        cursor.execute(f"select {marks}", [part for pair in settings.items() for part in pair])


@contextmanager
def entered(access: Access) -> Iterator[Access]:
    """Work as ``access`` inside one transaction; the former access is restored on leaving."""
    former = _current.get()
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        _hand_over(access.settings)
        token = _current.set(access)
        try:
            yield access
        finally:
            _current.reset(token)
        # The settings end with the transaction, and an error rolls them back with the savepoint.
        # A savepoint that is released keeps them, so the former context is put back by hand.
        if not outermost and not connection.needs_rollback:
            _hand_over(former.settings if former else _OUTSIDE)


def become(access: Access) -> None:
    """Go on as ``access`` in the transaction that is already entered, until that one is left.

    For the start of a request, which must be inside the tenant to learn who the person is.

    Raises:
        NoAccess: none is entered.
        ValueError: ``access`` is of another tenant.
    """
    if current_access().tenant_id != access.tenant_id:
        raise ValueError("An access may only be replaced by one of the same tenant.")
    _hand_over(access.settings)
    _current.set(access)


def acting(access: Access, *capabilities: Capability) -> Access:
    """Go on, in the database too, with the units where all of ``capabilities`` are held.

    For the start of a page: what it reads and changes must be that of the stores where the person
    may do what the page does, whatever else they may do elsewhere.

    Raises:
        Forbidden: there is no such unit.
    """
    narrowed = access.narrowed(*capabilities)
    if narrowed.settings != current_access().settings:
        become(narrowed)
    return narrowed


@contextmanager
def entered_installation(purpose: str) -> Iterator[None]:
    """Read the list of tenants, for sign-in and for beat; shows no unit-owned row."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "select set_config('app.installation', '1', true),"
                " set_config('app.actor', %s, true)",
                [f"system:{purpose}"],
            )
        yield
        if not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute("select set_config('app.installation', '', true)")
