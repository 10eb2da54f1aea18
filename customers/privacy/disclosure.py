"""A copy of everything held of a person: JSON for machines, HTML for people, in one ZIP.

The tables are found through the relations of the models, so that a new one is in the copy without
anybody thinking of it; what is left out is named with its reason in ``LEFT_OUT``.
"""

import io
import json
import zipfile
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.template.loader import render_to_string

from customers import scores
from customers.models import Customer, CustomerSource, PrivacyRequest, RecordRevision, VisitLine
from customers.person_keys import unsealed
from organization.access import Access, entered
from organization.models import AuditEvent

LEFT_OUT = {
    "suppressed": "exists only after an erasure, and holds no readable value",
    "scores": "only the current set is given, under “forecast”",
}
# Keys of our own rows, which mean nothing outside, and indexes made from what is given in clear.
_SILENT = {"id", "tenant", "customer", "source", "lookup", "brought_by_lookup", "name_key"}
_SILENT |= {"stores", "fit", "score_set", "pk", "own_customer"}
_SEALED = {"sealed": "number", "brought_by_mobile": "brought_by_mobile"}

Rows = list[dict[str, Any]]


def copy_of(access: Access, customer: Customer) -> dict[str, Any]:
    """Everything held of ``customer`` in the group, by table, as JSON values.

    ``access`` must have been found to cover all stores of the customer.
    """
    with entered(Access.system(access.tenant_id, "copy for the person")) as system:
        held: dict[str, Any] = {"customer": _rows(system, [customer])}
        for relation in Customer._meta.related_objects:
            name = relation.get_accessor_name()
            if name in LEFT_OUT or name is None:
                continue
            model: Any = relation.related_model
            mine = model.objects.visible_to(system).filter(customer=customer).order_by("pk")
            held[name] = _rows(system, mine.select_related(*_foreign(model)))
        lines = VisitLine.objects.visible_to(system).filter(visit__customer=customer)
        held["visit_lines"] = _rows(system, lines.select_related(*_foreign(VisitLine)))
        score_set = scores.current_set(system)
        if score_set is not None:
            current = scores.scores_in(system, score_set).filter(customer_id=customer.pk)
            held["forecast"] = _rows(system, current)
        held["former_values"] = _former(system, customer)
        held["disclosures"] = [
            {"at": event.at, "action": event.action, "detail": event.detail}
            for event in AuditEvent.objects.visible_to(system)
            .filter(subject=f"customer:{customer.uid}")
            .order_by("at")
        ]
    return held


def _foreign(model: Any) -> list[str]:
    return [
        field.name
        for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey) and field.name not in _SILENT
    ]


def _rows(system: Access, rows: Iterable[Any]) -> Rows:
    found = list(rows)
    if not found:
        return []
    fields = [f for f in found[0]._meta.concrete_fields if f.name not in _SILENT]
    sealed = {
        f.name: unsealed(system, [getattr(row, f.attname) for row in found])
        for f in fields
        if f.name in _SEALED
    }
    return [
        {
            _SEALED.get(f.name, f.name): sealed[f.name][at] if f.name in sealed else _value(row, f)
            for f in fields
        }
        for at, row in enumerate(found)
    ]


def _value(row: Any, field: Any) -> Any:
    if isinstance(field, models.ForeignKey):
        other = getattr(row, field.name)
        return None if other is None else str(other)
    value = getattr(row, field.attname)
    return str(dict(field.flatchoices).get(value, value)) if field.choices and value else value


def _former(system: Access, customer: Customer) -> Rows:
    """What his rows said before they were corrected."""
    sources = CustomerSource.objects.visible_to(system).filter(customer=customer)
    ids: dict[str, list[int]] = {
        "customer_source": list(sources.values_list("pk", flat=True)),
        **{
            record: list(getattr(customer, name).visible_to(system).values_list("pk", flat=True))
            for record, name in (
                *(("visit", "visits"), ("contact", "contacts"), ("event", "events")),
                *(("survey", "surveys"), ("contract", "contracts"), ("ownership", "ownerships")),
            )
        },
    }
    revisions = [
        revision
        for record, keys in ids.items()
        for revision in RecordRevision.objects.visible_to(system)
        .filter(record=record, record_id__in=keys)
        .order_by("replaced_at", "pk")
    ]
    texts = unsealed(system, [revision.sealed for revision in revisions])
    return [
        {
            "record": revision.record,
            "until": revision.replaced_at,
            **_shown({**revision.former, **json.loads(text or "{}")}),
        }
        for revision, text in zip(revisions, texts, strict=True)
    ]


def _shown(former: dict[str, Any]) -> dict[str, Any]:
    """Without keys of ours and ciphertext."""
    return {
        name: value
        for name, value in former.items()
        if name not in (*_SILENT, *_SEALED) and not name.endswith("_id")
    }


def archive(request: PrivacyRequest, held: dict[str, Any], now: datetime, language: str) -> bytes:
    """The ZIP that the person gets: ``data.json`` and ``data.html``."""
    text = json.dumps(
        {"made_at": now, "uid": str(request.customer_uid), **held},
        ensure_ascii=False,
        indent=1,
        cls=DjangoJSONEncoder,
    )
    tables = [
        (name, list(dict.fromkeys(key for row in rows for key in row)), rows)
        for name, rows in held.items()
        if rows
    ]
    page = render_to_string(
        "customers/privacy/copy.html",
        {
            "language": language,
            "now": now,
            "uid": request.customer_uid,
            "tables": [
                (name, columns, [[row.get(column) for column in columns] for row in rows])
                for name, columns, rows in tables
            ],
        },
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("data.json", text)
        packed.writestr("data.html", page)
    return out.getvalue()
