"""Makes the demonstration group: a folder in the exchange format, batch by batch."""

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from customers.demonstration import finance, network, seasons, service
from customers.demonstration.batch import Batch
from customers.demonstration.contracts import contract_rows, draw_contracts
from customers.demonstration.dirt import Dirt
from customers.demonstration.events import EventBook
from customers.demonstration.network import Login, Network
from customers.demonstration.orders import late_store, write_orders
from customers.demonstration.people import Ints, build_population
from customers.demonstration.register import INTERNAL_NO, Numbering, build_register
from customers.demonstration.rosters import customer_rows, vehicle_rows
from customers.demonstration.surveys import draw_surveys, survey_rows
from customers.demonstration.workorders import line_rows, order_numbers, visit_rows
from customers.demonstration.writer import COLUMNS, FolderWriter, Times

BATCH = 20_000
FEWEST_CUSTOMERS = 50
# Active customers of a real store of this kind, for the statement of the sample.
REAL_STORE_CUSTOMERS = 8_000


@dataclass(frozen=True)
class Summary:
    """What was made. ``dirt`` counts what was soiled on purpose; ``ledger_gaps`` are the stores
    whose books differ from their orders, as shares; ``sample_share`` is the size against a real
    group with as many stores (orders and books are scaled alike)."""

    folder: str
    group_code: str
    seed: int
    customers: int
    stores: int
    history_from: date
    until: date
    rows: dict[str, int]
    dirt: dict[str, int]
    ledger_gaps: dict[str, float]
    late_store: str
    late_days: int
    sample_share: float
    logins: tuple[Login, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values for ``json.dumps``."""
        plain = asdict(self)
        plain["history_from"] = self.history_from.isoformat()
        plain["until"] = self.until.isoformat()
        return plain


def generate(
    folder: Path,
    *,
    customers: int = 5000,
    seed: int = 1,
    until: date,
    group_code: str = "XQ",
    stores: int = 12,
) -> Summary:
    """Write a demonstration group to ``folder`` (created; files of the same names replaced).

    ``until`` is exclusive: the last visits are of the day before, appointments stand from
    ``until`` on. The same arguments give the same bytes. Raises ``ValueError`` for fewer than 50
    customers, fewer than six stores, a negative seed or an ``until`` outside the holiday calendar.
    """
    if customers < FEWEST_CUSTOMERS:
        raise ValueError(
            f"customers is {customers}: the demonstration group needs at least {FEWEST_CUSTOMERS}"
        )
    if seed < 0:
        raise ValueError(f"seed is {seed}: it must not be negative")
    clock = seasons.Clock.before(until)
    root = [seed, customers, until.toordinal(), stores]
    rng = np.random.default_rng([*root, 0])
    group = network.build_network(group_code, stores, clock, rng)
    run = _Run(group, clock, rng)
    with FolderWriter(folder) as writer:
        run.open(writer)
        for batch, first in enumerate(range(0, customers, BATCH)):
            size = min(BATCH, customers - first)
            run.batch(writer, size, batch, np.random.default_rng([*root, 1, batch]))
        run.close(writer)
    late, lag = late_store(group)
    return Summary(
        folder=str(folder),
        group_code=group_code,
        seed=seed,
        customers=customers,
        stores=stores,
        history_from=clock.date_of(clock.window_start),
        until=until,
        rows=writer.rows,
        dirt=dict(run.counts()),
        ledger_gaps=finance.ledger_gaps(group),
        late_store=group.stores[late].code,
        late_days=lag,
        sample_share=round(customers / (stores * REAL_STORE_CUSTOMERS), 4),
        logins=group.logins,
    )


class _Run:
    """What outlives a batch: calendars, running numbers, books, dirt."""

    def __init__(self, group: Network, clock: seasons.Clock, rng: np.random.Generator) -> None:
        self.group, self.clock, self.rng = group, clock, rng
        self.calendar = seasons.Calendar(clock, [store.city for store in group.stores])
        self.recalls = service.draw_recalls(group, clock, rng)
        self.books = finance.Books.open(clock, group)
        self.numbering = Numbering.start(len(group.stores), clock.until + 1)
        self.times = Times(clock)
        self.dirt = Dirt(group, clock.date_of(clock.until), rng)
        self.bad_vins = 0
        self.scientific = 0

    def counts(self) -> Counter[str]:
        """Declared dirt."""
        counts = self.dirt.counts.copy()
        counts["vehicle_vin_letter"] = self.bad_vins
        counts["scientific_mobile"] = self.scientific
        return counts

    def open(self, writer: FolderWriter) -> None:
        """Units, staff, policies, and each store's internal customer."""
        writer.rows_of("org_units", network.unit_rows(self.group, self.clock))
        writer.rows_of("staff", self.group.staff_rows)
        writer.rows_of("policies", network.policy_rows(self.group))
        blank = dict.fromkeys(COLUMNS["customers"], "")
        for store in self.group.stores:
            own = {"store_code": store.code, "customer_no": INTERNAL_NO, "name": "内部结算"}
            row = blank | own | {"kind": "internal", "city": store.city}
            writer.rows_of("customers", [list(row.values())])

    def batch(self, writer: FolderWriter, size: int, number: int, rng: np.random.Generator) -> None:
        """Simulate and write ``size`` customers."""
        group, clock = self.group, self.clock
        population = build_population(size, group, clock, rng)
        workshop = service.Workshop(population, group, self.calendar, clock, self.recalls, rng)
        history = workshop.run()
        orders = write_orders(population, history, group, clock, rng)
        contracts, insured, renewals = draw_contracts(population, clock, rng)
        surveys = draw_surveys(orders, population, group, clock, rng)
        events = EventBook(population, history, orders, group, clock, rng)
        events.past()
        events.ahead(ensure=number == 0)
        register = build_register(population, orders, group, clock, self.numbering, rng)
        numbers = order_numbers(orders, self.numbering, self.times)
        batch = Batch(
            group, clock, self.times, self.numbering, population, orders, register, numbers
        )
        self._write_people(writer, batch, insured, rng)
        self._write_visits(writer, batch, rng, first=number == 0)
        writer.rows_of("contracts", contract_rows(contracts, batch, rng))
        writer.rows_of("events", events.rows(batch))
        writer.rows_of("nps", self.dirt.surveys(survey_rows(surveys, batch, rng)))
        self.books.add_orders(orders)
        self.books.add_sales(population, contracts, renewals)
        self.books.add_surveys(surveys)

    def _write_people(
        self, writer: FolderWriter, batch: Batch, insured: Ints, rng: np.random.Generator
    ) -> None:
        customers = customer_rows(batch, rng)
        self.scientific += sum("E+" in row[4] for row in customers)
        self.bad_vins += batch.register.bad_vins
        writer.rows_of("customers", customers)
        writer.rows_of("vehicles", vehicle_rows(batch, insured))

    def _write_visits(
        self, writer: FolderWriter, batch: Batch, rng: np.random.Generator, *, first: bool
    ) -> None:
        visits = visit_rows(batch, rng)
        if first:
            self._test_customer(writer, visits[0])
        writer.rows_of("visits", self.dirt.visits(visits))
        writer.rows_of("visit_lines", line_rows(batch))

    def _test_customer(self, writer: FolderWriter, template: tuple[str, ...]) -> None:
        customer, visits, deleted = self.dirt.test_customer(template)
        writer.rows_of("customers", customer)
        writer.rows_of("visits", visits)
        writer.rows_of("deleted", deleted)

    def close(self, writer: FolderWriter) -> None:
        """The books and what belongs to them."""
        writer.rows_of("marketing", finance.marketing_rows(self.books, self.rng))
        writer.rows_of("financials", finance.financial_rows(self.books, self.rng))
        writer.rows_of("targets", finance.target_rows(self.books))
        writer.rows_of("comparables", finance.comparable_rows(self.clock))
