"""Which connection may do what: only the owner changes the schema."""

from typing import Any


class OwnerMigrates:
    """Django database router: migrations run on the alias ``owner`` alone."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == "owner"
