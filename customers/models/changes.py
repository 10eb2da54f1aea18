"""When a row last changed, kept by the database: what a program asks for since it last asked."""

from typing import Any

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now


def changed_at() -> "models.DateTimeField[Any, Any]":
    """A column that the database fills on insert, and a trigger on each change."""
    return models.DateTimeField(db_default=Now(), editable=False)


def changed_at_index(name: str) -> BrinIndex:
    """Rows lie on disk nearly in the order of their change, so a block range index does.

    A B-tree would cost every bulk load more than the seldom question is worth, and would stop
    PostgreSQL from updating a row in place.
    """
    return BrinIndex(fields=["changed_at"], name=name, autosummarize=True, pages_per_range=64)
