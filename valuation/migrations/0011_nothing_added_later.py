from django.db import migrations

WRITTEN_ONCE = (
    *("assumptions", "valuation", "valuedunit", "valuedcustomer", "approval"),
    *("pool", "poolmember", "scenario", "structure"),
)
KEPT = "".join(
    f"create trigger guard_truncate before truncate on valuation_{table}"
    " for each statement execute function valuation_written_once();\n"
    for table in WRITTEN_ONCE
)
EMPTIED = "".join(f"drop trigger guard_truncate on valuation_{one};" for one in WRITTEN_ONCE)
ADDED = """
create function valuation_approved_keys() returns trigger language plpgsql
security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if exists (select from valuation_approval a where a.valuation_id = new.valuation_id) then
        raise exception 'valuation % is approved: no unit is added to it', new.valuation_id
            using errcode = 'integrity_constraint_violation';
    end if;
    return null;
end $$;
revoke execute on function valuation_approved_keys() from public;
create trigger nothing_added after insert on valuation_valuedunit
    for each row execute function valuation_approved_keys();

create function valuation_members_keys() returns trigger language plpgsql
security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    -- A pool is written with all of its members by one statement.
    if exists (
        select from (select distinct pool_id from written) w
        left join valuation_pool p on p.id = w.pool_id
        where (select count(*) from valuation_poolmember m where m.pool_id = w.pool_id)
            is distinct from p.customers::bigint
    ) then
        raise exception 'a cut pool has the members that it was cut with'
            using errcode = 'integrity_constraint_violation';
    end if;
    return null;
end $$;
revoke execute on function valuation_members_keys() from public;
create trigger nothing_added after insert on valuation_poolmember
    referencing new table as written for each statement execute function valuation_members_keys();
"""
LEFT = """
drop function valuation_approved_keys() cascade;
drop function valuation_members_keys() cascade;
"""


class Migration(migrations.Migration):
    """What is written once is not emptied either, an approved valuation gets no further unit and a
    cut pool no further member. Catalogue changes; no row is touched."""

    dependencies = [("valuation", "0010_pseudonym_keys")]
    operations = [migrations.RunSQL(KEPT + ADDED, EMPTIED + LEFT)]
