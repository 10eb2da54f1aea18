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
    """``database``: measured on a scratch PostgreSQL, in a process of its own;
    ``files``: from a generated group's files. ``pages``: pages
    are rendered, and the generated group's records end yesterday, because they show what is due."""

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
        "retrain",
        "retrain",
        "extract, fit, score and publish a group written straight into the tables",
        customers=20_000,
        lowest=800,
        highest=5_000_000,
        files=False,
    ),
    Bench(
        "valuation",
        "valuation",
        "value every customer and unit after a retraining",
        customers=20_000,
        lowest=800,
        highest=5_000_000,
    ),
    Bench(
        "pool",
        "pool",
        "60 monthly flows of a pool by rule, against the sum of its customers' flows",
        customers=20_000,
        lowest=800,
        highest=5_000_000,
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
