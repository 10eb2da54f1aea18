"""Parting merged customers exactly, and joining them so that they can be parted again.

Both work on all customers of a change at once, through two temporary tables that
``customers.identity.state`` fills: ``identity_number`` (source_id, own, former, customer) has every
number of the customers touched; ``identity_move`` (old_id, new_id) the customers to be emptied.
"""

# ruff: noqa: S608 - table names come from the models, values go as parameters.

from typing import Any

from customers.identity.rows import BEFORE, CUSTOMER, OF_CUSTOMER, computed, needs

_TOUCHED = "(select former from identity_number)"
# Name, birth and city follow from the numbers; they are not kept a second time.
_PERSONAL = "'{name,name_key,gender,birth_date,city}'::text[]"
_BLANK = """'{"name": "", "name_key": "", "gender": "", "city": ""}'::jsonb"""
# A row that comes back is a change to whoever asks what has changed; not every table says when.
_CHANGED = "jsonb_build_object('changed_at', clock_timestamp())"
_FLAGS = ("do_not_contact", "is_test", "erased_at", "contact_expired_on")


def part(cursor: Any, tenant_id: int) -> None:
    """Make every customer touched what he was by himself; his numbers follow later."""
    _carry_over(cursor, tenant_id)
    _bring_back_customers(cursor, tenant_id)
    for table, *_ in OF_CUSTOMER:
        cursor.execute(
            f"update {table} t set customer_id = e.own from {BEFORE} e where e.tenant_id = %s"
            f" and e.customer_id in {_TOUCHED} and e.\"table\" = '{table}' and e.content is null"
            " and e.row_id = t.id and t.customer_id <> e.own",
            [tenant_id],
        )
    cursor.execute(
        f'select distinct "table" from {BEFORE} where tenant_id = %s and content is not null'
        f" and customer_id in {_TOUCHED} and \"table\" <> '{CUSTOMER}'",
        [tenant_id],
    )
    for (table,) in cursor.fetchall():
        # A score set that has been dropped since, and the like: what hung on it is gone for good.
        stands = "".join(
            f" and exists (select from {other} o where o.id = (e.content->>'{column}')::bigint)"
            for column, other in needs(table)
        )
        cursor.execute(
            f"insert into {table} overriding system value"
            f" select (jsonb_populate_record(null::{table}, e.content || {_CHANGED})).*"
            f" from {BEFORE} e"
            f" where e.tenant_id = %s and e.customer_id in {_TOUCHED} and e.content is not null"
            f" and e.\"table\" = '{table}'{stands} on conflict do nothing",
            [tenant_id],
        )
    cursor.execute(
        f"delete from {BEFORE} where tenant_id = %s and customer_id in {_TOUCHED}", [tenant_id]
    )


def _carry_over(cursor: Any, tenant_id: int) -> None:
    """What was said of or by the merged customer holds for each of those he consisted of."""
    for flag, together in (
        ("do_not_contact", "bool_or((content->>'do_not_contact')::boolean)"),
        (
            "contact_expired_on",
            "case when count(content->>'contact_expired_on') = count(*)"
            " then max((content->>'contact_expired_on')::date) end",
        ),
    ):
        cursor.execute(
            f"update {BEFORE} e set content = e.content || jsonb_build_object('{flag}', c.{flag})"
            f" from {CUSTOMER} c join (select customer_id, {together} as was from {BEFORE}"
            f" where tenant_id = %s and \"table\" = '{CUSTOMER}' and customer_id in {_TOUCHED}"
            f" group by 1) w on w.customer_id = c.id and w.was is distinct from c.{flag}"
            f" where e.customer_id = c.id and e.tenant_id = %s and e.\"table\" = '{CUSTOMER}'",
            [tenant_id, tenant_id],
        )
    cursor.execute(
        f"update {BEFORE} e set content = e.content || jsonb_build_object('given', n.given,"
        " 'recorded_at', n.recorded_at, 'origin', n.origin) from customers_consent n"
        f" where e.tenant_id = %s and e.customer_id in {_TOUCHED}"
        " and e.\"table\" = 'customers_consent' and e.content is not null"
        " and n.customer_id = e.customer_id and n.store_id = (e.content->>'store_id')::bigint"
        " and n.purpose = e.content->>'purpose' and n.recorded_at > e.kept_at",
        [tenant_id],
    )


def _bring_back_customers(cursor: Any, tenant_id: int) -> None:
    """Insert those that a merge emptied, and give the others their own flags again.

    Of an erased person nothing was kept: his numbers part as nameless as he is.
    """
    cursor.execute(
        f"insert into {CUSTOMER} overriding system value"
        f" select (jsonb_populate_record(null::{CUSTOMER}, {_BLANK} || coalesce(e.content,"
        f" (to_jsonb(c) - {_PERSONAL}) || jsonb_build_object('id', n.own,"
        f" 'uid', gen_random_uuid())) || {_CHANGED})).*"
        " from (select own, min(former) as former from identity_number"
        f" where own <> former group by 1) n join {CUSTOMER} c on c.id = n.former"
        f" left join {BEFORE} e on e.tenant_id = %s and e.customer_id = n.former"
        f" and e.own = n.own and e.\"table\" = '{CUSTOMER}'",
        [tenant_id],
    )
    flags = ", ".join(f"{flag} = k.{flag}" for flag in _FLAGS)
    cursor.execute(
        f"update {CUSTOMER} c set {flags} from (select e.own,"
        f" (jsonb_populate_record(null::{CUSTOMER}, e.content)).* from {BEFORE} e"
        f" where e.tenant_id = %s and e.customer_id in {_TOUCHED}"
        f" and e.\"table\" = '{CUSTOMER}' and e.own = e.customer_id) k where c.id = k.own",
        [tenant_id],
    )


def join(cursor: Any, tenant_id: int) -> None:
    """Hand what the customers of ``identity_move`` have to those they are now; keep what was."""
    values = {"tenant": tenant_id}
    cursor.execute(
        f'insert into {BEFORE} (tenant_id, customer_id, own, "table", row_id, content, stores,'
        " kept_at)"
        f" select c.tenant_id, m.new_id, c.id, '{CUSTOMER}', c.id, to_jsonb(c) - {_PERSONAL},"
        " '{}', clock_timestamp()"
        " from (select old_id, new_id from identity_move"
        f" union select new_id, new_id from identity_move) m join {CUSTOMER} c on c.id = m.old_id",
    )
    for table, column in computed():
        _set_aside(
            cursor,
            table,
            f't."{column}"',
            f"select t.ctid, t.tableoid, m.new_id from {table} t join identity_move m"
            f' on m.old_id = t."{column}"',
        )
    for table, condition, unique, concerned, order in OF_CUSTOMER:
        if unique is not None:
            _set_aside(cursor, table, "t.customer_id", _second(table, unique, concerned, order))
        cursor.execute(
            f'insert into {BEFORE} (tenant_id, customer_id, own, "table", row_id, stores, kept_at)'
            f" select t.tenant_id, m.new_id, t.customer_id, '{table}', t.id, '{{}}',"
            " clock_timestamp()"
            f" from {table} t join identity_move m on m.old_id = t.customer_id"
            f" where t.tenant_id = %(tenant)s and {condition}",
            values,
        )
        cursor.execute(
            f"update {table} t set customer_id = m.new_id from identity_move m"
            f" where m.old_id = t.customer_id and t.tenant_id = %(tenant)s and {condition}",
            values,
        )
    cursor.execute(
        f"update {CUSTOMER} c set do_not_contact = k.refuses, contact_expired_on = k.expired from"
        " (select customer_id, bool_or((content->>'do_not_contact')::boolean) as refuses,"
        " case when count(content->>'contact_expired_on') = count(*)"
        " then max((content->>'contact_expired_on')::date) end as expired"
        f" from {BEFORE} where tenant_id = %(tenant)s and \"table\" = '{CUSTOMER}'"
        " and customer_id in (select new_id from identity_move) group by 1) k"
        " where c.id = k.customer_id and (c.do_not_contact, c.contact_expired_on)"
        " is distinct from (k.refuses, k.expired)",
        values,
    )


def _second(table: str, unique: str, concerned: str, order: str) -> str:
    """Rows that may not stand beside another of the same merged customer."""
    return (
        "select ctid, tableoid, new_id from (select t.ctid, t.tableoid, m.new_id, row_number() over"
        f" (partition by m.new_id, {unique} order by {order}) as place from {table} t"
        " join (select old_id, new_id from identity_move"
        " union select new_id, new_id from identity_move) m on m.old_id = t.customer_id"
        f" where {concerned}) x where place > 1"
    )


def _set_aside(cursor: Any, table: str, owner: str, rows: str) -> None:
    """Take ``rows`` (ctid, tableoid, new_id) out of ``table`` and keep them whole."""
    cursor.execute(
        f"with gone as (delete from {table} t using ({rows}) x"
        " where t.ctid = x.ctid and t.tableoid = x.tableoid"
        f" returning t.tenant_id, x.new_id, {owner} as own, to_jsonb(t) as content)"
        f' insert into {BEFORE} (tenant_id, customer_id, own, "table", content, stores, kept_at)'
        f" select tenant_id, new_id, own, '{table}', content, '{{}}', clock_timestamp() from gone"
    )
