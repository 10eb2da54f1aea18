"""What became of a run, for programs and letters: counts, warnings, refusals with their words."""

from typing import Any

from customers.importing.messages import message
from customers.models import Delivery, ImportFile, ImportRun, RejectedRow
from organization.access import Access

MOST_REFUSALS = 1_000
COUNTS = ("read", "created", "updated", "unchanged", "superseded", "refused", "deleted")


def outcome_of(access: Access, run: ImportRun, language: str) -> dict[str, Any]:
    """The run as JSON values; the first ``MOST_REFUSALS`` refusals of it.

    Call inside an access to the run's tenant.
    """
    files = [_file(file, language) for file in run.files.order_by("pk")]
    found = RejectedRow.objects.visible_to(access).filter(run=run).order_by("kind", "row", "pk")
    refusals = [refusal_of(row, language) for row in found[: MOST_REFUSALS + 1]]
    delivery = Delivery.objects.visible_to(access).filter(run=run).first()
    return {
        **head_of(run),
        "loaded": sum(file["created"] + file["updated"] for file in files),
        **{name: sum(file[name] for file in files) for name in COUNTS},
        "ignored_columns": delivery.ignored if delivery else [],
        "files": files,
        "refusals": refusals[:MOST_REFUSALS],
        "refusals_complete": len(refusals) <= MOST_REFUSALS,
    }


def head_of(run: ImportRun) -> dict[str, Any]:
    """The run without what it did."""
    return {
        "run": run.pk,
        "name": run.name,
        "status": str(run.status),
        "dry_run": run.dry_run,
        "started_by": run.started_by,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "message": run.message,
    }


def refusal_of(row: RejectedRow, language: str) -> dict[str, Any]:
    """One refusal. ``row`` counts as a spreadsheet does, with the header as 1; ``index`` from 0."""
    return {
        "kind": row.kind,
        "index": row.row - 2,
        "row": row.row,
        "column": row.column,
        "code": row.code,
        "message": message(row.code, row.values, language),
        "whole_row": row.whole_row,
    }


def _file(file: ImportFile, language: str) -> dict[str, Any]:
    return {
        "kind": file.kind,
        "read": file.rows_read,
        **{name: getattr(file, name) for name in ("created", "updated", "unchanged", "superseded")},
        "refused": file.rejected,
        "deleted": file.deleted,
        "warnings": [
            {"code": one["code"], "message": message(one["code"], one["values"], language)}
            for one in file.warnings
        ],
    }
