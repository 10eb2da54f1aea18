"""What a database holds of a group, without what differs between two loads of the same files.

Ids, random pseudonyms, ciphertexts and the clock differ; a row is described by its other columns
and, in place of each reference, by the description of the row that it refers to.
"""

import hashlib
import json
from collections import Counter
from typing import Any

import psycopg
from django.apps import apps
from django.db.models import Model
from psycopg import sql
from psycopg.rows import dict_row

# What tells of runs and people's doings, not of the records.
_OTHER = {"Delivery", "ImportRun", "ImportFile", "QualityReport", "AuditEvent", "AuditChain"}
_ONLY_HERE = {
    *("id", "uid", "run_id", "record_id", "store_ids", "number", "previous", "hash"),
    *("changed_at", "created_at", "recorded_at", "replaced_at", "decided_at"),
    *("password", "wrapped", "found_at", "kept_at", "row_digest"),
    # Ids that are no foreign keys.
    *("turned", "own", "own_customer", "row_id", "side_a", "side_b"),
    *("sealed", "sealed_row", "brought_by_mobile", "date_joined", "account_id", "at", "secret"),
}


# Every run keeps the list of what it refused, a killed one as far as it came. What counts is the
# list of the run that brought a delivery to its end, the last if it was loaded more than once.
_LAST_RUNS = """
    where run_id in (select distinct on (folder) id from customers_importrun
    where status = 'done' order by folder, id desc)
"""


def content(dsn: str, *apps_: str) -> dict[str, Counter[str]]:
    """By model: the descriptions of all rows, with how often each occurs."""
    models = [
        model
        for label in apps_
        for model in apps.get_app_config(label).get_models()
        if model.__name__ not in _OTHER and model._meta.managed
    ]
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        rows = {model: _rows(connection, model) for model in models}
    described = _Described(rows)
    return {
        model.__name__: Counter(described.of(model, pk) for pk in by_id)
        for model, by_id in rows.items()
    }


def _rows(connection: Any, model: type[Model]) -> dict[Any, dict[str, Any]]:
    query = sql.SQL("select * from {}").format(sql.Identifier(model._meta.db_table))
    if model.__name__ == "RejectedRow":
        query += sql.SQL(_LAST_RUNS)
    key = str(model._meta.pk.column)
    return {row[key]: row for row in connection.execute(query)}


class _Described:
    def __init__(self, rows: dict[type[Model], dict[Any, dict[str, Any]]]) -> None:
        self._rows = rows
        self._known: dict[tuple[type[Model], Any], str] = {}

    def of(self, model: type[Model], pk: Any) -> str:
        """A digest of the row; the same for rows of the same content."""
        if (model, pk) not in self._known:
            plain = json.dumps(self._row(model, pk), default=str, sort_keys=True)
            self._known[model, pk] = hashlib.sha256(plain.encode()).hexdigest()
        return self._known[model, pk]

    def _row(self, model: type[Model], pk: Any) -> dict[str, Any]:
        row, found = self._rows[model][pk], {}
        for field in model._meta.concrete_fields:
            value = row[str(field.column)]
            if field.column in _ONLY_HERE:
                continue
            target = field.related_model
            if value is not None and isinstance(target, type) and target in self._rows:
                value = self.of(target, value)
            elif field.name in ("stores", "path"):
                unit = apps.get_model("organization", "Unit")
                value = [self._rows[unit][one]["code"] for one in value]
            elif isinstance(value, dict):
                value = _without_ids(value)
            elif isinstance(value, bytes | memoryview):
                value = bytes(value).hex()
            found[field.name] = value
        return found


def _without_ids(value: dict[str, Any]) -> dict[str, Any]:
    """Former states and evidence name rows by id; what they say beside that is compared."""
    return {
        key: inner
        for key, inner in value.items()
        if not key.endswith("_id")
        and key not in (*_ONLY_HERE, "stores", "customer_a", "customer_b", "former")
        and key not in ("consents", "follow_ups")
    }
