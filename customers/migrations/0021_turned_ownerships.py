"""What a change of owner changed, kept with the event so that it can be taken back.

Adds an empty column (catalogue only), then fills it for the changes of owner that were loaded
before: one reading of the events, writing those of one kind. What stood before is then told by the
days alone, as far as they tell: an ownership that ended on the day was open, one of the named
customer that began on it was none, unless this store sold the car.
"""

from django.db import migrations, models

FILL = """
update customers_event e set turned = x.turned from (
    select e.id, jsonb_agg(jsonb_build_object(
        'source', o.source_id, 'ends', not b.begins, 'made', b.begins and o.sold_on is null,
        'from', case when not b.begins then o.owned_from end, 'to', null, 'followups', '[]'::jsonb)
        order by b.begins, o.id) as turned
    from customers_event e join customers_ownership o
        on o.tenant_id = e.tenant_id and o.vehicle_id = e.vehicle_id
    cross join lateral (select coalesce(o.source_id = e.source_id and o.owned_from = e.day, false)
        as begins) b
    where e.kind = 'ownership_change' and (b.begins or o.owned_to = e.day) group by 1) x
where x.id = e.id
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0020_quality_unit_scores")]
    operations = [
        migrations.AddField(
            model_name="event",
            name="turned",
            field=models.JSONField(editable=False, null=True),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
