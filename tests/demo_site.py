"""A whole demonstration for tests: services, workers, beat and web server as a user gets them.

Started once a run (all tests that need it share an xdist group) in a folder of its own.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CUSTOMERS = 800
UNTIL = "2026-11-01"


def clean_environment(var: Path) -> dict[str, str]:
    """An environment that says nothing of databases, keys or the tests' own settings."""
    names = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "OMP_NUM_THREADS")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return kept | {"PARCFOLIO_VAR": str(var)}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class DemoSite:
    """A running demonstration."""

    var: Path
    port: int
    password: str
    output: str
    process: "subprocess.Popen[str]"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def manage(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of manage.py against the demonstration's data."""
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=clean_environment(self.var),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=180,
        )

    def json(self, *arguments: str) -> dict[str, Any]:
        done = self.manage(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))


@contextmanager
def running_demo(var: Path, customers: int = CUSTOMERS, until: str = UNTIL) -> Iterator[DemoSite]:
    """Start ``manage.py demo``, wait until it serves; at the end SIGTERM must stop everything."""
    port = free_port()
    command = [sys.executable, str(ROOT / "manage.py"), "demo", "--customers", str(customers)]
    command += ["--port", str(port)] + (["--until", until] if until else [])
    # The tests ask for the past themselves: work beside them would change pages under their eyes.
    command += ["--no-history"]
    log = (var / "demo.log").open("w+")
    process = subprocess.Popen(
        command,
        env=clean_environment(var),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        start_new_session=True,
    )
    try:
        output = _read_until_ready(process, var)
        password = re.search(r"login: (\S+)", output)
        assert password, output
        _await_port(port, var)
        yield DemoSite(var, port, password.group(1), output, process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            log.close()


def _read_until_ready(process: "subprocess.Popen[str]", var: Path) -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Ctrl-C"):
            return "".join(lines)
    raise AssertionError(f"the demonstration ended:\n{(var / 'demo.log').read_text()[-6000:]}")


def _await_port(port: int, var: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"no web server:\n{(var / 'logs' / 'web.log').read_text()[-4000:]}")
