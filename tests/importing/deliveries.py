"""Small deliveries for the tests: rows as dictionaries, files as stores send them."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from organization.access import Access, entered_installation
from organization.models import Tenant

Row = Mapping[str, Any]

TREE: list[Row] = [
    {"code": "HX", "name": "恒信集团", "level": "group", "parent_code": ""},
    {"code": "HX-L", "name": "豪华事业部", "level": "division", "parent_code": "HX"},
    {"code": "HX-E", "name": "华东区", "level": "region", "parent_code": "HX-L"},
    {"code": "S1", "name": "一店", "level": "store", "parent_code": "HX-E", "store_kind": "4s"},
    {"code": "S2", "name": "二店", "level": "store", "parent_code": "HX-E", "store_kind": "4s"},
]
POLICY: list[Row] = [
    {
        "division_code": "HX-L",
        "valid_from": "2015-01-01",
        "vat_rate": "0.13",
        "amounts_include_vat": "y",
    }
]
VIN = "LATPAB071W1005301"
VIN2 = "LFV2A21K6A3000018"


def customer(no: str = "C1", store: str = "S1", **more: Any) -> Row:
    return {"store_code": store, "customer_no": no, "name": "王芳", "mobile": "13912345678", **more}


def vehicle(vin: str = VIN, no: str = "C1", store: str = "S1", **more: Any) -> Row:
    return {"vin": vin, "store_code": store, "customer_no": no, "plate": "沪A12345", **more}


def visit(ro: str, day: str = "2025-03-04", no: str = "C1", store: str = "S1", **more: Any) -> Row:
    return {
        "store_code": store,
        "ro_no": ro,
        "customer_no": no,
        "opened_at": f"{day} 09:30",
        "pay_customer": "1130.00",
        "cost": "400",
        **more,
    }


def base() -> dict[str, list[Row]]:
    """A group of two stores with one customer and his car."""
    return {
        "org_units": TREE,
        "policies": POLICY,
        "customers": [customer()],
        "vehicles": [vehicle()],
    }


def write(
    folder: Path,
    files: Mapping[str, Sequence[Row]],
    encoding: str = "utf-8",
    delimiter: str = ",",
    titles: Mapping[str, str] | None = None,
) -> Path:
    """Write each file as CSV; ``titles`` renames columns."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in files.items():
        with (folder / f"{name}.csv").open("w", encoding=encoding, newline="") as stream:
            writer = csv.writer(stream, delimiter=delimiter)
            writer.writerows(table(rows, titles or {}))
    return folder


def table(rows: Sequence[Row], titles: Mapping[str, str] | None = None) -> Iterable[list[Any]]:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    yield [(titles or {}).get(name, name) for name in columns]
    for row in rows:
        yield [row.get(name, "") for name in columns]


def write_workbook(path: Path, rows: Sequence[Row]) -> Path:
    book = Workbook()
    for line in table(rows):
        book.active.append(line)
    book.save(path)
    return path


def system(code: str = "HX") -> Access:
    """The system's access to a group that a delivery has made."""
    with entered_installation("test"):
        return Access.system(Tenant.objects.get(code=code).pk, "test")
