"""Options of `make demo` that cannot be meant are refused before anything is started."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from config.demo import DemoOptions, _logins


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--customers", "299", "--customers 299 is outside 300 to 5,000,000"),
        ("--customers", "5000001", "outside 300 to 5,000,000"),
        ("--seed", "-1", "--seed -1 is outside 0"),
        ("--port", "65536", "--port 65536 is outside 1 to 65,535"),
        ("--until", "2026-31-12", "'2026-31-12' is no date"),
    ],
)
def test_refused_with_what_would_be_right(
    monkeypatch: pytest.MonkeyPatch, option: str, value: str, said: str
) -> None:
    monkeypatch.setattr("config.management.commands.demo.run", pytest.fail)
    with pytest.raises(CommandError, match=said):
        call_command("demo", option, value)


@pytest.mark.parametrize(("serve", "shown"), [(True, True), (False, False)])
def test_an_address_is_named_only_where_something_serves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], serve: bool, shown: bool
) -> None:
    import sys

    _logins(DemoOptions(serve=serve), tmp_path, sys.stdout)
    out = capsys.readouterr().out
    assert ("http://127.0.0.1:8000" in out) is shown
    assert ("Nothing serves now" in out) is not shown
    assert str(tmp_path) in out
