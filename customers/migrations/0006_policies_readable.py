from django.db import migrations

from organization.row_security import LetTenantRead


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0005_planner_statistics"),
        ("organization", "0002_row_security"),
    ]
    operations = [LetTenantRead("BrandPolicy")]
