"""What manage.py says where the installation is at fault: one message, status 2, no traceback."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.db import DatabaseError, connection
from django.db.utils import ProgrammingError

from config.command_line import explained
from tests.demo_site import ROOT, clean_environment

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
NOWHERE = "postgres://parcfolio_app:se/cret@127.0.0.1:1/parcfolio"
CONFIGURED = {
    "SECRET_KEY": "only-for-tests",
    "PARCFOLIO_MASTER_KEY": KEY,
    "DATABASE_URL": NOWHERE.replace("se/cret", "secret"),
}


def manage(var: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env=clean_environment(var) | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "cannot be used: connection failed"),
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"PARCFOLIO_MASTER_KEY": ""}, "PARCFOLIO_MASTER_KEY_FILE"),
        ({"DATABASE_URL": "mysql+odd://u:secret@h/n"}, "postgres://USER:PASSWORD@HOST"),
        ({"DATABASE_URL": NOWHERE}, "postgres://USER:PASSWORD@HOST"),
        ({"API_BULK_MB": "many"}, "API_BULK_MB is 'many': a whole number is expected"),
        ({"PARCFOLIO_HTTPS": "ture"}, "PARCFOLIO_HTTPS is 'ture': write 1 or 0"),
    ],
)
def test_what_is_wrong_is_named_without_a_traceback(
    tmp_path: Path, environment: dict[str, str], said: str
) -> None:
    given = CONFIGURED | environment
    done = manage(tmp_path, "value", "--json", **{k: v for k, v in given.items() if v})
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "secret" not in done.stderr


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where the folder should be")
    done = manage(tmp_path / "var", "value", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "PARCFOLIO_VAR" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.services
def test_a_database_that_was_never_migrated_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    done = manage(tmp_path / "var", "value", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].endswith("run manage.py migrate first.")
    assert "Traceback" not in done.stderr


@pytest.mark.django_db(transaction=True)
def test_an_error_of_a_statement_is_not_explained_away() -> None:
    with pytest.raises(ProgrammingError), explained():
        connection.cursor().execute("select from no_such_table")
    with pytest.raises(DatabaseError), explained():
        connection.cursor().execute("set statement_timeout = 1; select pg_sleep(1)")
    connection.close()
