"""The tape of a cut pool: pseudonymous, hashed, the same in every form, recomputable."""

import csv
import hashlib
import io
import zipfile

import pytest
from openpyxl import load_workbook

from organization.access import entered
from tests.valuation.spreadsheet import recomputed
from valuation.models import PoolMember, PoolSalt
from valuation.pools import workbook
from valuation.pools.basis import basis_of
from valuation.pools.cut import cut_pool
from valuation.pools.notice import NOTICE_EN, NOTICE_ZH
from valuation.pools.rules import PoolRules
from valuation.pools.tape import DICTIONARY, package
from valuation.pools.workbook import write_workbook


@pytest.fixture
def pool(portfolio, valued):
    with entered(portfolio.group.system) as system:
        yield cut_pool(system, basis_of(valued), PoolRules(), portfolio.group.units[""], "all")


def tape_of(pool, kind, folder):
    folder.mkdir(exist_ok=True)
    path, digest = package(pool, kind, folder)
    with zipfile.ZipFile(path) as found:
        return {name: found.read(name) for name in found.namelist()}, digest


def read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_one_row_a_customer_and_the_sum_of_the_pool(pool, tmp_path):
    files, digest = tape_of(pool, "csv", tmp_path)
    rows = read(files["tape.csv"])
    assert len(rows) == pool.customers
    assert list(rows[0]) == list(DICTIONARY)
    assert round(sum(float(row["value"]) for row in rows) * 100) == pool.value_fen
    assert hashlib.sha256(files["tape.csv"]).hexdigest() == digest
    assert f"{digest}  tape.csv" in files["SHA256SUMS"].decode()


def test_carries_the_notice_in_both_languages(pool, tmp_path):
    files, _ = tape_of(pool, "csv", tmp_path)
    notice = files["NOTICE.txt"].decode()
    assert NOTICE_EN in notice
    assert NOTICE_ZH in notice


def test_nobody_is_named(portfolio, pool, tmp_path):
    files, _ = tape_of(pool, "csv", tmp_path)
    text = files["tape.csv"].decode()
    for customer in (portfolio.steady, portfolio.capped, portfolio.fleet):
        assert str(customer.uid) not in text
        assert customer.name not in text
    for member in PoolMember.objects.filter(pool=pool):
        assert str(member.pseudonym) not in text


def test_the_salt_is_sealed_and_stays(pool, tmp_path):
    first, _ = tape_of(pool, "csv", tmp_path / "a")
    second, _ = tape_of(pool, "csv", tmp_path / "b")
    assert first["tape.csv"] == second["tape.csv"]
    assert PoolSalt.objects.count() == 1
    assert len(bytes(PoolSalt.objects.get().sealed)) > 64


def test_parquet_has_the_same_rows(pool, tmp_path):
    import duckdb

    plain, _ = tape_of(pool, "csv", tmp_path)
    files, digest = tape_of(pool, "parquet", tmp_path)
    path = tmp_path / "read.parquet"
    path.write_bytes(files["tape.parquet"])
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    rows = duckdb.sql(f"select id, value from '{path}' order by id").fetchall()
    expected = sorted((row["id"], float(row["value"])) for row in read(plain["tape.csv"]))
    assert rows == expected
    ((notice,),) = duckdb.sql(f"select value from parquet_kv_metadata('{path}')").fetchall()
    assert NOTICE_ZH in notice.decode()


def test_the_workbook_recomputes_every_customer(pool, tmp_path):
    path = tmp_path / "pool.xlsx"
    assert write_workbook(pool, path) == 3
    book = load_workbook(path)
    ids = [row[0].value for row in book["Tape"].iter_rows(min_row=2)]
    for number, one in enumerate(ids):
        book["Recompute"]["B1"] = one
        asked = tmp_path / f"asked{number}.xlsx"
        book.save(asked)
        found = recomputed(asked, "Recompute", ["B3", "B6", "B7"])
        assert found["B6"] > 100
        assert float(found["B3"]) == pytest.approx(float(found["B6"]), abs=0.01)


def test_the_workbook_holds_the_whole_tape(pool, tmp_path):
    plain, _ = tape_of(pool, "csv", tmp_path)
    write_workbook(pool, tmp_path / "pool.xlsx")
    head, *lines = load_workbook(tmp_path / "pool.xlsx")["Tape"].iter_rows(values_only=True)
    assert list(head) == list(DICTIONARY)
    for line, row in zip(lines, read(plain["tape.csv"]), strict=True):
        for (name, (kind, _en, _zh)), cell in zip(DICTIONARY.items(), line, strict=True):
            if kind in ("text", "boolean"):
                assert (cell or "") == row[name]
            else:
                assert cell == (float(row[name]) if row[name] else None)


def test_a_text_that_is_markup_or_no_character_of_xml_stays_a_text(pool, tmp_path, monkeypatch):
    odd = [*("x",) * len(DICTIONARY)]
    odd[list(DICTIONARY).index("brand")] = "<B&\x01>"
    for place, (kind, _en, _zh) in enumerate(DICTIONARY.values()):
        if kind not in ("text", "boolean"):
            odd[place] = "1"
    monkeypatch.setattr(workbook, "rows", lambda _pool: iter([odd]))
    write_workbook(pool, tmp_path / "pool.xlsx")
    line = list(load_workbook(tmp_path / "pool.xlsx")["Tape"].iter_rows(values_only=True))[1]
    assert line[list(DICTIONARY).index("brand")] == "<B&>"
