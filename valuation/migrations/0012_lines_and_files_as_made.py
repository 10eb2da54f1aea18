from django.db import migrations

# Statement by statement with the rows that it brought: a million lines of a valuation are checked by
# one count of them. Whoever may insert cannot be told who asked, so it is the content that decides.
LINES = """
create function valuation_lines_keys() returns trigger language plpgsql
security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    of_valuation bigint;
begin
    for of_valuation in select distinct valuation_id from written loop
        if exists (select from valuation_approval a where a.valuation_id = of_valuation) then
            raise exception 'valuation % is approved: no customer is added to it', of_valuation
                using errcode = 'integrity_constraint_violation';
        end if;
        -- A valuation is written with all of its customers by one statement, so that none can be
        -- slipped in before it is approved either.
        if (select count(*) from valuation_valuedcustomer c where c.valuation_id = of_valuation)
            is distinct from
            (select v.customers::bigint from valuation_valuation v where v.id = of_valuation)
        then
            raise exception 'valuation % has the customers that it was made with', of_valuation
                using errcode = 'integrity_constraint_violation';
        end if;
    end loop;
    return null;
end $$;
revoke execute on function valuation_lines_keys() from public;
create trigger nothing_added after insert on valuation_valuedcustomer
    referencing new table as written for each statement execute function valuation_lines_keys();
"""
# The only ways of an export: queued, then running or failed; from running to done or failed.
EXPORTS = """
create function valuation_export_keys() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        if new.status <> 'queued' or new.sha256 <> '' or new.file_name <> '' then
            raise exception 'an export begins in the queue, without a file'
                using errcode = 'integrity_constraint_violation';
        end if;
        return new;
    end if;
    if old.status in ('done', 'failed') then
        raise exception 'export % has ended: what was handed out stays on record', old.id
            using errcode = 'integrity_constraint_violation';
    end if;
    if tg_op = 'DELETE' then
        raise exception 'export % stays on record', old.id
            using errcode = 'integrity_constraint_violation';
    end if;
    if (new.tenant_id, new.unit_id, new.kind, new.valuation_id, new.language, new.parameters,
            new.requested_by, new.created_at)
        is distinct from (old.tenant_id, old.unit_id, old.kind, old.valuation_id, old.language,
            old.parameters, old.requested_by, old.created_at)
    then
        raise exception 'export % stays as it was asked for', old.id
            using errcode = 'integrity_constraint_violation';
    end if;
    return new;
end $$;
create trigger as_asked_for before insert or update or delete on valuation_export
    for each row execute function valuation_export_keys();
create trigger guard_truncate before truncate on valuation_export
    for each statement execute function valuation_written_once();
"""
LEFT = """
drop function valuation_lines_keys() cascade;
drop function valuation_export_keys() cascade;
drop trigger guard_truncate on valuation_export;
"""


class Migration(migrations.Migration):
    """A valuation keeps the customers that it was made with, an export what it was asked for and
    what it became. Catalogue changes; no row is touched."""

    dependencies = [("valuation", "0011_nothing_added_later")]
    operations = [migrations.RunSQL(LINES + EXPORTS, LEFT)]
