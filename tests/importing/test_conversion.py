"""Columns that are taken at once come out as cell by cell; lines taken at once as one by one."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from customers.importing.columns import Column, Context
from customers.importing.conversion import Converter
from customers.importing.kinds import KINDS
from customers.importing.messages import FileRefused
from customers.importing.text_files import open_text

CONTEXT = Context(1, date(2026, 11, 21))
# One column of each type that is ever taken at once, as the format declares it.
REGULAR: dict[str, Column] = {
    f"{kind.name}.{column.name}": column
    for kind in KINDS.values()
    for column in kind.columns
    if column.type.regular is not None
}
TELLING = st.sampled_from(
    [
        *(
            "",
            " ",
            "0",
            "00",
            "-0",
            "-1",
            "007",
            "1.00",
            "-12.50",
            "1.5",
            "400",
            "1,200.00",
            "¥3.00",
        ),
        *("9999999999.99", "99999999999.99", "1E+10", "1.3812345678E+10", "=1+1", "10023.0", "+5"),
        *("2025-03-04 09:30", "2025-03-04 9:30", "2025-03-04 09:30:15", "2025-02-30 09:30"),
        *("2030-01-01 00:00", "1899-12-31 00:00", "2025-03-04 24:00", "2025/3/4", "1900-01-00"),
        *("LATPAB071W1005301", "LFV2A21K6A3000018", "1E123456789012345", "latpab071w1005301"),
        *("沪A12345", "沪AD12345", "沪I12345", "a\\b", "a\tb", "\\N", "x" * 41, "x" * 400, "a\nb"),
        *("200000", "2000001", "１２", "١٢", " padded ", "\u3000", "\xa0x", "-", "/", "_"),
    ]
)


# COPY forms that are written differently and mean the same to PostgreSQL.
_SAME = {
    "money": lambda text: int(text) if text else None,
    "date and time": lambda text: datetime.fromisoformat(text) if text else None,
}


@pytest.mark.parametrize("name", REGULAR)
@settings(max_examples=15, deadline=None)
@given(
    odd=st.lists(TELLING | st.text(max_size=8), max_size=4),
    usual=st.lists(
        st.sampled_from(["R1", "2025-03-04 09:30", "12.00", "5", "LATPAB071W1005301", ""]),
        min_size=1,
        max_size=60,
    ),
)
@example(odd=["x\n"], usual=["R1"])
def test_a_column_at_once_is_the_same_as_cell_by_cell(
    name: str, odd: list[str], usual: list[str]
) -> None:
    column, cells = REGULAR[name], [*usual, *odd, *usual]
    at_once, singly = Converter(column, CONTEXT), Converter(column, CONTEXT)

    converted = list(at_once.convert(cells))

    expected = [singly[cell] for cell in cells]
    refused = {at: singly.refused[cell] for at, cell in enumerate(cells) if cell in singly.refused}
    same = _SAME.get(column.type.name, str)
    assert list(map(same, converted)) == list(map(same, expected))
    assert at_once.refused_at == refused


def test_a_usual_column_is_not_looked_at_cell_by_cell() -> None:
    converter = Converter(REGULAR["visits.opened_at"], CONTEXT)
    converter.convert([f"2025-03-04 09:{minute:02d}" for minute in range(60)] + ["2025/3/4 9:30"])
    assert list(converter) == ["2025/3/4 9:30"]


CELLS = st.lists(
    st.text(
        st.characters(codec="utf-8", exclude_characters="\r\n\0\ufeff", exclude_categories=["Cs"]),
        max_size=5,
    ),
    min_size=3,
    max_size=3,
)


def read(path: Path, content: bytes) -> tuple[list[Sequence[str]], list[tuple[int, str]]]:
    """Rows with their numbers in front, and what was refused."""
    path.write_bytes(content)
    rows: list[Sequence[str]] = []
    refused = []
    for chunk in open_text(path).chunks():
        rows += [(str(n), *row) for n, row in zip(chunk.numbers, chunk.rows, strict=True)]
        refused += [(n, problem.code) for n, _, problem in chunk.refused]
    return rows, refused


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(CELLS, min_size=1, max_size=20))
def test_plain_lines_are_read_like_lines_beside_a_bad_one(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    """A line of the wrong width at the end sends its whole chunk down the careful way."""
    lines = [",".join(cell.replace(",", ";") for cell in row) for row in rows]
    content = ("x,y,z\n" + "\n".join(lines) + "\n").encode()
    path = tmp_path_factory.mktemp("lines") / "visits.csv"

    plain, careful = read(path, content), read(path, content + b"only one\n")

    assert careful[0] == plain[0]
    assert careful[1] == [*plain[1], (len(rows) + 2, "wrong_width")]


def test_a_quoted_cell_of_any_length_harms_no_other_row(tmp_path: Path) -> None:
    content = b'a,b\n1,"' + b"x" * 200_000 + b'"\n2,y\n'
    rows, refused = read(tmp_path / "visits.csv", content)
    assert [len(row[2]) for row in rows] == [200_000, 1]
    assert refused == []


def test_one_line_of_a_gigabyte_is_refused_after_its_first_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    with path.open("wb") as stream:
        stream.write(b"store_code,ro_no\n" + b"x" * 3_000_000)
        stream.truncate(1 << 30)
    with pytest.raises(FileRefused) as refused:
        open_text(path)
    assert refused.value.problem.code == "giant_line"
    assert refused.value.problem.values["at"] <= 4 << 20
