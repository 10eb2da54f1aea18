"""What a cell may say: published check digits, Excel's spellings, ranges."""

from datetime import date

import pytest

from customers.importing import columns, identifiers
from customers.importing.columns import CellRefused, Context, Type
from customers.importing.sealing import unstaged

CONTEXT = Context(1, date(2026, 11, 20))


def parsed(type_: Type, text: str) -> str:
    return type_.parse(text, CONTEXT)


def code_of(type_: Type, text: str) -> str:
    with pytest.raises(CellRefused) as refused:
        type_.parse(text, CONTEXT)
    return refused.value.problem.code


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-01-31", "2026-01-31"),
        ("2026/1/3", "2026-01-03"),
        ("2026.01.03", "2026-01-03"),
        ("2026年1月3日", "2026-01-03"),
        ("2026-01-31 00:00:00", "2026-01-31"),
        ("46053", "2026-01-31"),  # Excel's day number
    ],
)
def test_dates(text: str, found: str) -> None:
    assert parsed(columns.PAST_DAY, text) == found


@pytest.mark.parametrize("text", ["1900-01-00", "2026-02-30", "31.01.2026", "soon", "20260131"])
def test_no_dates(text: str) -> None:
    assert code_of(columns.PAST_DAY, text) == "not_a_date"


def test_what_happened_lies_at_most_a_day_ahead() -> None:
    assert parsed(columns.PAST_DAY, "2026-11-21") == "2026-11-21"
    assert code_of(columns.PAST_DAY, "2026-11-22") == "in_the_future"
    assert code_of(columns.PAST_INSTANT, "2026-11-22 08:00") == "in_the_future"
    assert parsed(columns.DAY, "2030-01-01") == "2030-01-01"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-01-31 9:05", "2026-01-31 09:05:00"),
        ("2026-01-31 09:05", "2026-01-31 09:05:00"),
        ("2026-01-31T09:05:07", "2026-01-31 09:05:07"),
        ("46053.5", "2026-01-31 12:00:00"),
        ("2026-01-31", "2026-01-31 00:00:00"),
    ],
)
def test_instants(text: str, found: str) -> None:
    assert parsed(columns.PAST_INSTANT, text) == found


@pytest.mark.parametrize("text", ["2026-01-31 25:00", "2026-13-01 09:00", "9:30"])
def test_no_instants(text: str) -> None:
    assert code_of(columns.PAST_INSTANT, text) == "not_an_instant"


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("12.34", "1234"),
        ("-0.5", "-050"),
        ("100", "10000"),
        ("1,234.50", "123450"),
        ("¥99", "9900"),
        ("1e3", "100000"),
        ("0.1234", "12"),
    ],
)
def test_money_is_kept_in_fen(text: str, fen: str) -> None:
    assert int(parsed(columns.MONEY, text)) == int(fen)


@pytest.mark.parametrize("text", ["abc", "1,23", "NaN", "inf", "1_000", "12元"])
def test_no_money(text: str) -> None:
    assert code_of(columns.MONEY, text) == "not_a_number"


def test_digits_that_excel_kept_come_back_and_others_are_refused() -> None:
    code = columns.code_type(60)
    assert parsed(code, "1.3812345678E+10") == "13812345678"
    assert parsed(code, "10023.0") == "10023"
    assert code_of(code, "1.38E+10") == "scientific"
    assert code_of(identifiers.VIN, "1.23457E+16") == "scientific"


def test_vin_check_digit() -> None:
    # Hand-computed: the weighted sum is 265, 265 mod 11 = 1, and the ninth character is 1.
    assert identifiers.vin_check_digit_fits("LATPAB071W1005301")
    assert identifiers.vin_check_digit_fits("1M8GDM9AXKP042788")  # the textbook's X
    assert not identifiers.vin_check_digit_fits("LATPAB072W1005301")
    assert parsed(identifiers.VIN, "latpab071w1005301") == "LATPAB071W1005301\tt"


@pytest.mark.parametrize("vin", ["LATPAB071W100530", "LATPAB071W1OO5301", "IATPAB071W1005301"])
def test_no_vin(vin: str) -> None:
    assert code_of(identifiers.VIN, vin) == "bad_vin"


@pytest.mark.parametrize("plate", ["沪A12345", "沪AD12345", "京A·12345", "粤B12345D"])
def test_plates(plate: str) -> None:
    assert parsed(identifiers.PLATE, plate).startswith(plate[0])


@pytest.mark.parametrize("plate", ["A12345", "沪A1234", "沪I12345", "沪A1234567"])
def test_no_plates(plate: str) -> None:
    assert code_of(identifiers.PLATE, plate) == "bad_plate"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("139 1234 5678", "13912345678"),
        ("+86 13912345678", "13912345678"),
        ("1.3912345678E+10", "13912345678"),
        ("021-62345678", "2162345678"),
        ("+4915123456789", "+4915123456789"),
    ],
)
def test_phone_numbers_have_one_form(text: str, number: str) -> None:
    assert identifiers.normalised_phone(text) == number


@pytest.mark.parametrize("text", ["123", "none", "99999999999999999"])
def test_no_phone(text: str) -> None:
    with pytest.raises(CellRefused):
        identifiers.normalised_phone(text)


def test_a_number_is_sealed_and_found_by_its_index() -> None:
    lookup, sealed, tail = parsed(identifiers.MOBILE, "139-1234-5678").split("\t")
    assert bytes.fromhex(lookup.removeprefix("\\\\x")) == identifiers.phone_lookup(1, "13912345678")
    assert unstaged(bytes.fromhex(sealed.removeprefix("\\\\x"))) == "13912345678"
    assert tail == "5678"


def test_identity_number_has_a_check_digit() -> None:
    # The example of GB 11643-1999.
    assert identifiers.normalised_id_number("11010519491231002x") == "11010519491231002X"
    with pytest.raises(CellRefused):
        identifiers.normalised_id_number("110105194912310021")
    assert identifiers.normalised_id_number("91350100M000100Y43") == "91350100M000100Y43"
