"""The demonstration: every service of a real installation, on this machine, on loopback only.

Runs the product's own commands one after the other as an operator would, with Redis, Celery workers
and beat beside them, and takes everything down again when it ends.
"""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import psycopg

from config.embedded import EmbeddedRedis, ServiceUnavailable
from config.services import ROOT, local_secrets, var_folder

GROUP = "XQ"


class StepFailed(Exception):
    """One step of the demonstration ended with an error; its own output says why."""


@dataclass(frozen=True)
class DemoOptions:
    customers: int = 5000
    seed: int = 1
    host: str = "127.0.0.1"
    port: int = 8000
    serve: bool = True
    until: str = ""
    history: bool = True


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def _manage(*arguments: str) -> None:
    started = time.monotonic()
    _say(f"→ manage.py {' '.join(arguments)}")
    done = subprocess.run(  # noqa: S603
        [sys.executable, str(ROOT / "manage.py"), *arguments], stdout=sys.stderr, cwd=ROOT
    )
    if done.returncode:
        raise StepFailed(f"manage.py {arguments[0]} ended with status {done.returncode}.")
    _say(f"  {time.monotonic() - started:.1f} s")


@contextmanager
def _process(name: str, command: Sequence[str], logs: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run ``command`` for the length of the block; its output goes to ``logs/<name>.log``."""
    log = (logs / f"{name}.log").open("ab")
    child = subprocess.Popen(  # noqa: S603
        command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, start_new_session=True
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait(5)
        log.close()


def _celery(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "celery", "-A", "config.celery:app", *arguments]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep ``folder`` to this demonstration: a second Redis would take the first one's socket."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "demo.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StepFailed(
                f"A demonstration runs from {folder} already: stop it (Ctrl-C where it started),"
                " or name another folder in PARCFOLIO_VAR."
            ) from error
        yield


@contextmanager
def _services(folder: Path) -> Iterator[None]:
    """Redis unless REDIS_URL is set, two workers and beat."""
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "platform")])
    os.environ["OMP_WAIT_POLICY"] = "passive"
    with ExitStack() as stack:
        if not os.environ.get("REDIS_URL"):
            os.environ["REDIS_URL"] = stack.enter_context(EmbeddedRedis(folder).running())
        common = ("--loglevel", "WARNING", "--without-gossip", "--without-mingle")
        for name, command in {
            "worker": _celery("worker", "-Q", "default", "-c", "1", "-n", "default@%h", *common),
            "training": _celery(
                *("worker", "-Q", "training", "-P", "solo", "-n", "training@%h", *common)
            ),
            "beat": _celery("beat", "-s", str(folder / "beat-schedule"), "--loglevel", "WARNING"),
        }.items():
            stack.enter_context(_process(name, command, logs))
        yield


def _is_loaded() -> bool:
    """Whether an earlier start has already made the demonstration group and its valuation."""
    url = os.environ["DATABASE_OWNER_URL"]
    with psycopg.connect(url.replace("postgres://", "postgresql://", 1)) as connection:
        found = connection.execute(
            "select exists (select from valuation_valuation v join organization_tenant t"
            " on t.id = v.tenant_id where t.code = %s)",
            [GROUP],
        ).fetchone()
    return bool(found and found[0])


def _load(options: DemoOptions, folder: Path) -> None:
    files = folder / "demo-files"
    until = ["--until", options.until] if options.until else []
    _manage(
        *("generate_demo", str(files), "--customers", str(options.customers)),
        *("--seed", str(options.seed), *until),
    )
    _manage("import_data", str(files))
    _manage("assess_quality", "--group", GROUP)
    _manage("demo_accounts", "--group", GROUP)
    _manage("retrain", "--group", GROUP, "--worker")
    _manage("value", "--group", GROUP)
    _manage("indicators", "--group", GROUP)
    _manage("make_follow_ups", "--group", GROUP)


def is_free(port: int) -> bool:
    """Whether the web server could listen on ``port`` of the loopback address."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((DemoOptions.host, port))
        except OSError:
            return False
    return True


def _logins(options: DemoOptions, folder: Path, out: TextIO) -> None:
    password = local_secrets(folder)["demo_password"]
    people = {
        "executive": "ceo",
        "division manager": "division_jv",
        "region manager": "region_east",
        "store manager": "store_manager",
        "service advisor": "advisor",
        "analyst": "analyst",
        "data steward": "steward",
        "auditor": "auditor",
        "administrator": "admin",
    }
    width = max(map(len, people))
    if options.serve:
        print(f"\nParcfolio on http://{options.host}:{options.port}", file=out)
    print(f"Password of every demonstration login: {password}", file=out)
    for role, username in people.items():
        print(f"  {role:<{width}}  {username}", file=out)
    last = (
        f"Ctrl-C stops everything; the data stay in {folder}."
        if options.serve
        else f"Nothing serves now: start again without --no-serve. The data stay in {folder}."
    )
    print(last, file=out, flush=True)


def run(options: DemoOptions) -> int:
    """Start, load on the first time, serve until interrupted. Returns the exit status."""
    folder = var_folder()
    began = time.monotonic()
    try:
        with _alone(folder):
            return _carry_out(options, folder, began)
    except (ServiceUnavailable, StepFailed) as error:
        _say(str(error))
        return 2
    except KeyboardInterrupt:
        _say("Stopped.")
    return 0


def _carry_out(options: DemoOptions, folder: Path, began: float) -> int:
    _manage("compile_translations")
    _manage("migrate", "--verbosity", "0")
    _manage("collectstatic", "--noinput", "--verbosity", "0")
    with _services(folder):
        if _is_loaded():
            _say(f"The group of an earlier start is used; to make another, delete {folder}.")
        else:
            _load(options, folder)
        _say(f"Ready after {time.monotonic() - began:.0f} s.")
        _logins(options, folder, sys.stdout)
        if options.serve:
            return _serve(options, folder)
    return 0


def _serve(options: DemoOptions, folder: Path) -> int:
    command = [
        *(sys.executable, "-m", "gunicorn", "config.wsgi"),
        *("--bind", f"{options.host}:{options.port}", "--workers", "2", "--threads", "2"),
        *("--timeout", "60", "--access-logfile", str(folder / "logs" / "access.log")),
    ]
    past = [sys.executable, str(ROOT / "manage.py"), "demo_history", "--group", GROUP]
    with ExitStack() as stack:
        web = stack.enter_context(_process("web", command, folder / "logs"))
        if options.history:  # beside the serving: a minute of work that nobody should wait for
            stack.enter_context(_process("history", past, folder / "logs"))
        status = web.wait()
        _say(f"The web server ended with status {status}; see {folder}/logs/web.log.")
        return 2
