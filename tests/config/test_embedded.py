"""The embedded server's data and secrets stay what they are, or it says why they cannot."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from config.embedded import EmbeddedPostgres, ServiceUnavailable
from config.services import local_secrets


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server as somebody else")
def test_data_behind_a_closed_folder_are_not_replaced_by_an_empty_database() -> None:
    with TemporaryDirectory() as closed:  # 0700
        data = Path(closed) / "var" / "postgres"
        data.mkdir(parents=True)
        (data / "PG_VERSION").write_text("18")
        with pytest.raises(ServiceUnavailable, match=r"chmod o\+x"):
            EmbeddedPostgres(Path(closed) / "var")


def test_commands_that_start_at_once_agree_on_the_secrets() -> None:
    with TemporaryDirectory() as folder, ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: local_secrets(Path(folder) / "var"), range(16)))
        assert all(one == made[0] for one in made)
        kept = Path(folder) / "var" / "secrets.json"
        assert json.loads(kept.read_text()) == made[0]
        assert kept.stat().st_mode & 0o077 == 0
