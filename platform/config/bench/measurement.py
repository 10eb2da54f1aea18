"""What a measurement is made of: seconds per stage, peak memory, the machine it ran on."""

import os
import platform
import re
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PROC = Path("/proc")
MEGABYTE = 1024 * 1024
SAMPLE_SECONDS = 0.1
LIBRARIES = ("django", "psycopg", "numpy", "pandas", "scikit-learn", "lifetimes")


class Stages:
    """Wall-clock seconds by stage, in the order in which the stages ran."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[stage] = round(time.perf_counter() - began, 4)


class Effort:
    """Seconds of processor time by stage: of this process, and of one PostgreSQL backend that works
    for it (None where it cannot be seen). On a machine that is shared they say more than the wall
    clock."""

    def __init__(self, backend: int) -> None:
        self._backend = backend
        self.seconds: dict[str, dict[str, float | None]] = {}

    @contextmanager
    def counted(self, stage: str) -> Iterator[None]:
        own, theirs = time.process_time(), _processor_seconds(self._backend)
        yield
        now = _processor_seconds(self._backend)
        self.seconds[stage] = {
            "own": round(time.process_time() - own, 2),
            "postgres": None if theirs is None or now is None else round(now - theirs, 2),
        }


def _processor_seconds(pid: int) -> float | None:
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class PeakMemory:
    """Largest resident memory while the block runs, in MB of 2^20 bytes.

    ``own_mb``: this process with its children. ``postgres_mb``: all processes of one PostgreSQL
    server, private memory summed and shared memory counted once; None where the server's processes
    cannot be seen from here. Children and server are sampled ten times a second, this process's own
    peak is the kernel's.
    """

    def __init__(self, postmaster: int | None = None) -> None:
        self._postmaster = postmaster
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="memory", daemon=True)
        self._tree = 0
        self._postgres = 0

    def __enter__(self) -> Self:
        _forget_peak()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._tree = max(self._tree, _own_peak())

    @property
    def own_mb(self) -> float:
        return round(self._tree / MEGABYTE, 1)

    @property
    def postgres_mb(self) -> float | None:
        return round(self._postgres / MEGABYTE, 1) if self._postgres else None

    def figures(self) -> dict[str, float | None]:
        """The keys of the report."""
        return {"peak_mb": self.own_mb, "postgres_peak_mb": self.postgres_mb}

    def _sample(self) -> None:
        while True:
            parents = _parents()
            mine = [_resident(pid)[0] for pid in _descendants(os.getpid(), parents)]
            self._tree = max(self._tree, sum(mine))
            if self._postmaster is not None:
                servers = [_resident(pid) for pid in _descendants(self._postmaster, parents)]
                private = sum(whole - shared for whole, shared in servers)
                once = max((shared for _, shared in servers), default=0)
                self._postgres = max(self._postgres, private + once)
            if self._stop.wait(SAMPLE_SECONDS):
                return


def _forget_peak() -> None:
    """Let the kernel's peak start anew, so that what went before does not count."""
    try:
        (PROC / "self" / "clear_refs").write_text("5")
    except OSError:
        return  # not Linux, or forbidden: the peak then counts from the start of the process


def _own_peak() -> int:
    """Bytes."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", (PROC / "self" / "status").read_text())
    except OSError:
        found = None
    if found:
        return int(found[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024


def _parents() -> dict[int, int]:
    """Parent of every process that can be seen; empty where there is no /proc."""
    found = {}
    for entry in PROC.glob("[0-9]*"):
        try:
            # The name of the program stands in brackets and may hold anything.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        found[int(entry.name)] = int(fields[1])
    return found


def _descendants(root: int, parents: dict[int, int]) -> list[int]:
    """``root`` and all below it."""
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def _resident(pid: int) -> tuple[int, int]:
    """Resident bytes of a process and the shared part of them; zeros once it has ended."""
    try:
        _, resident, shared, *_ = (PROC / str(pid) / "statm").read_text().split()
    except OSError:
        return 0, 0
    page = os.sysconf("SC_PAGESIZE")
    return int(resident) * page, int(shared) * page


def postmaster_of(backend: int) -> int | None:
    """The server's first process, if the backend with that number runs on this machine."""
    try:
        name = (PROC / str(backend) / "comm").read_text()
    except OSError:
        return None
    return _parents().get(backend) if name.startswith("postgres") else None


def machine() -> dict[str, Any]:
    """Where a figure was measured; ``load`` is the load average when the measurement ended."""
    model = "unknown"
    try:
        found = re.search(r"model name\s*:\s*(.+)", (PROC / "cpuinfo").read_text())
        model = found[1] if found else model
    except OSError:
        model = platform.processor() or model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": model,
        "cores": cores,
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
    }
