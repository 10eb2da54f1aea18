"""docs/data-format.md says what the loader does."""

from pathlib import Path

from customers.importing.columns import normalised_header
from customers.importing.describing import column_tables, refusal_table
from customers.importing.kinds import KINDS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "data-format.md"


def test_the_tables_of_the_document_are_those_of_the_loader() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert column_tables() in text, "run manage.py data_format and paste its tables"
    assert refusal_table() in text, "run manage.py data_format and paste its tables"


def test_no_two_columns_of_a_file_share_a_header() -> None:
    for kind in KINDS.values():
        titles = [normalised_header(title) for c in kind.columns for title in (c.name, *c.aliases)]
        assert sorted(titles) == sorted(set(titles)), kind.name
