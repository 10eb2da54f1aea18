import django.db.models.deletion
from django.db import migrations, models

WRITTEN = """
create function valuation_pseudonym_keys() returns trigger language plpgsql
security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if exists (select from written w left join customers_customer c on c.id = w.customer_id
            where c.id is null) then
        raise foreign_key_violation using constraint = 'valuation_pseudonym_customer_id_kept',
            table = 'valuation_pseudonym',
            message = 'rows of valuation_pseudonym name a customer that is not there';
    end if;
    return null;
end $$;
revoke execute on function valuation_pseudonym_keys() from public;
create trigger valuation_pseudonym_insert after insert on valuation_pseudonym
    referencing new table as written for each statement
    execute function valuation_pseudonym_keys();
create trigger valuation_pseudonym_update after update on valuation_pseudonym
    referencing new table as written for each statement
    execute function valuation_pseudonym_keys();
"""
KEPT = """
create function valuation_pseudonym_customer_id_kept() returns trigger language plpgsql
security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if exists (select from gone g join valuation_pseudonym c on c.customer_id = g.id) then
        raise foreign_key_violation using constraint = 'valuation_pseudonym_customer_id_kept',
            table = 'valuation_pseudonym',
            message = 'rows of valuation_pseudonym still name the deleted customer';
    end if;
    return null;
end $$;
revoke execute on function valuation_pseudonym_customer_id_kept() from public;
create trigger valuation_pseudonym_customer_id_kept after delete on customers_customer
    referencing old table as gone for each statement
    execute function valuation_pseudonym_customer_id_kept();
"""
UNDONE = """
drop function valuation_pseudonym_keys() cascade;
drop function valuation_pseudonym_customer_id_kept() cascade;
"""


class Migration(migrations.Migration):
    """Pseudonyms lose their row-by-row references: two queries a row at the end of a first
    valuation. One join checks a statement's customers, and who is named cannot be deleted. The
    customers are not locked meanwhile: a million row locks would cost more than the rows. Catalogue
    changes; no row is touched."""

    dependencies = [
        ("customers", "0018_row_digests"),
        ("valuation", "0009_one_bridge"),
    ]

    operations = [
        migrations.AlterField(
            model_name="pseudonym",
            name="tenant",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organization.tenant",
            ),
        ),
        migrations.AlterField(
            model_name="pseudonym",
            name="customer",
            field=models.OneToOneField(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="pseudonym",
                to="customers.customer",
            ),
        ),
        migrations.RunSQL(WRITTEN + KEPT, UNDONE),
    ]
