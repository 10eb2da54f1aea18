"""The tape of a cut pool: one pseudonymous row a customer, with its dictionary and hash.

The identifier is HMAC-SHA-256 of the valuation's pseudonym under the group's salt, which stays in
the installation, sealed: the same customer has the same identifier on every tape of the group, and
nobody outside can lead it back.
"""

import csv
import hashlib
import hmac
import io
import secrets
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from django.db import connection

from organization.sealing import unwrap, wrap
from valuation.models import Pool, PoolSalt
from valuation.pools.notice import NOTICE, NOTICE_EN, NOTICE_ZH
from web.spreadsheets import inert

_CURVE = (*(f"visits_{i}" for i in range(1, 9)), *(f"alive_{i}" for i in range(9)))
# Column: (type, description in English, in Chinese).
DICTIONARY: dict[str, tuple[str, str, str]] = {
    "id": ("text", "Salted hash of the customer", "客户的加盐哈希"),
    "store": ("text", "Code of the home store", "所属门店代码"),
    "kind": ("text", "person or organisation", "个人或单位"),
    "first_quarter": ("text", "Quarter of the first visit", "首次进厂季度"),
    "months_since_visit": ("integer", "Whole months since the last visit", "距上次进厂的整月数"),
    "frequency": ("integer", "Repeat visit days", "重复进厂天数"),
    "p_alive": ("number", "Probability of being alive at the cut-off", "截止日活跃概率"),
    "vehicle_months": ("integer", "Age of the youngest vehicle, months", "最新车辆的车龄（月）"),
    "in_warranty": ("boolean", "A vehicle is within its warranty", "有车辆在保"),
    "brand": ("text", "Brand of the vehicle", "车辆品牌"),
    "grade": ("text", "Customer grade A to D", "客户等级 A 至 D"),
    "risk": ("text", "12-month churn risk: low, medium, high", "12 个月流失风险：低、中、高"),
    "fit": ("integer", "Model: row of the curve maps", "模型：曲线映射的序号"),
    "regime": ("integer", "Discount and authorisation: row of the terms", "折现与授权：参数序号"),
    "cap_month": ("integer", "Last month with flows", "有现金流的最后月份"),
    "anchor_first": ("number", "Factor on visits, months 1 to 12", "第 1 至 12 月进厂系数"),
    "anchor_later": ("number", "Factor on visits, later months", "之后各月进厂系数"),
    "revenue_per_visit": ("yuan", "Revenue of a visit, net of VAT", "单次产值（不含税）"),
    "margin_per_visit": ("yuan", "Margin of a visit", "单次毛利"),
    "accident_revenue": ("yuan", "Accident revenue a month alive", "活跃月均事故产值"),
    "accident_margin": ("yuan", "Accident margin a month alive", "活跃月均事故毛利"),
    **{
        name: ("number", f"Expected visits up to node {i + 1}", f"至节点 {i + 1} 的预期进厂次数")
        for i, name in enumerate(_CURVE[:8])
    },
    **{
        name: ("number", f"Probability alive at node {i}", f"节点 {i} 的活跃概率")
        for i, name in enumerate(_CURVE[8:])
    },
    "value": ("yuan", "Value: discounted margin after cost", "价值：扣除成本后的折现毛利"),
}
_COLUMNS = ", ".join(
    (
        *("m.pseudonym", "u.code", "m.kind", "m.first_quarter", "m.months_since_visit"),
        *("m.frequency", "m.p_alive", "m.vehicle_months", "m.in_warranty", "m.brand", "m.grade"),
        *("m.risk", "m.fit", "m.regime", "m.cap_month"),
        *(f"m.amounts[{i}]" for i in range(1, 7)),
        *(f"m.curve[{i}]" for i in range(1, 18)),
        "m.value_fen",
    )
)
_ROWS = (
    f"copy (select {_COLUMNS} from valuation_poolmember m join organization_unit u"  # noqa: S608
    " on u.id = m.store_id where m.pool_id = %s order by m.pseudonym)"
    " to stdout (format csv)"
)
BYTES = 1 << 20
# Of DEFLATE, for files of hundreds of megabytes: twice as fast as the usual, a tenth larger.
LEVEL = 3
GROUP, THREADS, MEMORY, BUFFER = 20_480, 1, "128MB", 4 << 20


def salt_of(tenant_id: int) -> bytes:
    """The group's salt, made at the first tape; inside an entered access."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtext('pool salt'), %s::int)", [tenant_id])
    known = PoolSalt.objects.first()
    if known is None:
        known = PoolSalt.objects.create(
            tenant_id=tenant_id, sealed=wrap(secrets.token_hex(32).encode())
        )
    return bytes.fromhex(unwrap(bytes(known.sealed)).decode())


def identifier(salt: bytes, pseudonym: str) -> str:
    """32 hexadecimal digits."""
    return hmac.digest(salt, pseudonym.encode(), "sha256").hex()[:32]


def rows(pool: Pool) -> Iterator[list[str]]:
    """Rows of the tape as text, in the order of :data:`DICTIONARY`; inside an entered access."""
    salt = salt_of(pool.tenant_id)
    rest = b""
    with (
        connection.cursor() as cursor,
        cursor.copy(_ROWS, [pool.pk]) as copy,
    ):
        for block in copy:
            whole, _, rest = (rest + bytes(block)).rpartition(b"\n")
            yield from _parsed(salt, whole.decode())
    yield from _parsed(salt, rest.decode())


def _parsed(salt: bytes, text: str) -> Iterator[list[str]]:
    for row in csv.reader(io.StringIO(text)):
        row[0] = identifier(salt, row[0])
        row[8] = "true" if row[8] == "t" else "false"
        row[-1] = f"{int(row[-1]) / 100:.2f}"
        for place in (1, 9):
            row[place] = inert(row[place])
        yield row


def write_csv(pool: Pool, target: IO[bytes]) -> str:
    """Write the tape; its SHA-256."""
    digest = hashlib.sha256()
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(DICTIONARY)

    def flush() -> None:
        block = buffer.getvalue().encode()
        target.write(block)
        digest.update(block)
        buffer.seek(0)
        buffer.truncate()

    for row in rows(pool):
        writer.writerow(row)
        if buffer.tell() > BYTES:
            flush()
    flush()
    return digest.hexdigest()


_TYPES = {
    "text": "varchar",
    "integer": "integer",
    "number": "double",
    "yuan": "double",
    "boolean": "boolean",
}


def to_parquet(tape: Path, target: Path) -> None:
    """The same rows as Parquet, Zstandard-compressed, the notice in the file's metadata."""
    # Rows are held back until a group of them is whole, one group a thread, and read by buffers.
    import duckdb

    types = ", ".join(f"'{name}': '{_TYPES[kind]}'" for name, (kind, _, _) in DICTIONARY.items())
    with duckdb.connect(config={"threads": THREADS, "memory_limit": MEMORY}) as database:
        database.execute(
            f"copy (select * from read_csv($tape, header = true, columns = {{{types}}},"  # noqa: S608
            f" buffer_size = {BUFFER}, max_line_size = {BUFFER // 8}))"
            f" to '{_quoted(target)}' (format parquet, compression zstd, row_group_size {GROUP},"
            f" kv_metadata {{notice: '{NOTICE}'}})",
            {"tape": str(tape)},
        )


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def dictionary_csv() -> bytes:
    """The data dictionary, one row a column, in both languages."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["column", "type", "description", "说明"])
    writer.writerows([name, *one] for name, one in DICTIONARY.items())
    return ("\ufeff" + buffer.getvalue()).encode()


def package(pool: Pool, kind: str, folder: Path) -> tuple[Path, str]:
    """A ZIP of the tape (``csv`` or ``parquet``), its dictionary, notice and hashes.

    Returns its path in ``folder`` and the SHA-256 of the tape.
    """
    tape = folder / "tape.csv"
    with tape.open("wb") as target:
        digest = write_csv(pool, target)
    if kind == "parquet":
        parquet = folder / "tape.parquet"
        to_parquet(tape, parquet)
        tape = parquet
        with parquet.open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
    dictionary = dictionary_csv()
    sums = f"{digest}  {tape.name}\n{hashlib.sha256(dictionary).hexdigest()}  dictionary.csv\n"
    found = folder / "tape.zip"
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as target_zip:
        target_zip.write(tape, tape.name)
        target_zip.writestr("dictionary.csv", dictionary)
        target_zip.writestr("NOTICE.txt", f"{NOTICE_EN}\n{NOTICE_ZH}\n{_facts(pool)}\n")
        target_zip.writestr("SHA256SUMS", sums)
    return found, digest


def _facts(pool: Pool) -> str:
    terms: dict[str, Any] = pool.terms
    return "\n".join(
        (
            f"pool: {pool.name}",
            f"cut-off: {terms['as_of']}",
            f"customers: {pool.customers}",
            f"value (yuan): {pool.value_fen / 100:.2f}",
            f"model version: {terms['model_version']}",
            f"assumptions: version {terms['assumptions']}",
            f"members SHA-256: {pool.members_hash}",
        )
    )
