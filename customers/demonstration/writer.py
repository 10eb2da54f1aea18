"""Writes the exchange files: plain comma-separated UTF-8, one row a line, no quoting needed."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np
from numpy.typing import NDArray

from customers.demonstration.seasons import Clock

_FILES = """
org_units:
    code name level parent_code store_kind legal_entity city brand imported opened_on
    authorised_until
staff:
    username name role unit_code email mobile valid_from valid_to
policies:
    division_code valid_from model service_interval_days service_interval_km warranty_months
    warranty_km first_service_days first_service_km vat_rate amounts_include_vat cost_basis
    margin_rate_fallback
customers:
    store_code customer_no name kind mobile phone2 id_number birth_date gender city address
    origin_channel referred_by consent_marketing consent_sharing distance_km created_on
vehicles:
    vin store_code customer_no plate brand series model model_year energy usage sold_on
    sold_used built_on km_at_sale warranty_until extended_warranty service_plan
    insurance_until service_interval_days service_interval_km owned_from owned_to
visits:
    store_code ro_no customer_no opened_at vin brought_by brought_by_mobile promised_at
    closed_at mileage_km kind advisor appointment pay_customer pay_warranty pay_insurance
    pay_internal labour_amount parts_amount discount cost wait_minutes comeback status
    original_ro_no
visit_lines:
    store_code ro_no line_no kind op_code description labour_hours labour_amount part_no
    quantity parts_amount cost pay_type declined
contracts:
    store_code contract_no customer_no type vin starts_on ends_on price cost commission
    balance status insurer policy_no
events:
    store_code event_no kind happened_at customer_no vin ro_no status reason detail staff
nps:
    store_code survey_no sent_at customer_no vin ro_no answered_at score channel reason
    comment
marketing:
    store_code month channel amount purpose leads new_customers
financials:
    unit_code month scope revenue parts_cost labour_cost site_cost admin_expense
    selling_expense depreciation amortisation tax fixed_assets working_capital total_assets
    inventory receivables payables operating_cash_flow debt contract_liabilities staff_count
targets:
    unit_code month metric value
deleted:
    file store_code ro_no
comparables:
    name as_of growth_pct gross_margin_pct roic_pct nps ps_multiple source
"""


def _parsed(text: str) -> dict[str, list[str]]:
    """File name (a line that ends in a colon) to its columns (the lines below it)."""
    columns: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.split("\n"):
        if line.endswith(":"):
            current = columns.setdefault(line[:-1], [])
        else:
            current.extend(line.split())
    return columns


COLUMNS = _parsed(_FILES)


# The oldest day that any file mentions.
EARLIEST_BIRTH = date(1950, 1, 1)


class FolderWriter:
    """Opens all files of the exchange format in ``folder`` and appends rows to them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, IO[str]] = {}
        self.rows = dict.fromkeys(COLUMNS, 0)

    def __enter__(self) -> "FolderWriter":
        self._folder.mkdir(parents=True, exist_ok=True)
        for kind, columns in COLUMNS.items():
            path = self._folder / f"{kind}.csv"
            self._files[kind] = path.open("w", encoding="utf-8", newline="\n")
            self._files[kind].write(",".join(columns) + "\n")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files.values():
            file.close()

    def rows_of(self, kind: str, rows: Sequence[Sequence[str]]) -> None:
        """Append rows; a value with a comma or a line break is refused, it would shift columns."""
        if not rows:
            return
        text = "\n".join(map(",".join, rows)) + "\n"
        commas, lines = text.count(","), text.count("\n")
        if commas != len(rows) * (len(COLUMNS[kind]) - 1) or lines != len(rows):
            raise ValueError(f"{kind}: a row has the wrong number of columns or a value a comma")
        self._files[kind].write(text)
        self.rows[kind] += len(rows)


class Times:
    """Text of days and instants by day number."""

    def __init__(self, clock: Clock) -> None:
        self._first = clock.day_of(EARLIEST_BIRTH)
        self._days = [
            clock.date_of(day).isoformat() for day in range(self._first, clock.until + 4500)
        ]
        self._minutes = [f" {m // 60:02d}:{m % 60:02d}" for m in range(1440)]
        self._compact = [day[2:4] + day[5:7] + day[8:10] for day in self._days]

    def days(self, days: NDArray[np.int64]) -> list[str]:
        """YYYY-MM-DD for each day number."""
        table, first = self._days, self._first
        return [table[day - first] for day in days.tolist()]

    def optional_days(self, days: NDArray[np.int64], known: NDArray[np.bool_]) -> list[str]:
        """As ``days``, empty where not known."""
        table, first = self._days, self._first
        return [
            table[day - first] if shown else ""
            for day, shown in zip(days.tolist(), known.tolist(), strict=True)
        ]

    def instants(self, minutes: NDArray[np.int64]) -> list[str]:
        """YYYY-MM-DD HH:MM for minutes since day 0."""
        days, clock, first = self._days, self._minutes, self._first
        return [days[value // 1440 - first] + clock[value % 1440] for value in minutes.tolist()]

    def compact(self, days: NDArray[np.int64]) -> list[str]:
        """YYMMDD for each day number, as order numbers carry it."""
        table, first = self._compact, self._first
        return [table[day - first] for day in days.tolist()]


def yuan(fen: NDArray[np.int64]) -> list[str]:
    """Yuan with a dot; zero is written as 0."""
    return [f"{value / 100:.2f}" if value else "0" for value in fen.tolist()]


def flags(values: NDArray[np.bool_]) -> list[str]:
    """y or n."""
    return ["y" if value else "n" for value in values.tolist()]


def whole(values: NDArray[np.int64]) -> list[str]:
    """Whole numbers; negative means not known and is written empty."""
    return [str(value) if value >= 0 else "" for value in values.tolist()]


def chosen(values: NDArray[np.int64], words: Sequence[str]) -> list[str]:
    """The word of each code."""
    return [words[value] for value in values.tolist()]
