"""``manage.py data_format``: the column and refusal tables that docs/data-format.md holds."""

from typing import Any

from django.core.management.base import BaseCommand

from customers.importing.describing import column_tables, refusal_table


class Command(BaseCommand):
    help = "Print the columns of every exchange file and every refusal code, as Markdown tables."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(column_tables())
        self.stdout.write(refusal_table())
