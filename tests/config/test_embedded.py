"""The embedded server's data stay where they are found, or it says why they cannot be reached."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from config.embedded import EmbeddedPostgres, ServiceUnavailable


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server as somebody else")
def test_data_behind_a_closed_folder_are_not_replaced_by_an_empty_database() -> None:
    with TemporaryDirectory() as closed:  # 0700
        data = Path(closed) / "var" / "postgres"
        data.mkdir(parents=True)
        (data / "PG_VERSION").write_text("18")
        with pytest.raises(ServiceUnavailable, match=r"chmod o\+x"):
            EmbeddedPostgres(Path(closed) / "var")
