"""``manage.py compile_translations``: make the .mo files that are missing or stale."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from web.translations import catalogues, compile_catalogues


class Command(BaseCommand):
    help = "Compile translation catalogues (.po) that have changed."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="One JSON object on stdout.")

    def handle(self, *args: Any, **options: Any) -> None:
        root = Path(settings.BASE_DIR)
        written = [str(path.relative_to(root)) for path in compile_catalogues(root)]
        found = len(catalogues(root))
        if options["json"]:
            self.stdout.write(json.dumps({"catalogues": found, "compiled": written}))
        else:
            self.stdout.write(f"{len(written)} of {found} catalogues compiled")
