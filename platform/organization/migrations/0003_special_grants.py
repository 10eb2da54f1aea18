import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

FIXED = """
create function organization_grant_is_fixed() returns trigger language plpgsql as $$
begin
    if (new.tenant_id, new.staff_id, new.capability, new.unit_id, new.reason, new.granted_by_id,
            new.valid_from, new.valid_to, new.requested_at)
        is distinct from
        (old.tenant_id, old.staff_id, old.capability, old.unit_id, old.reason, old.granted_by_id,
            old.valid_from, old.valid_to, old.requested_at)
        or (old.approved_by_id is not null and (new.approved_by_id, new.approved_at)
            is distinct from (old.approved_by_id, old.approved_at))
        or old.revoked_at is not null
    then
        raise exception 'A grant stays as it was asked for, approved and revoked.'
            using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger grant_is_fixed before update on organization_grant
    for each row execute function organization_grant_is_fixed();
"""
LOOSE = """
drop trigger grant_is_fixed on organization_grant;
drop function organization_grant_is_fixed();
"""


def keep_grants(apps, schema_editor):
    """What was granted stays on record: the application's role revokes and never deletes."""
    role = settings.DATABASES["default"]["USER"]
    schema_editor.execute(f'revoke delete on organization_grant from "{role}"')


def let_grants_go(apps, schema_editor):
    role = settings.DATABASES["default"]["USER"]
    schema_editor.execute(f'grant delete on organization_grant to "{role}"')


def staff(on_delete):
    return models.ForeignKey(
        null=True, on_delete=on_delete, related_name="+", to="organization.staff"
    )


class Migration(migrations.Migration):
    dependencies = [("organization", "0002_row_security")]

    operations = [
        migrations.AddField("assignment", "successor", staff(django.db.models.deletion.SET_NULL)),
        migrations.AddConstraint(
            "assignment",
            models.CheckConstraint(
                condition=models.Q(
                    ("successor", None),
                    models.Q(("successor", models.F("staff")), _negated=True),
                    _connector="OR",
                ),
                name="assignment_succeeded_by_another_person",
            ),
        ),
        migrations.AddField(
            "grant",
            "requested_at",
            models.DateTimeField(auto_now_add=True, default=django.utils.timezone.now),
            preserve_default=False,
        ),
        migrations.AddField("grant", "approved_at", models.DateTimeField(null=True)),
        migrations.AddField("grant", "revoked_by", staff(django.db.models.deletion.PROTECT)),
        migrations.AddConstraint(
            "grant",
            models.CheckConstraint(
                condition=models.Q(
                    models.Q(("staff", models.F("granted_by")), _negated=True),
                    models.Q(
                        ("approved_by", None),
                        models.Q(("staff", models.F("approved_by")), _negated=True),
                        _connector="OR",
                    ),
                ),
                name="grant_not_to_oneself",
            ),
        ),
        migrations.AddConstraint(
            "grant",
            models.CheckConstraint(
                condition=models.Q(
                    (
                        "capability__in",
                        [
                            *("see_customers", "reveal_contact", "follow_up"),
                            *("see_probabilities", "see_value", "create_task"),
                            "see_data_quality",
                        ],
                    )
                ),
                name="grant_of_what_may_be_lent",
            ),
        ),
        migrations.RunSQL(FIXED, LOOSE),
        migrations.RunPython(keep_grants, let_grants_go),
    ]
