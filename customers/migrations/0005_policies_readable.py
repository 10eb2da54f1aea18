from django.db import migrations

from organization.row_security import LetTenantRead


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0004_quality_report"),
        ("organization", "0002_row_security"),
    ]
    operations = [LetTenantRead("BrandPolicy")]
