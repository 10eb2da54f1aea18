"""What a row said before an import changed or deleted it; the personal part sealed."""

# ruff: noqa: S608 - SQL is put together from this package's declarations, never from cells.

from dataclasses import dataclass
from typing import TYPE_CHECKING

from customers.importing.sealing import seal_block

if TYPE_CHECKING:
    from customers.importing.loading import Loading


@dataclass(frozen=True)
class Personal:
    """Which columns of a table name a person, and whose number they belong to.

    ``source`` is an expression on the row ``t``; where it is null nobody is known, and the columns
    stay with the others.
    """

    texts: tuple[str, ...]
    others: tuple[str, ...] = ()
    source: str = "t.source_id"

    @property
    def columns(self) -> tuple[str, ...]:
        return self.texts + self.others


PERSONAL = {
    "customer_source": Personal(
        ("name", "address", "city", "gender", "referred_by"), ("birth_date",), source="t.id"
    ),
    "contact": Personal(("tail",), ("sealed", "lookup")),
    "visit": Personal(("brought_by",), ("brought_by_mobile", "brought_by_lookup")),
    "event": Personal(("reason", "detail")),
    "survey": Personal(("reason", "comment")),
    "contract": Personal(("policy_no",)),
    "vehicle": Personal(
        ("plate", "plate_tail"),
        source=(
            "(select o.source_id from customers_ownership o where o.vehicle_id = t.id"
            " and o.tenant_id = $tenant order by o.owned_to desc nulls first,"
            " o.owned_from desc nulls last, o.id desc limit 1)"
        ),
    ),
}
# What recognises a row says nothing to a reader and, of a personal one, would outlive an erasure;
# what an event turned is told by the revisions of the ownerships.
_NO_HISTORY = ("row_digest", "row_notices", "turned")
_COLUMNS = "(tenant_id, record, record_id, store_id, run_id, replaced_at, deleted, former, sealed)"


def keep_former(
    loading: "Loading",
    *,
    table: str,
    record: str,
    store: str,
    join: str,
    condition: str,
    deleted: bool,
) -> None:
    """Write a revision of each row ``t`` of ``table`` that ``join`` and ``condition`` choose."""
    personal = PERSONAL.get(record)
    head = f"select $tenant, '{record}', "
    tail = f", $run, now(), {str(deleted).lower()}, "
    if personal is None:
        loading.run(
            f"insert into customers_recordrevision {_COLUMNS} {head} t.id, {store}{tail}"
            f" to_jsonb(t) - '{{{','.join(_NO_HISTORY)}}}'::text[], null"
            f" from {table} t join {join} where {condition}"
        )
        return
    listed = ",".join((*personal.columns, *_NO_HISTORY))
    pairs = [f"'{name}', nullif(t.{name}, '')" for name in personal.texts]
    pairs += [f"'{name}', t.{name}" for name in personal.others]
    kept = loading.run(
        "create temp table import_former as select"
        " nextval(pg_get_serial_sequence('customers_recordrevision', 'id')) as id,"
        f" t.id as record_id, {store} as store_id, {personal.source} as source_id,"
        f" to_jsonb(t) - '{{{listed}}}'::text[] as former,"
        f" jsonb_strip_nulls(jsonb_build_object({', '.join(pairs)})) as personal"
        f" from {table} t join {join} where {condition}",
        temporary="import_former",
    )
    loading.run(
        "create temp table import_former_sealed (id bigint, sealed bytea)",
        temporary="import_former_sealed",
    )
    # The key of a number that is deleted goes with it: nothing personal of it is kept.
    gone = deleted and record == "customer_source"
    if kept and not gone:
        seal_block(
            "select id, source_id, personal::text from import_former"
            " where source_id is not null and personal <> '{}'",
            loading.names.tenant_id,
            "import_former_sealed (id, sealed)",
            str,
        )
    loading.run(
        f"insert into customers_recordrevision (id, {_COLUMNS[1:]}"
        f" select f.id, {head.removeprefix('select ')} f.record_id, f.store_id{tail}"
        " case when f.source_id is null then f.former || f.personal else f.former end, z.sealed"
        " from import_former f left join import_former_sealed z on z.id = f.id"
    )
