"""How one file of the exchange format becomes rows: declared as columns, joins, checks and writes.

SQL stands in templates with ``$name`` marks (``string.Template``). Aliases: ``s`` is a staged row,
``r`` a resolved one (its staged columns and what ``resolved`` adds), ``t`` the target's row.
Everywhere: ``$tenant``, ``$zone`` (a quoted time zone), ``$group`` (the group's quoted code).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from customers.importing.columns import Column

if TYPE_CHECKING:
    from customers.importing.loading import Loading


class CustomWrite(Protocol):
    """Writes what declarations cannot say; called with all rows of a pass resolved."""

    def __call__(self, loading: "Loading") -> None: ...


@dataclass(frozen=True)
class Check:
    """Refuses resolved rows, or (``whole_row`` false) reports a cell that was left empty."""

    code: str
    column: str
    when: str
    values: Mapping[str, str] = field(default_factory=dict)
    whole_row: bool = True


@dataclass(frozen=True)
class Notice:
    """A warning with a count of the resolved rows ``when`` holds of, and their ``names``.

    ``query`` in place of ``when`` yields (count, names) itself, once the rows are written.
    """

    code: str
    when: str = ""
    names: str = "''::text"
    query: str = ""


@dataclass(frozen=True)
class Value:
    """What a target column gets, and the file's columns that it comes from.

    A file that has none of ``columns`` leaves the column of existing rows as it is. ``compare``
    is false for ciphertext, which differs each time it is made.
    """

    sql: str
    columns: tuple[str, ...] = ()
    compare: bool = True


@dataclass(frozen=True)
class Write:
    """One upsert by key into ``table``."""

    table: str
    key: Mapping[str, str]
    values: Mapping[str, Value]
    record: str
    fixed: Mapping[str, str] = field(default_factory=dict)
    rows: str = "import_resolved r"
    where: str = "true"
    store: str = "t.store_id"
    inserts: bool = True


@dataclass(frozen=True)
class Recognition:
    """How rows are recognised that say what they said when they were last loaded.

    Attributes:
        table: the target ``t``; it keeps ``row_digest`` and ``row_notices``.
        references: staging column → query of (cell, meaning): what figures rest on beyond the row's
            own cells. Meanings are digested with the cells, so a row whose meaning has changed is
            not recognised.
        looked_up: staging columns of the digests ``d`` that ``joins`` resolves anew.
        joins, holds: further relations, and what must hold of ``d``, ``t`` and them.
        deleted: condition on ``t`` and a row ``x`` of ``import_deletions`` that deletes it.
    """

    table: str
    references: Mapping[str, str]
    looked_up: tuple[str, ...]
    joins: str
    holds: str
    deleted: str


@dataclass(frozen=True)
class Kind:
    """One file of the exchange format."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    resolved: Mapping[str, str]
    joins: str = ""
    checks: tuple[Check, ...] = ()
    notices: tuple[Notice, ...] = ()
    write: Write | None = None
    custom: CustomWrite | None = None
    before: tuple[str, ...] = ()
    # Statements on ``import_resolved`` ahead of the checks.
    prepare: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    # A file may refer to itself (the tree of units): each pass loads the rows of one condition.
    passes: tuple[str, ...] = ("true",)
    recognition: Recognition | None = None


STORE = (
    "left join organization_unit u on u.tenant_id = $tenant and u.code = s.store_code"
    " and u.level = 'store'"
)
UNIT = "left join organization_unit u on u.tenant_id = $tenant and u.code = s.unit_code"
SOURCE = (
    "left join customers_customersource cs on cs.tenant_id = $tenant and cs.store_id = u.id"
    " and cs.customer_no = s.customer_no"
)
VEHICLE = "left join customers_vehicle ve on ve.tenant_id = $tenant and ve.vin = s.vin"
VISIT = (
    "left join customers_visit vi on vi.tenant_id = $tenant and vi.store_id = u.id"
    " and vi.ro_no = s.ro_no"
)
UNKNOWN_STORE = Check("unknown_store", "store_code", "r.store_id is null", {"value": "store_code"})
UNKNOWN_UNIT = Check("unknown_unit", "unit_code", "r.unit_id is null", {"value": "unit_code"})
UNKNOWN_CUSTOMER = Check(
    "unknown_customer",
    "customer_no",
    "r.store_id is not null and r.customer_no is not null and r.source_id is null",
    {"value": "customer_no", "store": "store_code"},
)
UNKNOWN_VEHICLE = Check(
    "unknown_vehicle",
    "vin",
    "r.vin is not null and r.vehicle_id is null",
    {"value": "vin"},
    whole_row=False,
)


def same(*names: str) -> dict[str, Value]:
    """Target columns named and typed like the file's."""
    return {name: Value(f"r.{name}", (name,)) for name in names}


def words(*names: str) -> dict[str, Value]:
    """Text columns that are empty, not null, when not known."""
    return {name: Value(f"coalesce(r.{name}, '')", (name,)) for name in names}


def fen(*names: str) -> dict[str, Value]:
    """Money columns ``name_fen`` of the file's ``name``, net as declared."""
    return {f"{name}_fen": Value(f"r.{name}", (name,)) for name in names}
