"""What a cell may hold: columns, their types, and the conversion of text to PostgreSQL's COPY form.

Each type parses one cell. A type may also say what its cells usually look like (``Regular``): whole
columns of such cells are taken at once (``customers.importing.conversion``), to the same result.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NamedTuple

from customers.importing.messages import CellRefused

NULL = ""  # the staging COPY runs with (null ''): an empty cell passes through as it is
REMEMBERED = 100_000  # texts that are kept: bounds the memory on columns that never repeat
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_SCIENTIFIC = re.compile(r"[+-]?(\d)(?:\.(\d+))?[eE]\+?(\d+)")
_EPOCH = date(1899, 12, 30)  # day 0 of Excel's 1900 calendar, its false leap day counted


class Context(NamedTuple):
    """What conversions need to know of the run: its tenant, and today in the group's zone."""

    tenant_id: int
    today: date


# Turns stripped, non-empty text into COPY text; raises ``CellRefused``.
Parse = Callable[[str, Context], str]


@dataclass(frozen=True)
class Regular:
    """What filled cells of a type usually look like, and how a column of them is taken at once.

    ``body`` is a regular expression that no cell may match which ``parse`` would refuse or change
    otherwise than ``finish`` does; neither line breaks nor surrounding spaces match.
    ``finish`` gets the column, cells that did not match emptied, as a list and as one text with
    each cell ended by a line break, and returns the COPY forms, or None where ``parse`` has to
    look at every cell after all.
    """

    body: str
    finish: Callable[[list[str], str, Context], list[str] | None]


@dataclass(frozen=True)
class Type:
    """A kind of cell: how it is parsed and which staging columns it fills."""

    name: str
    parse: Parse
    # Suffix of the staging column (after the column's name) and its SQL type.
    stages: tuple[tuple[str, str], ...]
    regular: Regular | None = None


@dataclass(frozen=True)
class Column:
    """One column of an exchange file.

    ``row`` says that a bad cell refuses the row; otherwise the cell alone is left empty.
    ``required`` columns must be in the header and filled, unless ``may_be_empty``.
    """

    name: str
    type: Type
    aliases: tuple[str, ...] = ()
    required: bool = False
    may_be_empty: bool = False
    row: bool = False

    @property
    def whole_row(self) -> bool:
        return self.row or self.required


def as_it_is(cells: list[str], _joined: str, _context: Context) -> list[str]:
    """``finish`` of types whose regular cells are their own COPY form."""
    return cells


def escaped(text: str) -> str:
    """``text`` as COPY's text format wants it."""
    return text.translate(_ESCAPES)


def unscientific(text: str) -> str:
    """Digits that Excel wrote as 1.3812345678E+10, where none was lost.

    Raises:
        CellRefused: fewer digits are written than the number has.
    """
    match = _SCIENTIFIC.fullmatch(text)
    if match is None:
        return text
    digits, exponent = match[1] + (match[2] or ""), int(match[3])
    if len(digits) != exponent + 1:
        raise CellRefused("scientific", value=text[:60])
    return digits


def _whole_float(text: str) -> str:
    """A number that a spreadsheet wrote with a needless “.0”."""
    return text[:-2] if text.endswith(".0") and text[:-2].isdigit() else text


def _fits(text: str, most: int) -> str:
    if len(text) > most:
        raise CellRefused("too_long", value=text[:30] + "…", length=len(text), most=most)
    return text


@lru_cache(maxsize=64)
def text_type(most: int) -> Type:
    """Free text of at most ``most`` characters."""
    return Type(
        "text",
        lambda text, _: escaped(_fits(text.replace("\0", ""), most)),
        (("", "text"),),
        Regular(rf"[^\s\\\0=](?:[^\n\t\r\\\0]{{0,{most - 2}}}[^\s\\\0])?", as_it_is),
    )


@lru_cache(maxsize=64)
def code_type(most: int) -> Type:
    """A code or number that identifies: digits lost to Excel are refused, never guessed."""

    def parse(text: str, _: Context) -> str:
        if "+" in text:
            text = unscientific(text)
        return escaped(_fits(_whole_float(text), most))

    # Without dot and plus sign there is nothing that Excel may have written.
    return Type("code", parse, (("", "text"),), Regular(rf"[0-9A-Za-z_/\-]{{1,{most}}}", as_it_is))


def name_key(name: str) -> str:
    """The form under which equal names are equal: NFKC, lower case, without spaces."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _name(text: str, _: Context) -> str:
    _fits(text, 120)
    return f"{escaped(text)}\t{escaped(name_key(text)[:120])}"


NAME = Type("text", _name, (("", "text"), ("_key", "text")))


def choice_type(**choices: str) -> Type:
    """One of the keys; values are the further spellings accepted, separated by spaces."""
    accepted = {code: code for code in choices}
    for code, spellings in choices.items():
        accepted |= dict.fromkeys(spellings.split(), code)
    listed = ", ".join(choices)

    def parse(text: str, _: Context) -> str:
        code = accepted.get(text) or accepted.get(text.casefold().replace("-", "_"))
        if code is None:
            raise CellRefused("not_a_choice", value=text[:40], choices=listed)
        return code

    return Type("choice: " + listed, parse, (("", "text"),))


_TRUTHS = dict.fromkeys(("y", "yes", "1", "1.0", "true", "t", "是", "有", "对"), "t") | (
    dict.fromkeys(("n", "no", "0", "0.0", "false", "f", "否", "无", "不"), "f")
)


def _truth(text: str, _: Context) -> str:
    found = _TRUTHS.get(text.casefold())
    if found is None:
        raise CellRefused("not_a_truth", value=text[:40])
    return found


TRUTH = Type("boolean", _truth, (("", "boolean"),))

_DATE = re.compile(
    r"(\d{4})([-/.年])(\d{1,2})[-/.月](\d{1,2})日?(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?"
)
_SERIAL = re.compile(r"\d{5}(\.\d+)?")
EARLIEST, LATEST = date(1900, 1, 1), date(2100, 1, 1)


def parsed_instant(text: str, code: str) -> datetime:
    """A date with or without time, also in Excel's serial days; ``code`` names the refusal."""
    match = _DATE.fullmatch(text)
    if match is not None:
        year, _, month, day, hour, minute, second = match.groups()
        try:
            return datetime(
                int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0)
            )
        except ValueError:
            raise CellRefused(code, value=text[:40]) from None
    if _SERIAL.fullmatch(text):
        seconds = round(float(text) * 86_400)
        return datetime(_EPOCH.year, _EPOCH.month, _EPOCH.day) + timedelta(seconds=seconds)
    raise CellRefused(code, value=text[:40])


def _bounded(instant: datetime, context: Context, happened: bool) -> datetime:
    if not EARLIEST <= instant.date() <= LATEST:
        raise CellRefused("out_of_time", value=instant.date(), least=EARLIEST, most=LATEST)
    # Tomorrow is let through: a store's clock or time zone may run ahead.
    if happened and instant.date() > context.today + timedelta(days=1):
        raise CellRefused("in_the_future", value=instant.date().isoformat())
    return instant


def _day_type(happened: bool) -> Type:
    def parse(text: str, context: Context) -> str:
        found = _bounded(parsed_instant(text, "not_a_date"), context, happened)
        return found.date().isoformat()

    return Type("date", parse, (("", "date"),))


_CLOCK = {
    f" {hour:02d}:{minute:02d}{second}": f" {hour:02d}:{minute:02d}:00"
    for hour in range(24)
    for minute in range(60)
    for second in ("", ":00")
}


def _instant_type(happened: bool) -> Type:
    days: dict[tuple[str, Context], str] = {}

    def parse(text: str, context: Context) -> str:
        # Instants hardly repeat but their days do: the usual spelling is two look-ups.
        day, clock = days.get((text[:10], context)), _CLOCK.get(text[10:])
        if day is not None and clock is not None:
            return day + clock
        if clock is not None:
            if len(days) > REMEMBERED:
                days.clear()
            found = _bounded(parsed_instant(text[:10], "not_an_instant"), context, happened)
            days[text[:10], context] = found.date().isoformat()
            return found.date().isoformat() + clock
        found = _bounded(parsed_instant(text, "not_an_instant"), context, happened)
        return found.isoformat(" ")

    def finish(cells: list[str], _joined: str, context: Context) -> list[str] | None:
        for day in {cell[:10] for cell in cells}:
            if day and (day, context) not in days:
                try:
                    parse(day + " 00:00", context)
                except CellRefused:
                    return None
        return cells

    usual = r"\d{4}-\d\d-\d\d (?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?"
    return Type("date and time", parse, (("", "timestamp"),), Regular(usual, finish))


DAY, PAST_DAY = _day_type(happened=False), _day_type(happened=True)
INSTANT, PAST_INSTANT = _instant_type(happened=False), _instant_type(happened=True)
_MONTH = re.compile(r"(\d{4})[-/.年]?(\d{1,2})月?")


def _month(text: str, context: Context) -> str:
    match = _MONTH.fullmatch(text)
    if match is not None and 1 <= int(match[2]) <= 12 and 1900 <= int(match[1]) <= 2100:
        return f"{match[1]}-{int(match[2]):02d}-01"
    try:
        return parsed_instant(text, "not_a_month").date().replace(day=1).isoformat()
    except OverflowError:
        raise CellRefused("not_a_month", value=text[:40]) from None


MONTH = Type("month", _month, (("", "date"),))
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")


def parsed_number(text: str) -> Decimal:
    """A finite number; thousands may be grouped by commas, a yuan sign may stand before."""
    text = text.lstrip("¥￥")
    if _GROUPED.fullmatch(text):
        text = text.replace(",", "")
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise CellRefused("not_a_number", value=text[:40]) from None
    if not found.is_finite() or "_" in text or abs(found.adjusted()) > 40:
        raise CellRefused("not_a_number", value=text[:40])
    return found


_PLAIN_MONEY = re.compile(r"-?\d{1,10}(?:\.\d{1,2})?")
_MOST_YUAN = Decimal(10) ** 13


def _money(text: str, _: Context) -> str:
    if _PLAIN_MONEY.fullmatch(text):  # the usual case, without Decimal
        whole, _dot, cents = text.partition(".")
        return f"{whole}{cents:0<2}"
    amount = parsed_number(text)
    if abs(amount) > _MOST_YUAN:
        raise CellRefused("out_of_range", value=text[:40], least=-_MOST_YUAN, most=_MOST_YUAN)
    return str(int((amount * 100).quantize(Decimal(1))))


# Yuan in the file; fen in the staging table.
MONEY = Type(
    "money",
    _money,
    (("", "bigint"),),
    Regular(
        r"-?\d{1,10}\.\d\d|0", lambda _cells, joined, _: joined.replace(".", "").split("\n")[:-1]
    ),
)


@lru_cache(maxsize=64)
def whole_type(least: int, most: int) -> Type:
    """A whole number from ``least`` to ``most``."""

    def parse(text: str, _: Context) -> str:
        if text.isdecimal() and text.isascii() and len(text) < 10:
            if not least <= int(text) <= most:
                raise CellRefused("out_of_range", value=text, least=least, most=most)
            return text
        found = parsed_number(text)
        if found != found.to_integral_value():
            raise CellRefused("not_whole", value=text[:40])
        if not least <= found <= most:
            raise CellRefused("out_of_range", value=text[:40], least=least, most=most)
        return str(int(found))

    def finish(cells: list[str], _joined: str, _: Context) -> list[str] | None:
        numbers = [int(cell) for cell in cells if cell]
        within = not numbers or (min(numbers) >= least and max(numbers) <= most)
        return cells if within else None

    usual = Regular(r"[0-9]{1,9}", finish)
    return Type("whole number", parse, (("", "integer"),), usual)


@lru_cache(maxsize=64)
def number_type(digits: int, decimals: int, least: int | None = None) -> Type:
    """A decimal number that fits ``numeric(digits, decimals)``, rounded half to even."""
    bound = Decimal(10) ** (digits - decimals)

    def parse(text: str, _: Context) -> str:
        found = parsed_number(text).quantize(Decimal(1).scaleb(-decimals))
        if abs(found) >= bound or (least is not None and found < least):
            low = -bound if least is None else least
            raise CellRefused("out_of_range", value=text[:40], least=low, most=bound)
        return format(found, "f")

    return Type("number", parse, (("", f"numeric({digits},{decimals})"),))


def column(name: str, type_: Type, *aliases: str, **options: Any) -> Column:
    """Shorthand for the tables of ``customers.importing.kinds``."""
    return Column(name, type_, aliases, **options)


@dataclass
class HeaderMap:
    """Which position of a row fills which column; what was not understood."""

    positions: dict[str, int]
    unknown: list[str] = field(default_factory=list)


def normalised_header(text: str) -> str:
    """Header names compare without case, width, spaces, dashes and brackets' remarks."""
    plain = unicodedata.normalize("NFKC", text).strip().strip("*").casefold()
    return re.sub(r"[\s\-_]+", "_", plain).strip("_")


def spellings(columns: tuple[Column, ...]) -> Mapping[str, str]:
    """Every accepted header name, normalised, with its column."""
    return {
        normalised_header(spelling): one.name
        for one in columns
        for spelling in (one.name, *one.aliases)
    }
