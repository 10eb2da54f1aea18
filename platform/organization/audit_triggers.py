"""The audit trail as the database keeps it: hash chain, append only, changes of rows by trigger.

Four functions, owned by the owner of the tables:

``audit_born``   before insert: the instant is the server's, and nobody brings chain fields along.
``audit_link``   at commit: number, the former event's hash and the event's own hash. Deferred, so
                 that the head of the chain is locked for the length of a commit; locked at insert,
                 a long import would hold up every sign-in of its group.
``audit_guard``  refuses update, delete and truncate, to the owner as well.
``audit_rows``   after a statement on a sensitive table: one event for all its rows, so that a bulk
                 write costs one event; at most ``MOST`` rows are described.

Personal fields are never in clear: a column that a table does not declare as shown is only named.
"""

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

MOST = 20
_SAFE = "set search_path = pg_catalog, public, pg_temp"

# What is hashed: hash of the former event, then the event as a JSON array in jsonb's own spelling
# (organization.audit_chain computes the same without the database).
DIGEST = f"""
create function audit_digest(e organization_auditevent) returns bytea language sql stable {_SAFE}
return sha256(e.previous || convert_to(jsonb_build_array(
    e.tenant_id, e.number, to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    e.actor, e.account_id, e.action, e.subject, e.detail)::text, 'UTF8'))
"""

LINK = f"""
create function audit_link() returns trigger language plpgsql security definer {_SAFE} as $$
declare
    head organization_auditchain;
    event organization_auditevent;
begin
    insert into organization_auditchain (tenant_id, number, hash)
    values (new.tenant_id, 0, decode(repeat('00', 32), 'hex')) on conflict do nothing;
    select * into strict head from organization_auditchain
    where tenant_id = new.tenant_id for no key update;
    select * into strict event from organization_auditevent where id = new.id;
    if event.hash is not null then return null; end if;
    event.number := head.number + 1;
    event.previous := head.hash;
    event.hash := audit_digest(event);
    update organization_auditevent
    set number = event.number, previous = event.previous, hash = event.hash where id = event.id;
    update organization_auditchain
    set number = event.number, hash = event.hash where id = head.id;
    return null;
end $$
"""  # noqa: S608

# Events from before the chain are linked in the order in which they were written.
LINK_FORMER = """
do $$ declare event organization_auditevent; last bytea; place bigint; tenant bigint;
begin
    for tenant in select distinct tenant_id from organization_auditevent loop
        last := decode(repeat('00', 32), 'hex');
        place := 0;
        for event in select * from organization_auditevent where tenant_id = tenant order by id loop
            place := place + 1;
            event.number := place;
            event.previous := last;
            event.hash := audit_digest(event);
            last := event.hash;
            update organization_auditevent
            set number = place, previous = event.previous, hash = last where id = event.id;
        end loop;
        insert into organization_auditchain (tenant_id, number, hash) values (tenant, place, last);
    end loop;
end $$
"""

BORN = f"""
create function audit_born() returns trigger language plpgsql {_SAFE} as $$
begin
    new.at := clock_timestamp();
    new.number := null;
    new.previous := null;
    new.hash := null;
    return new;
end $$
"""

GUARD = f"""
create function audit_guard() returns trigger language plpgsql {_SAFE} as $$
declare chained text[] := '{{number,previous,hash}}';
begin
    if tg_op = 'UPDATE' and pg_trigger_depth() > 1 and old.hash is null
       and to_jsonb(new) - chained = to_jsonb(old) - chained then
        return new;
    end if;
    raise exception 'The audit trail is only added to.' using errcode = 'insufficient_privilege';
end $$
"""

ROW = f"""
create function audit_row(former jsonb, later jsonb, shown text[], silent text[]) returns jsonb
language sql immutable {_SAFE}
return jsonb_strip_nulls(jsonb_build_object(
    'id', coalesce(later, former) -> 'id',
    'values', (
        select jsonb_object_agg(key, case when former is null or later is null then value
                                     else jsonb_build_array(former -> key, value) end)
        from jsonb_each(coalesce(later, former))
        where key = any(shown)
          and (former is null or later is null or former -> key is distinct from value)),
    'not_shown', (
        select jsonb_agg(key) from jsonb_each(later)
        where former is not null and key <> all(shown || silent)
          and former -> key is distinct from value)))
"""  # noqa: S608

ROWS = f"""
create function audit_rows() returns trigger language plpgsql security definer {_SAFE} as $$
declare
    shown text[] := string_to_array(tg_argv[0], ',');
    silent text[] := string_to_array(tg_argv[1], ',');
    doer text := left(coalesce(nullif(current_setting('app.actor', true), ''),
                               'role:' || session_user), 80);
    found record;
    described jsonb;
begin
    if tg_op = 'INSERT' then
        for found in select tenant_id, count(*) as total from new_rows group by tenant_id loop
            select jsonb_agg(audit_row(null, to_jsonb(r), shown, silent)) into described
            from (select * from new_rows where tenant_id = found.tenant_id
                  order by id limit {MOST}) r;
            perform audit_add(found.tenant_id, doer, 'row.insert', tg_table_name, found.total,
                              described);
        end loop;
    elsif tg_op = 'DELETE' then
        for found in select tenant_id, count(*) as total from old_rows group by tenant_id loop
            select jsonb_agg(audit_row(to_jsonb(r), null, shown, silent)) into described
            from (select * from old_rows where tenant_id = found.tenant_id
                  order by id limit {MOST}) r;
            perform audit_add(found.tenant_id, doer, 'row.delete', tg_table_name, found.total,
                              described);
        end loop;
    else
        for found in
            select n.tenant_id, count(*) as total from new_rows n join old_rows o on o.id = n.id
            where n is distinct from o and (silent = '{{}}'
              or to_jsonb(n) - silent is distinct from to_jsonb(o) - silent)
            group by n.tenant_id
        loop
            select jsonb_agg(audit_row(r.former, r.later, shown, silent)) into described
            from (select to_jsonb(o) as former, to_jsonb(n) as later
                  from new_rows n join old_rows o on o.id = n.id
                  where n.tenant_id = found.tenant_id and n is distinct from o and (silent = '{{}}'
                    or to_jsonb(n) - silent is distinct from to_jsonb(o) - silent)
                  order by n.id limit {MOST}) r;
            perform audit_add(found.tenant_id, doer, 'row.update', tg_table_name, found.total,
                              described);
        end loop;
    end if;
    return null;
end $$
"""  # noqa: S608

ADD = f"""
create function audit_add(tenant bigint, doer text, what text, table_name text, total bigint,
                          described jsonb) returns void language sql {_SAFE}
begin atomic
    insert into organization_auditevent (tenant_id, at, actor, account_id, action, subject, detail)
    values (tenant, clock_timestamp(), doer,
            (select id from organization_account where login = doer and tenant_id = tenant),
            what, table_name, jsonb_build_object('rows', total, 'changes', described));
end
"""  # noqa: S608

PRIVATE = """
revoke all on function audit_digest(organization_auditevent), audit_link(), audit_born(),
    audit_guard(), audit_rows(), audit_row(jsonb, jsonb, text[], text[]),
    audit_add(bigint, text, text, text, bigint, jsonb) from public
"""

TRIGGERS = (
    "create trigger born before insert on organization_auditevent"
    " for each row execute function audit_born()",
    "create constraint trigger link after insert on organization_auditevent"
    " deferrable initially deferred for each row execute function audit_link()",
    "create trigger guard before update or delete on organization_auditevent"
    " for each row execute function audit_guard()",
    "create trigger guard_truncate before truncate on organization_auditevent"
    " for each statement execute function audit_guard()",
)
# In the order of their dependence; the former events are linked before anything is guarded.
INSTALL = (DIGEST, LINK_FORMER, LINK, BORN, GUARD, ROW, ADD, ROWS, PRIVATE, *TRIGGERS)
REMOVE = (
    *(
        f"drop trigger {name} on organization_auditevent"
        for name in ("born", "link", "guard", "guard_truncate")
    ),
    "drop function audit_rows(), audit_add(bigint, text, text, text, bigint, jsonb),"
    " audit_row(jsonb, jsonb, text[], text[]), audit_guard(), audit_born(), audit_link(),"
    " audit_digest(organization_auditevent)",
)

_EVENTS = {
    "insert": "new table as new_rows",
    "update": "old table as old_rows new table as new_rows",
    "delete": "old table as old_rows",
}


class InstallTrail(Operation):
    """The functions and the triggers on the trail itself."""

    reversible = True

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The models do not change."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for statement in INSTALL:
            schema_editor.execute(statement, params=None)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for statement in REMOVE:
            schema_editor.execute(statement, params=None)

    def describe(self) -> str:
        return "Chain the audit trail and close it to changes"


class AuditChanges(Operation):
    """Write every change of a model's rows into the trail, whoever makes it and by what route.

    Args:
        model: name of the model in the migration's app; its table has ``id`` and ``tenant_id``.
        shown: columns whose values the trail may hold; every other one is only named.
        silent: columns whose change alone is no event.
    """

    reversible = True

    def __init__(self, model: str, shown: Sequence[str], silent: Sequence[str] = ()) -> None:
        self.model, self.shown, self.silent = model, list(shown), list(silent)

    def deconstruct(self) -> tuple[str, tuple[str, list[str]], dict[str, Any]]:
        return (self.__class__.__qualname__, (self.model, self.shown), {"silent": self.silent})

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The models do not change."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        table = to_state.apps.get_model(app_label, self.model)._meta.db_table
        arguments = f"'{','.join(self.shown)}', '{','.join(self.silent)}'"
        for event, tables in _EVENTS.items():
            schema_editor.execute(
                f'create trigger audit_{event} after {event} on "{table}" referencing {tables}'
                f" for each statement execute function audit_rows({arguments})",
                params=None,
            )

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        table = to_state.apps.get_model(app_label, self.model)._meta.db_table
        for event in _EVENTS:
            schema_editor.execute(f'drop trigger audit_{event} on "{table}"')

    def describe(self) -> str:
        return f"Write changes of {self.model} into the audit trail"
