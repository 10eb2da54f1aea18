from django.db import migrations

from organization.row_security import ProtectRows

WRITTEN_ONCE = ("assumptions", "valuation", "valuedunit", "valuedcustomer", "approval")
FORBID = """
create function valuation_written_once() returns trigger language plpgsql as $$
begin
    raise exception '% is written once: make a new one instead', tg_table_name
        using errcode = 'integrity_constraint_violation';
end $$;
""" + "".join(
    f"create trigger written_once before update or delete on valuation_{table}"
    " for each row execute function valuation_written_once();\n"
    for table in WRITTEN_ONCE
)
ALLOW = "".join(f"drop trigger written_once on valuation_{t};" for t in WRITTEN_ONCE)


class Migration(migrations.Migration):
    dependencies = [("valuation", "0001_initial"), ("organization", "0002_row_security")]
    operations = [
        ProtectRows("Assumptions", "tenant", writes="append"),
        ProtectRows("Valuation", "tenant", writes="append"),
        ProtectRows("ValuedUnit", "unit", writes="append"),
        ProtectRows("ValuedCustomer", "store", writes="append"),
        ProtectRows("Approval", "tenant", writes="append"),
        ProtectRows("Pseudonym", "tenant"),
        migrations.RunSQL(FORBID, ALLOW + "drop function valuation_written_once();"),
    ]
