"""An import that is killed at any moment and run again ends as if it had not been killed."""

import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from config.services import create_database
from customers.demonstration import generate
from tests.database import APPLICATION, OWNER, ROOT
from tests.importing.content import content

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("resuming")]
TEMPLATE = f"test_parcfolio_resuming_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"


@dataclass
class Database:
    """A database of its own, migrated and empty, and its commands."""

    name: str
    admin: str

    @property
    def dsn(self) -> str:
        return re.sub(r"dbname=\S+", "", self.admin) + f" dbname={self.name}"

    @property
    def environment(self) -> dict[str, str]:
        host = dict(part.split("=", 1) for part in self.admin.split())["host"]
        return os.environ | {
            "DATABASE_URL": f"postgres://{APPLICATION[0]}:{APPLICATION[1]}@/{self.name}?host={host}",
            "DATABASE_OWNER_URL": f"postgres://{OWNER[0]}:{OWNER[1]}@/{self.name}?host={host}",
            "LOG_LEVEL": "INFO",
        }

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> str:
        process = self.start(*arguments)
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        return errors


@pytest.fixture(scope="module")
def fresh() -> Iterator[Callable[[str], Database]]:
    """``fresh(name)``: a database that has been migrated and nothing else."""
    admin = os.environ["PARCFOLIO_TEST_ADMIN_DSN"]
    made = [TEMPLATE]

    def execute(statement: str, *names: str) -> None:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def make(name: str) -> Database:
        full = f"{TEMPLATE}_{name}"
        made.append(full)
        execute("drop database if exists {} with (force)", full)
        execute("create database {} template {} owner {}", full, TEMPLATE, OWNER[0])
        execute("grant connect, temporary on database {} to {}", full, APPLICATION[0])
        return Database(full, admin)

    execute("drop database if exists {} with (force)", TEMPLATE)
    create_database(admin, TEMPLATE, owner=OWNER[0], application=APPLICATION[0])
    Database(TEMPLATE, admin).run("migrate", "--verbosity", "0")
    yield make
    for name in reversed(made):
        execute("drop database if exists {} with (force)", name)


@pytest.fixture(scope="module")
def deliveries(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> list[Path]:
    """Two deliveries of one group; the second corrects the first. The long run has visits enough
    for the unchanged ones to be recognised."""
    folder = tmp_path_factory.mktemp("resuming")
    customers = 1_200 if request.config.getoption("--soak") else 300
    generate(folder / "1", customers=customers, seed=1, until=date(2026, 1, 1))
    shutil.copytree(folder / "1", folder / "2")
    _correct(folder / "2" / "visits.csv")
    return [folder / "1", folder / "2"]


def _correct(visits: Path) -> None:
    """Every fifth repair order was dearer than it said at first."""
    header, *rows = visits.read_text(encoding="utf-8").splitlines()
    at = header.split(",").index("cost")
    for place in range(0, len(rows), 5):
        cells = rows[place].split(",")
        cells[at] = "77.00"
        rows[place] = ",".join(cells)
    visits.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def load(database: Database, path: Path) -> None:
    database.run("import_data", str(path), "--json")


def load_and_kill(database: Database, path: Path, after: float) -> float | None:
    """Kill the import ``after`` seconds from when it began to load; None, or the seconds that it
    took if it was over before."""
    process = database.start("import_data", str(path), "--json")
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "loading" in line:
            break
    else:
        pytest.fail("".join(said))
    threading.Thread(target=process.stderr.read, daemon=True).start()
    began = time.monotonic()
    try:
        process.wait(timeout=after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None
    return time.monotonic() - began


@pytest.fixture(scope="module")
def undisturbed(
    fresh: Callable[[str], Database], deliveries: list[Path]
) -> tuple[dict[str, object], list[float]]:
    """What two loads without a disturbance end in, and the seconds of each."""
    database, seconds = fresh("undisturbed"), []
    for path in deliveries:
        process = database.start("import_data", str(path), "--json")
        assert process.stderr is not None
        began = time.monotonic()
        for line in process.stderr:
            if "loading" in line:
                began = time.monotonic()
        assert process.wait() == 0
        seconds.append(time.monotonic() - began)
    return dict(content(database.dsn, "customers", "organization")), seconds


def _killed_and_resumed(
    database: Database, deliveries: list[Path], seconds: list[float], dice: random.Random
) -> list[float | None]:
    """What ``load_and_kill`` gives of each delivery, of which a load lasts ``seconds``."""
    over = []
    for path, lasts in zip(deliveries, seconds, strict=True):
        over.append(load_and_kill(database, path, dice.uniform(0.02, 0.98) * lasts))
        load(database, path)
    return over


def _assert_no_trace(database: Database, expected: dict[str, object]) -> None:
    """Records, history and the refusals of the run that ended are those of an undisturbed load;
    a killed run has refused nothing that the one after it did not."""
    found = content(database.dsn, "customers", "organization")
    assert {name for name in expected if expected[name] != found[name]} == set()
    with psycopg.connect(database.dsn) as connection:
        lost = connection.execute(
            "select count(*) from customers_rejectedrow r join customers_importrun d"
            " on d.id = r.run_id and d.status <> 'done' where not exists (select"
            " from customers_rejectedrow o join customers_importrun f on f.id = o.run_id"
            " and f.status = 'done' and f.folder = d.folder"
            " where (o.kind, o.row, o.column, o.code) = (r.kind, r.row, r.column, r.code))"
        ).fetchone()
    assert lost == (0,)


def test_two_kills_leave_no_trace(
    fresh: Callable[[str], Database],
    deliveries: list[Path],
    undisturbed: tuple[dict[str, object], list[float]],
) -> None:
    expected, seconds = undisturbed
    database = fresh("killed")
    over = _killed_and_resumed(database, deliveries, seconds, random.Random(4))
    assert None in over
    _assert_no_trace(database, expected)
    found = content(database.dsn, "customers", "organization")
    assert len(found["Visit"]) > 1_000
    assert len(found["RecordRevision"]) > 100
    with psycopg.connect(database.dsn) as connection:
        states = connection.execute("select distinct status from customers_importrun").fetchall()
    assert {state for (state,) in states} <= {"done", "failed"}


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_twenty_kills_leave_no_trace(
    fresh: Callable[[str], Database],
    deliveries: list[Path],
    undisturbed: tuple[dict[str, object], list[float]],
    seed: int,
) -> None:
    expected, seconds = undisturbed
    dice = random.Random(100 + seed)
    for _ in range(6):
        database = fresh(f"soak{seed}")
        over = _killed_and_resumed(database, deliveries, seconds, dice)
        _assert_no_trace(database, expected)
        if not any(over):
            return
        # A blow after the end is none: again, by what the load takes now.
        seconds = [took or lasts for took, lasts in zip(over, seconds, strict=True)]
    pytest.fail("the import was over before the blow, six times running")


def test_a_second_import_of_the_group_waits_and_readers_do_not(
    fresh: Callable[[str], Database], deliveries: list[Path]
) -> None:
    database = fresh("queued")
    load(database, deliveries[0])
    with psycopg.connect(database.dsn, autocommit=True) as holder:
        holder.execute("select pg_advisory_lock(hashtext('parcfolio import'), hashtext('XQ'))")
        process = database.start("import_data", str(deliveries[1]), "--json")
        assert process.stderr is not None
        assert any("waiting" in line for line in process.stderr)
        assert process.poll() is None
        holder.execute("select pg_advisory_unlock_all()")
        began, slowest = time.monotonic(), 0.0
        threading.Thread(target=process.stderr.read, daemon=True).start()
        while process.poll() is None and time.monotonic() < began + 120:
            asked = time.monotonic()
            holder.execute("set lock_timeout = '2s'")
            holder.execute("select count(*), sum(cost_fen) from customers_visit")
            slowest = max(slowest, time.monotonic() - asked)
    assert process.wait() == 0
    assert slowest < 2
