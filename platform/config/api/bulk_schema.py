"""How the OpenAPI document describes rows in: the columns of each kind, with an example row."""

from functools import cache
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from customers.importing.columns import Column
from customers.importing.kinds import KINDS

# One row of each kind, its key and a little more; a test loads them all.
EXAMPLES: dict[str, dict[str, Any]] = {
    "org_units": {"code": "XQ-S9", "name": "九店", "level": "store", "parent_code": "XQ"},
    "staff": {"username": "li.na", "name": "李娜", "role": "advisor", "unit_code": "XQ-S1"},
    "policies": {"division_code": "XQ", "valid_from": "2024-01-01", "vat_rate": 0.13},
    "customers": {"store_code": "XQ-S1", "customer_no": "C1001", "name": "王芳", "kind": "person"},
    "vehicles": {
        "vin": "LATPAB071W1005301",
        "store_code": "XQ-S1",
        "customer_no": "C1001",
        "plate": "沪A12345",
        "sold_on": "2023-05-04",
    },
    "visits": {
        "store_code": "XQ-S1",
        "ro_no": "RO-2025-0001",
        "customer_no": "C1001",
        "vin": "LATPAB071W1005301",
        "opened_at": "2025-03-04 09:30",
        "kind": "maintenance",
        "mileage_km": 20500,
        "pay_customer": 1130.00,
    },
    "visit_lines": {
        "store_code": "XQ-S1",
        "ro_no": "RO-2025-0001",
        "line_no": "1",
        "kind": "maintenance",
        "labour_amount": 226.00,
        "declined": False,
    },
    "contracts": {
        "store_code": "XQ-S1",
        "contract_no": "K-77",
        "customer_no": "C1001",
        "type": "insurance",
        "ends_on": "2026-05-03",
        "price": 4200,
    },
    "events": {
        "store_code": "XQ-S1",
        "event_no": "E-5",
        "kind": "complaint",
        "happened_at": "2025-03-05 10:00",
        "customer_no": "C1001",
    },
    "nps": {
        "store_code": "XQ-S1",
        "survey_no": "N-9",
        "sent_at": "2025-03-06 08:00",
        "customer_no": "C1001",
        "score": 9,
    },
    "marketing": {"store_code": "XQ-S1", "month": "2025-03", "channel": "search", "amount": 12000},
    "financials": {
        "unit_code": "XQ-S1",
        "month": "2025-03",
        "scope": "after_sales",
        "revenue": 1500000,
    },
    "targets": {"unit_code": "XQ-S1", "month": "2025-03", "metric": "nps", "value": 60},
    "deleted": {"file": "events", "store_code": "XQ-S1", "event_no": "E-5"},
    "comparables": {"name": "Peer", "as_of": "2025-12-31", "ps_multiple": 0.4},
}
_PLAIN = {"oneOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}], "nullable": True}
PROBLEMS = {
    400: "not JSON, not UTF-8, a row that is no object; `errors` names the line",
    401: "no valid token",
    403: "the role lacks the import of data for the whole group, or the token the scope write",
    409: "the same Idempotency-Key is being recorded at this moment",
    413: "more than 10,000 rows or too many bytes",
    415: "another content type, charset or compression",
    422: "the key came with other rows before, or nothing can be loaded as it is",
    429: "too many requests",
}
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "errors", "advice"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "what is wrong"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "for programs; does not depend on language"},
        "detail": {"type": "string", "description": "what is wrong with this request"},
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"where": {"type": "string"}}},
            "description": "where, each with its message",
        },
        "advice": {"type": "string", "description": "what to do"},
    },
}


@cache
def row_schema(kind: str) -> dict[str, Any]:
    """The JSON schema of one row; values may be text, numbers, truth or null."""
    columns = KINDS[kind].columns
    return {
        "type": "object",
        "required": [c.name for c in columns if c.required and not c.may_be_empty],
        "properties": {c.name: {**_PLAIN, "description": _holds(c)} for c in columns},
        "additionalProperties": _PLAIN,
        "example": EXAMPLES[kind],
    }


def _holds(column: Column) -> str:
    also = f"; also {', '.join(column.aliases)}" if column.aliases else ""
    return f"{column.type.name}{also}"


class BulkSchema(AutoSchema):
    """One operation a kind, described from the declarations that the loader works by."""

    @property
    def kind(self) -> str:
        return str(getattr(self.view, "kind"))  # noqa: B009 - Bulk's, which imports this module

    def get_operation_id(self) -> str:
        return f"{self.kind}_bulk"

    def get_tags(self) -> list[str]:
        return ["bulk"]

    def get_summary(self) -> str:
        return f"Add or correct up to 10,000 rows of {self.kind}"

    def get_description(self) -> str:  # type: ignore[override]
        key = "what the rows name" if self.kind == "deleted" else ", ".join(KINDS[self.kind].key)
        return (
            f"Rows as in the exchange format's file `{self.kind}`, by key ({key}): new ones are"
            " added, known ones corrected, equal ones left. A refused row harms no other."
        )

    def get_override_parameters(self) -> list[Any]:
        return [
            OpenApiParameter(
                "Idempotency-Key",
                str,
                OpenApiParameter.HEADER,
                description="1 to 100 visible ASCII characters, chosen by you for this request:"
                " sent again within 48 hours it answers what it answered, and loads nothing twice",
            ),
            OpenApiParameter(
                "Accept-Language",
                str,
                OpenApiParameter.HEADER,
                description="language of messages: zh-hans or en",
            ),
        ]

    def get_request_serializer(self) -> Any:
        rows = {"type": "array", "maxItems": 10_000, "items": row_schema(self.kind)}
        lines = {"type": "string", "description": "one JSON object a line"}
        return {"application/json": rows, "application/x-ndjson": lines}

    def get_response_serializers(self) -> Any:
        from config.api.runs import OutcomeResource

        problems = {
            (status, "application/problem+json"): OpenApiResponse(PROBLEM, words)
            for status, words in PROBLEMS.items()
        }
        return {
            200: OpenApiResponse(OutcomeResource, "what became of each row"),
            202: OpenApiResponse(OutcomeResource, "queued behind another import: ask `address`"),
            **problems,
        }

    def get_examples(self) -> list[OpenApiExample]:
        return [
            OpenApiExample(
                "rows",
                value=[EXAMPLES[self.kind]],
                request_only=True,
                media_type="application/json",
            )
        ]
