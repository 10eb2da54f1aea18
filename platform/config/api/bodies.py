"""What a program posts: rows as NDJSON or as one JSON array, read with the place of every fault.

Numbers keep the digits that were written: 12345678901234567890 and 0.10 arrive as text, as they
would from a file.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, NoReturn

from django.conf import settings
from django.utils.http import parse_header_parameters
from django.utils.translation import gettext as _
from rest_framework.parsers import BaseParser

from config.api.problems import Refused, Where

MOST_ROWS = 10_000
MOST_DISCARDED = 4  # times the limit of a body; whoever sends more loses the connection
_MOST_CHARACTERS = 64 << 10  # of one row; a line of a file may have a megabyte
_MOST_BREAKS = 50  # in one value: beyond 60 a reader of files takes a quote for one never closed
_UTF8 = ("", "utf-8", "utf8")


@dataclass(frozen=True)
class Rows:
    """The rows as text, where each began (line, or place in the array), and the body's digest."""

    rows: list[dict[str, str]]
    places: list[Where]
    digest: str


def most_megabytes() -> int:
    """The size limit of one body."""
    return int(settings.API_BULK_MB)


class RowsParser(BaseParser):
    """Reads the body whole, up to its limit; the forms below take it apart."""

    def parse(  # type: ignore[override]  # (rows, and where each of them began)
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None
    ) -> Rows:
        request = parser_context["request"]
        body = _read(stream, request)
        digest = hashlib.sha256(body).hexdigest()
        rows: list[dict[str, str]] = []
        places: list[Where] = []
        for row, place in self.rows_of(body.removeprefix(b"\xef\xbb\xbf")):
            if len(rows) == MOST_ROWS:
                raise Refused(
                    *(413, "too_many_rows"),
                    _("More than %(most)s rows were sent at once.") % {"most": f"{MOST_ROWS:,}"},
                    [place],
                )
            rows.append(_as_text(row, place))
            places.append(place)
        if not rows:
            raise Refused(400, "no_rows", _("The body holds no row."))
        return Rows(rows, places, digest)

    def rows_of(self, body: bytes) -> Iterator[tuple[Any, Where]]:
        raise NotImplementedError


class LinesParser(RowsParser):
    """``application/x-ndjson``: one object a line."""

    media_type = "application/x-ndjson"

    def rows_of(self, body: bytes) -> Iterator[tuple[Any, Where]]:
        for number, line in enumerate(body.split(b"\n"), 1):
            if stripped := line.strip():
                yield _decoded(stripped, number), {"where": f"line {number}", "line": number}


class ArrayParser(RowsParser):
    """``application/json``: one array of objects."""

    media_type = "application/json"

    def rows_of(self, body: bytes) -> Iterator[tuple[Any, Where]]:
        found = _decoded(body, 1) if body.strip() else []
        if not isinstance(found, list):
            raise Refused(400, "not_an_array", _("The body is JSON but not an array of rows."))
        for index, row in enumerate(found):
            yield row, {"where": f"rows[{index}]", "index": index}


def _read(stream: IO[bytes], request: Any) -> bytes:
    """The body.

    Raises:
        Refused: it is not UTF-8 by its own account, is compressed, too large or cut off.
    """
    _type, parameters = parse_header_parameters(request.content_type or "")
    charset = str(parameters.get("charset", "")).lower()
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if charset not in _UTF8 or encoding != "identity":
        said = charset if charset not in _UTF8 else encoding
        raise Refused(415, "not_plain_utf8", _("“%(said)s” is not taken.") % {"said": said[:40]})
    declared, most = int(request.META.get("CONTENT_LENGTH") or 0), most_megabytes() << 20
    if declared > most:
        # A caller who is still sending would see a broken connection in place of the answer.
        _discard(stream, min(declared, MOST_DISCARDED * most))
        raise Refused(
            *(413, "too_large"),
            _("The body has more than %(most)s MB.") % {"most": most_megabytes()},
        )
    body = stream.read(declared)
    if len(body) < declared:
        raise Refused(400, "cut_off", _("The body ended before its declared length."))
    return body


def _discard(stream: IO[bytes], count: int) -> None:
    while count > 0 and (part := stream.read(min(count, 1 << 20))):
        count -= len(part)


def _decoded(text: bytes, first_line: int) -> Any:
    """The JSON value in ``text``, whose first line has that number.

    Raises:
        Refused: it is not UTF-8 or not JSON; names the line.
    """
    try:
        return json.loads(
            text.decode("utf-8"),
            parse_float=str,
            parse_int=str,
            parse_constant=_no_number,
            object_pairs_hook=_once,
        )
    except UnicodeDecodeError as error:
        line = first_line + text.count(b"\n", 0, error.start)
        _refuse("bad_utf8", _("The bytes are not UTF-8."), line)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        words = _("Not JSON at column %(column)s: %(reason)s.")
        _refuse("bad_json", words % {"column": error.colno, "reason": error.msg}, line)
    except RecursionError:
        _refuse("bad_json", _("The JSON is nested too deeply."), first_line)
    except _Unfit as unfit:
        _refuse("bad_json", str(unfit), first_line)


class _Unfit(Exception):
    """JSON that no row is made of."""


def _no_number(text: str) -> NoReturn:
    raise _Unfit(_("%(text)s is not a number of JSON.") % {"text": text})


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _value in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _Unfit(_("The key “%(key)s” stands twice in one row.") % {"key": twice[:60]})
    return found


def _refuse(code: str, message: str, line: int) -> NoReturn:
    raise Refused(
        *(400, code),
        _("Line %(line)s: %(message)s") % {"line": line, "message": message},
        [{"where": f"line {line}", "line": line, "code": code, "message": message}],
    )


def _as_text(row: Any, place: Where) -> dict[str, str]:
    """The row's values as the cells of a file would spell them.

    Raises:
        Refused: it is no object of plain values, holds nothing, or more than a row may.
    """
    if not isinstance(row, dict):
        _refuse_row("not_an_object", _("A row is an object of column names and values."), place)
    found: dict[str, str] = {}
    for key, value in row.items():
        if isinstance(value, str):
            found[key] = value
        elif value is None:
            found[key] = ""
        elif isinstance(value, bool):
            found[key] = "true" if value else "false"
        else:
            words = _("“%(key)s” holds an object or array; a column holds one plain value.")
            _refuse_row("not_plain", words % {"key": key[:60]}, place)
        if value and found[key].count("\n") + found[key].count("\r") > _MOST_BREAKS:
            words = _("“%(key)s” holds more than %(most)s line breaks.")
            _refuse_row("too_long", words % {"key": key[:60], "most": _MOST_BREAKS}, place)
    text = "".join(found.values())
    if not text.strip(' ,;"\t\r\n'):
        _refuse_row("empty_row", _("The row holds no value."), place)
    if len(text) > _MOST_CHARACTERS:
        _refuse_row("too_long", _("The row has more than 64 KB."), place)
    try:
        (text + "".join(found)).encode()
    except UnicodeEncodeError:
        _refuse_row("bad_utf8", _("The row holds half of a surrogate pair."), place)
    return found


def _refuse_row(code: str, message: str, place: Where) -> NoReturn:
    words = _("%(where)s: %(message)s") % {"where": place["where"], "message": message}
    raise Refused(400, code, words, [{**place, "code": code, "message": message}])
