from django.db import migrations

from organization.row_security import GrantTables, ProtectRows


class Migration(migrations.Migration):
    dependencies = [
        ("organization", "0001_initial"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("sessions", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]
    operations = [
        GrantTables("django_migrations", "django_content_type", "auth_permission", writes="read"),
        GrantTables("django_session", "organization_account"),
        ProtectRows("Tenant", "self"),
        ProtectRows("Unit", "tenant"),
        ProtectRows("Staff", "tenant"),
        ProtectRows("Assignment", "tenant"),
        ProtectRows("Grant", "tenant"),
        ProtectRows("AuditEvent", "tenant", writes="append"),
    ]
