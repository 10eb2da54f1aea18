"""A whole installation whose parts can be killed: PostgreSQL, Redis, two training workers on two
"machines" (own folders, own names), a worker of the default queue, and beat.

A supervisor starts again what has died, as systemd or compose would; nothing else helps.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import redis

from config.embedded import EmbeddedPostgres, redis_program
from config.services import APPLICATION_ROLE, OWNER_ROLE, create_database, create_roles
from tests.demo_site import ROOT

DATABASE = "parcfolio_chaos"
UNTIL = date(2026, 1, 1)
LEASE_SECONDS = 6
CHUNK = 20
CELERY = (sys.executable, "-m", "celery", "-A", "config.celery:app")
QUIET = ("--loglevel", "WARNING", "--without-gossip", "--without-mingle")


def training(name: str) -> list[str]:
    return [*CELERY, "worker", "-Q", "training", "-P", "solo", "-n", f"{name}@chaos", *QUIET]


@dataclass
class Service:
    """One supervised process with a folder and a log of its own."""

    name: str
    command: list[str]
    environment: dict[str, str]
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """SIGKILL to it and to what it has started, as when a container or a machine goes."""
        if self.process is not None and self.process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@dataclass
class ChaosSite:
    folder: Path
    postgres: EmbeddedPostgres
    environment: dict[str, str]
    services: dict[str, Service] = field(default_factory=dict)
    _calm: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)

    # What dies.

    def kill_worker(self, name: str) -> None:
        self.services[name].kill()

    def restart_redis(self) -> None:
        """The broker forgets everything that it was told."""
        self.services["redis"].kill()
        (self.folder / "redis" / "dump.rdb").unlink(missing_ok=True)

    def restart_postgres(self) -> None:
        """As after a power cut: no farewell, recovery from the log."""
        with self._calm:
            self.postgres._run(
                *("pg_ctl", "-w", "-m", "immediate", "-D", str(self.postgres.data), "stop")
            )
            time.sleep(1)
            self.postgres.start()

    # What is asked.

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows as the superuser sees them; waits for a server that is being restarted."""
        deadline = time.monotonic() + 60
        while True:
            try:
                with psycopg.connect(self.postgres.superuser_dsn(DATABASE)) as connection:
                    return connection.execute(statement, values or None).fetchall()
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, "PostgreSQL did not come back"
                time.sleep(0.2)

    def request_run(self, *, score_only: bool = False) -> int:
        """Queue a run and tell nobody: the watchdog must find it."""
        out = self.manage(
            "shell",
            "-v0",
            "-c",
            "from ml import runs; from ml.configuration import DEFAULTS;"
            "from organization.access import Access; from organization.tenants import *;"
            "from datetime import date;"
            "access = Access.system(choose_tenant(None).pk, 'chaos');"
            f"run = runs.request_run(access, date({UNTIL:%Y, %-m, %-d}), DEFAULTS,"
            f" score_only={score_only}); print(run.pk)",
        )
        return int(out.split()[-1])

    def status(self, run_id: int) -> str:
        return str(self.query("select status from ml_trainingrun where id = %s", run_id)[0][0])

    def wait_for_end(self, run_id: int, seconds: float = 240) -> str:
        deadline = time.monotonic() + seconds
        while (status := self.status(run_id)) in ("queued", "running"):
            assert time.monotonic() < deadline, f"run {run_id} is {status}\n{self.logs()}"
            time.sleep(0.3)
        return status

    def wait_for_stage(self, run_id: int, stage: str, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        find = "select stage, status from ml_trainingrun where id = %s"
        while (found := self.query(find, run_id)[0])[0] != stage:
            assert found[1] in ("queued", "running"), f"run {run_id} ended: {found}"
            assert time.monotonic() < deadline, f"run {run_id} is at {found}\n{self.logs()}"
            time.sleep(0.05)

    def logs(self) -> str:
        return "\n".join(
            f"== {log.name}\n{log.read_text(errors='replace')[-1500:]}"
            for log in sorted(self.folder.glob("*.log"))
        )

    # The supervisor.

    def start(self, *names: str) -> None:
        for name in names:
            self.services[name].start()

    def supervise(self) -> None:
        while not self._over.wait(0.3):
            for service in self.services.values():
                if service.process is not None and service.process.poll() is not None:
                    service.start()

    def close(self) -> None:
        self._over.set()
        for service in self.services.values():
            service.kill()


def _await_redis(url: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            redis.Redis.from_url(url).ping()
        except redis.RedisError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("Redis did not start")


def _environment(folder: Path, postgres: EmbeddedPostgres, socket: Path) -> dict[str, str]:
    owner, application = ((r, secrets.token_hex(12)) for r in (OWNER_ROLE, APPLICATION_ROLE))
    create_roles(postgres.superuser_dsn(), owner=owner, application=application)
    create_database(
        postgres.superuser_dsn(), DATABASE, owner=OWNER_ROLE, application=APPLICATION_ROLE
    )
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {
        "DATABASE_URL": postgres.url(*application, DATABASE),
        "DATABASE_OWNER_URL": postgres.url(*owner, DATABASE),
        "REDIS_URL": f"unix://{socket}?db=0",
        "SECRET_KEY": secrets.token_hex(32),
        "PARCFOLIO_MASTER_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "PARCFOLIO_HTTPS": "0",
        "PARCFOLIO_VAR": str(folder / "var"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "platform")]),
        "TRAINING_LEASE_SECONDS": str(LEASE_SECONDS),
        "SCORING_CHUNK_CUSTOMERS": str(CHUNK),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "passive",
        "LOG_LEVEL": "WARNING",
    }


@contextmanager
def running_site(customers: int) -> Iterator[ChaosSite]:
    """Everything started, with a group of ``customers`` loaded and nothing trained yet."""
    folder = Path(tempfile.mkdtemp(prefix="parcfolio-chaos-"))
    folder.chmod(0o755)
    postgres = EmbeddedPostgres(folder / "server")
    postgres.folder.mkdir()
    socket = Path(tempfile.mkdtemp(prefix="parcfolio-chaos-redis-")) / "redis.sock"
    (folder / "redis").mkdir()
    postgres.start()
    site = ChaosSite(folder, postgres, _environment(folder, postgres, socket))
    try:
        (folder / "var").mkdir()
        site.manage("migrate", "--verbosity", "0")
        site.manage(
            *("shell", "-v0", "-c"),
            "from config.bench.bulk_load import load_group; from datetime import date;"
            f"load_group({customers}, 1, date({UNTIL:%Y, %-m, %-d}), stores=4)",
        )
        _add_services(site, socket)
        site.start("redis")
        _await_redis(site.environment["REDIS_URL"])
        site.start(*(name for name in site.services if name != "redis"))
        threading.Thread(target=site.supervise, daemon=True).start()
        yield site
    finally:
        site.close()
        with suppress(Exception):  # it may be down already
            postgres.stop()
        for left in (folder, postgres.sockets, postgres.data, socket.parent):
            shutil.rmtree(left, ignore_errors=True)


def _add_services(site: ChaosSite, socket: Path) -> None:
    commands = {
        "redis": [
            *(redis_program(), "--port", "0", "--unixsocket", str(socket)),
            *("--dir", str(site.folder / "redis"), "--save", "", "--appendonly", "no"),
        ],
        "first": training("first"),
        "second": training("second"),
        "default": [*CELERY, "worker", "-Q", "default", "-P", "solo", "-n", "default@c", *QUIET],
        "beat": [*CELERY, "beat", "-s", str(site.folder / "schedule"), "--loglevel", "WARNING"],
    }
    for name, command in commands.items():
        var = site.folder / f"var-{name}"  # nothing is shared through a folder
        var.mkdir()
        environment = site.environment | {"PARCFOLIO_VAR": str(var)}
        site.services[name] = Service(name, command, environment, site.folder)
