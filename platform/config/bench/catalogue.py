"""Which measurements there are, at which sizes, and the order that one is given."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

# Stores of the generated group unless said otherwise, fewest (one a region) and most.
STORES, FEWEST_STORES, MOST_STORES = 12, 6, 1000


class BenchRefused(Exception):
    """The measurement cannot be done as asked; the message says what to change."""


@dataclass(frozen=True)
class Order:
    """One measurement asked for. ``folder`` is the scratch folder of those with a database, whose
    generated group has ``stores`` stores."""

    name: str
    customers: int
    seed: int
    folder: Path | None = None
    stores: int = STORES

    @property
    def files(self) -> Path:
        """The generated group's files."""
        if self.folder is None:
            raise ValueError(f"{self.name} is measured without files")
        return self.folder / "files"


@dataclass(frozen=True)
class Bench:
    """``database``: measured on a scratch PostgreSQL, in a process of its own; ``files``: from the
    files of a generated group. ``pages``: pages are rendered, and the generated group's records end
    yesterday, because they show what is due."""

    name: str
    module: str
    summary: str
    customers: int
    lowest: int
    highest: int
    database: bool = True
    files: bool = True
    pages: bool = False

    def measure(self) -> Callable[[Order], dict[str, Any]]:
        """The function that does it, imported when needed: some of them are slow to import."""
        found: Callable[[Order], dict[str, Any]] = import_module(
            f"config.bench.{self.module}"
        ).measure
        return found

    def check(self, customers: int, stores: int = STORES) -> None:
        """Raise :class:`BenchRefused` for a size out of range."""
        if not FEWEST_STORES <= stores <= MOST_STORES:
            raise BenchRefused(f"--stores {stores} is outside {FEWEST_STORES} to {MOST_STORES:,}.")
        if not self.lowest <= customers <= self.highest:
            raise BenchRefused(
                f"--customers {customers} is outside {self.lowest:,} to {self.highest:,},"
                f" the range of {self.name}."
            )


_ALL = (
    Bench(
        "lifetime_value",
        "lifetime_value",
        "transactions to 60-month values, against the public functions of lifetimes",
        customers=100_000,
        lowest=200,
        highest=5_000_000,
        database=False,
    ),
    Bench(
        "import",
        "importing",
        "a generated group's files, twice, against a bare COPY of visits.csv",
        customers=20_000,
        lowest=50,
        highest=5_000_000,
    ),
    Bench(
        "identity",
        "identity",
        "who is one customer, over customer numbers of which the truth is known",
        customers=100_000,
        lowest=100,
        highest=5_000_000,
        files=False,
    ),
    Bench(
        "api",
        "api",
        "100,000 visits posted through gunicorn, posted again, and read page by page",
        customers=25_000,
        lowest=200,
        highest=1_000_000,
    ),
    Bench(
        "retrain",
        "retrain",
        "extract, fit, score and publish a group written straight into the tables",
        customers=20_000,
        lowest=800,
        highest=5_000_000,
        files=False,
    ),
    Bench(
        "accuracy",
        "accuracy",
        "forecasts as of a year before the generated records end, against that year",
        customers=20_000,
        lowest=3_000,
        highest=1_000_000,
    ),
    Bench(
        "valuation",
        "valuation",
        "value every customer and unit of a filled group, written down",
        customers=20_000,
        lowest=800,
        highest=5_000_000,
        files=False,
    ),
    Bench(
        "exports",
        "exports",
        "tapes of a pool of everybody, report, data room and auditor's pack of a filled group",
        customers=20_000,
        lowest=800,
        highest=5_000_000,
        files=False,
    ),
    Bench(
        "pool",
        "pool",
        "count, 60 monthly flows and band of a pool by rule, against its customers added up",
        customers=20_000,
        lowest=800,
        highest=5_000_000,
        files=False,
    ),
    Bench(
        "deal",
        "deal",
        "a deal of 120 months with all its figures and break-evens; no customers are needed",
        customers=1,
        lowest=1,
        highest=1,
        database=False,
    ),
    Bench(
        "coverage",
        "coverage",
        "share of 200 simulated worlds whose next 12 months fall inside P5-P95",
        customers=5_000,
        lowest=500,
        highest=50_000,
        database=False,
    ),
    Bench(
        "pages",
        "pages",
        "server time of every page by role, and what row-level security costs of it",
        customers=20_000,
        lowest=800,
        highest=1_000_000,
        pages=True,
    ),
)
BENCHES = {bench.name: bench for bench in _ALL}
