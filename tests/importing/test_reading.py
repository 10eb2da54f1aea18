"""Files as stores send them are read; files that are none are refused with a reason."""

import datetime as dt
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from customers.importing.messages import FileRefused
from customers.importing.reading import open_delivery
from customers.importing.tables import Table
from customers.importing.text_files import open_text
from customers.importing.workbooks import open_workbook


def rows_of(table: Table) -> list[list[str]]:
    return [list(row) for chunk in table.chunks() for row in chunk.rows]


def refused_of(table: Table) -> list[tuple[int, str]]:
    return [(n, p.code) for chunk in table.chunks() for n, _, p in chunk.refused]


def text_file(tmp_path: Path, content: bytes) -> Table:
    path = tmp_path / "visits.csv"
    path.write_bytes(content)
    return open_text(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encoding_delimiter_and_line_end_are_found_out(
    tmp_path: Path, encoding: str, delimiter: str, end: str
) -> None:
    lines = [delimiter.join(cells) for cells in (("店", "名"), ("S1", "王芳"), ("S2", "李伟"))]
    table = text_file(tmp_path, (end.join(lines) + end).encode(encoding))
    assert table.header == ("店", "名")
    assert rows_of(table) == [["S1", "王芳"], ["S2", "李伟"]]


def test_quoted_cells_hold_delimiters_and_line_breaks(tmp_path: Path) -> None:
    table = text_file(tmp_path, b'a,b\n1,"x, ""y""\nz"\n2,w\n')
    assert rows_of(table) == [["1", 'x, "y"\nz'], ["2", "w"]]


def test_a_quote_never_closed_costs_one_row(tmp_path: Path) -> None:
    table = text_file(tmp_path, b'a,b\n1,"x\n2,y\n3,z\n')
    assert rows_of(table) == [["2", "y"], ["3", "z"]]
    assert refused_of(table) == [(2, "open_quote")]


def test_bad_lines_are_refused_alone(tmp_path: Path) -> None:
    good = "".join(f"{i},王\n" for i in range(50)).encode()
    table = text_file(tmp_path, b"a,b\n" + good + b"7,\xff\xfe\n8,x\0y\n9,a,b\n10\n11,z\n")
    assert len(rows_of(table)) == 51
    assert refused_of(table) == [
        (52, "bad_encoding"),
        (53, "nul_byte"),
        (54, "wrong_width"),
        (55, "wrong_width"),
    ]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "not_text"),
        (b"PK\x03\x04" + b"x" * 100, "not_text"),
        ("a,b\n1,2\n".encode("utf-16"), "not_text"),
        (b"\0" * 5000, "not_text"),
        (b"a,b\n" + b"x" * 3_000_000, "giant_line"),
        (b"\n \n\n", "no_header"),
        (
            b"a,b\n" + b"".join(f"{i},王芳\n".encode(("utf-8", "gbk")[i % 2]) for i in range(9)),
            "mixed_encodings",
        ),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    with pytest.raises(FileRefused) as refused:
        text_file(tmp_path, content)
    assert refused.value.problem.code == code


def workbook(path: Path, lines: list[list[Any]]) -> Path:
    book = Workbook()
    for line in lines:
        book.active.append(line)
    book.save(path)
    return path


def test_workbook_values_become_text(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "visits.xlsx",
        [
            ["a", "b", "c", "d", "e"],
            [dt.datetime(2026, 1, 31), 13912345678.0, 12.5, True, None],
            [dt.datetime(2026, 1, 31, 9, 30), 46053, 0.1 + 0.2, False, " x "],
            [None] * 5,
            ["=1+1", 123456789012345678, "", "", ""],
        ],
    )
    assert rows_of(open_workbook(path)) == [
        ["2026-01-31", "13912345678", "12.5", "1", ""],
        ["2026-01-31 09:30:00", "46053", "0.3", "0", " x "],
        ["=1+1", "1.23456789012346e+17", "", "", ""],
    ]


def test_a_truncated_workbook_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "visits.xlsx", [["a"], [1]])
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(FileRefused) as refused:
        open_workbook(path)
    assert refused.value.problem.code == "unreadable_workbook"


def test_a_zip_bomb_is_refused_unopened(tmp_path: Path) -> None:
    path = tmp_path / "visits.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 110_000_000)
    with pytest.raises(FileRefused) as refused:
        open_workbook(path)
    assert refused.value.problem.code == "oversized_workbook"


SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'


# A list of contents may say that any member holds the texts.
TEXTS = (
    b'<Override PartName="/%s" ContentType="application/vnd.openxmlformats-officedocument'
    b'.spreadsheetml.sharedStrings+xml"/></Types>'
)


@pytest.mark.parametrize(
    ("member", "begin", "text", "code"),
    [
        ("xl/sharedStrings.xml", b"<sst>", b"<si><t>%d</t></si>", "oversized_texts"),
        ("xl/worksheets/texts.xml", b"<sst>", b"<si><t>%d</t></si>", "oversized_texts"),
        ("xl/sharedStrings.xml", b"<sst>", b"<si/>", "too_many_texts"),
        ("xl/styles.xml", b"<styleSheet>", b"<xf id='%d'/>", "oversized_texts"),
        ("xl/worksheets/sheet1.xml", SHEET + b"<row><c><is><t>", b"%d", "giant_row"),
        ("xl/worksheets/sheet1.xml", SHEET + b"<row>", b"<c><v>%d</v></c>", "giant_row"),
        ("xl/worksheets/sheet1.xml", SHEET, b"<![CDATA[<row %d", "unreadable_workbook"),
    ],
)
def test_a_workbook_that_memory_would_not_hold_is_refused_unparsed(
    tmp_path: Path, member: str, begin: bytes, text: bytes, code: str
) -> None:
    """Below the limits of archives: what is held whole, and a row that never ends."""
    path = workbook(tmp_path / "visits.xlsx", [["a"], [1]])
    rewritten = tmp_path / "rewritten.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(rewritten, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            if info.filename != member:
                content = old.read(info)
                if "texts" in member:
                    content = content.replace(b"</Types>", TEXTS % member.encode())
                new.writestr(info, content)
        with new.open(member, "w") as stream:
            stream.write(begin)
            for start in range(0, 4_000_000, 100_000):
                numbers = range(start, start + 100_000)
                stream.write(b"".join(text % n if b"%" in text else text for n in numbers))
    with pytest.raises(FileRefused) as refused:
        open_workbook(rewritten)
    assert refused.value.problem.code == code


@pytest.mark.parametrize(
    ("name", "content", "code", "says"),
    [
        ("visits.csv", b"", "empty_file", "0 bytes"),
        ("visits.csv", b"store_code,ro,customer_no,opened_at\n", "missing_columns", "ro_no ≈ ro"),
        (
            "visits.csv",
            "store_code,门店代码,ro_no,customer_no,opened_at\n".encode(),
            "duplicate_headers",
            "门店代码",
        ),
        ("visit.csv", b"a\n", "unknown_name", "visits.csv"),
        ("visits.xlsx", b"nothing", "unreadable_workbook", "visits.xlsx"),
        ("visits.csv", b",".join(b"c%d" % i for i in range(300)), "too_many_columns", "300"),
        ("visits.csv", b"\xff\xd8\xff\xe0\0\x10JFIF\0" + b"x" * 99, "not_text", "JPEG"),
    ],
)
def test_a_file_that_cannot_be_loaded_says_why(
    tmp_path: Path, name: str, content: bytes, code: str, says: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileRefused, match=says) as refused:
        open_delivery(path)
    assert refused.value.problem.code == code


def test_a_missing_or_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="does not exist"):
        open_delivery(tmp_path / "nowhere")
    with pytest.raises(FileRefused, match="no file of the exchange format"):
        open_delivery(tmp_path)


CELL = st.text(
    st.characters(codec="utf-8", exclude_characters='"\r\n,\t;\0', exclude_categories=["Cs"]),
    min_size=1,
    max_size=6,
).filter(str.strip)
GARBAGE = st.binary(min_size=1, max_size=40).filter(lambda b: not {10, 13} & set(b))


@settings(max_examples=150, deadline=None)
@given(
    good=st.lists(st.tuples(CELL, CELL), min_size=30, max_size=40),
    garbage=st.tuples(st.integers(1, 40), GARBAGE),
)
def test_no_garbage_line_takes_a_good_one_with_it(
    tmp_path_factory: pytest.TempPathFactory,
    good: list[tuple[str, str]],
    garbage: tuple[int, bytes],
) -> None:
    good = [(name + "王芳", other) for name, other in good]
    lines = [",".join(cells).encode() for cells in good]
    lines.insert(*garbage)
    content = b"a,b\n" + b"\n".join(lines) + b"\n"
    path = tmp_path_factory.mktemp("garbage") / "visits.csv"
    path.write_bytes(content)
    table = open_text(path)
    read = rows_of(table)
    assert [cells for cells in good if list(cells) not in read] == []
