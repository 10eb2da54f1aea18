"""Visits through gunicorn, 100,000 where so many are generated: posted in tens of thousands, posted
again, read page by page.

The group's units, customers and vehicles are loaded from files; its visits come as a store's
program would send them, one request after the other over one connection.
"""

import csv
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from config.bench.catalogue import Order
from config.bench.group import memory
from config.bench.measurement import Stages
from config.bench.scratch import StepFailed
from config.services import ROOT
from customers.importing.running import import_path
from customers.models import Visit
from organization.access import Access, entered
from organization.models import Account
from organization.tenants import choose_tenant
from organization.tokens import make_token

ROWS, PART = 100_000, 10_000
PAGE = 1_000
FIRST = ("org_units", "staff", "policies", "customers", "vehicles")
WORKERS, THREADS = 2, 2
_START_SECONDS = 60


def measure(order: Order) -> dict[str, Any]:
    """Keys of the report: seconds of the requests, rows a second, and what was answered.

    Raises:
        StepFailed: a request was refused, or its counts are not what is kept.
    """
    stages = Stages()
    folder = order.files.parent / "first"
    folder.mkdir()
    for kind in FIRST:
        shutil.copy(order.files / f"{kind}.csv", folder)
    with stages.timed("import_first"):
        import_path(folder)
    tenant = choose_tenant(None)
    access = Access.system(tenant.pk, "bench")
    with entered(access):
        steward = Account.objects.get(tenant=tenant, username="steward")
        token = make_token(steward, "bench", scope="write", units=[], days=1).text
    bodies = list(_bodies(order.files / "visits.csv"))
    with memory() as watched, _gunicorn(order.files.parent) as port:
        caller = _Caller(port, token)
        caller.ask("GET", "/api/v1/units/?page_size=1")  # workers have loaded the product
        posted, again = _Posted(), _Posted()
        with stages.timed("upsert"):
            posted.send(caller, bodies)
        with stages.timed("again"):
            again.send(caller, bodies)
        with stages.timed("read"):
            read, pages = _read(caller)
    with entered(access):
        kept = Visit.objects.count()
    if kept != posted.counts["created"]:
        raise StepFailed(f"{kept:,} visits are kept, {posted.counts['created']:,} were created")
    return {
        "seconds": stages.seconds,
        **watched.figures(),
        "rows": posted.counts["read"],
        "requests": len(bodies),
        "upsert": posted.figures(stages.seconds["upsert"]),
        "again": again.figures(stages.seconds["again"]),
        "read": {
            "rows": read,
            "pages": pages,
            "rows_per_second": round(read / stages.seconds["read"]),
        },
        "gunicorn": {"workers": WORKERS, "threads": THREADS},
    }


class _Posted:
    """What the requests of one round were answered."""

    def __init__(self) -> None:
        self.slowest = 0.0
        self.counts: dict[str, int] = {}

    def send(self, caller: "_Caller", bodies: list[bytes]) -> None:
        for body in bodies:
            began = time.perf_counter()
            answer = caller.ask("POST", "/api/v1/visits/bulk", body)
            if answer["status"] != "done":
                raise StepFailed(f"a request ended as {answer['status']}: {answer['message']}")
            self.slowest = max(self.slowest, time.perf_counter() - began)
            for name in ("read", "created", "updated", "unchanged", "superseded", "refused"):
                self.counts[name] = self.counts.get(name, 0) + answer[name]

    def figures(self, seconds: float) -> dict[str, Any]:
        return {
            **self.counts,
            "rows_per_second": round(self.counts["read"] / seconds),
            "slowest_request_seconds": round(self.slowest, 3),
        }


def _bodies(visits: Path) -> Iterator[bytes]:
    """The first ``ROWS`` visits as NDJSON, ``PART`` a body; empty cells are left out as null."""
    with visits.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.DictReader(stream)
        total = 0
        while part := list(islice(rows, min(PART, ROWS - total))):
            total += len(part)
            lines = (
                json.dumps({k: v or None for k, v in row.items()}, ensure_ascii=False)
                for row in part
            )
            yield "\n".join(lines).encode()


def _read(caller: "_Caller") -> tuple[int, int]:
    address, rows, pages = f"/api/v1/visits/?page_size={PAGE}", 0, 0
    while address:
        page = caller.ask("GET", address)
        rows, pages = rows + len(page["results"]), pages + 1
        address = re.sub(r"^http://[^/]+", "", page["next"] or "")
    return rows, pages


class _Caller:
    """A program with a token, over one kept connection."""

    def __init__(self, port: int, token: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        self.token = token

    def ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Accept-Language": "en"}
        if body is not None:
            headers |= {
                "Content-Type": "application/x-ndjson",
                "Idempotency-Key": str(uuid.uuid4()),
            }
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise StepFailed(f"{method} {path}: {answer.status} {text[:500].decode()}")
        return json.loads(text)


@contextmanager
def _gunicorn(folder: Path) -> Iterator[int]:
    """The product's web server on loopback, on the scratch database; its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [
        *(sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}"),
        *("--workers", str(WORKERS), "--threads", str(THREADS), "--timeout", "300"),
    ]
    path = os.pathsep.join([str(ROOT), str(ROOT / "platform")])
    with (folder / "gunicorn.log").open("wb") as log:
        server = subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": path}
        )
        try:
            _wait(port, server)
            yield port
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait(port: int, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
    raise StepFailed("gunicorn did not start; its log is in the scratch folder")
