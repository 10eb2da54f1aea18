"""How the tests post rows."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.test import Client

from organization.access import entered
from organization.tokens import make_token
from tests.factories import Group

LINES, ARRAY = "application/x-ndjson", "application/json"
Row = Mapping[str, Any]


def bearer(group: Group, username: str = "steward", scope: str = "write", suffix: str = "") -> str:
    units = [group.units[suffix].pk] if suffix else []
    with entered(group.system):
        made = make_token(group.accounts[username], "test", scope=scope, units=units, days=30)
    return f"Bearer {made.text}"


class Poster:
    """A program with one token."""

    def __init__(self, authorization: str) -> None:
        self.headers = {"Authorization": authorization, "Accept-Language": "en"}
        self.client = Client(raise_request_exception=False)

    def send(self, kind: str, body: bytes, content_type: str = LINES, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(
            f"/api/v1/{kind}/bulk",
            body,
            content_type=content_type,
            headers={**self.headers, **named},
        )

    def lines(self, kind: str, rows: Sequence[Row], **headers: str) -> Any:
        body = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        return self.send(kind, body.encode(), **headers)

    def array(self, kind: str, rows: Sequence[Row], **headers: str) -> Any:
        return self.send(kind, json.dumps(rows).encode(), ARRAY, **headers)

    def get(self, address: str, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(address, headers={**self.headers, **named})


def customer(no: str = "C1", **more: Any) -> Row:
    return {"store_code": "XQ-S1", "customer_no": no, "name": "王芳", **more}


def visit(ro: str, no: str = "C1", **more: Any) -> Row:
    return {
        "store_code": "XQ-S1",
        "ro_no": ro,
        "customer_no": no,
        "opened_at": "2025-03-04 09:30",
        "pay_customer": 1130,
        **more,
    }
