"""``manage.py generate_demo``: one JSON object, or exit status 2 and a reason."""

import json

import pytest
from django.core.management import call_command


def test_json_tells_what_was_written(tmp_path, capsys):
    out = tmp_path / "group"
    call_command("generate_demo", str(out), "--customers", "60", "--until", "2026-01-01", "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["until"] == "2026-01-01"
    assert told["rows"]["customers"] == len((out / "customers.csv").read_text().splitlines()) - 1
    assert "ceo" in [login["username"] for login in told["logins"]]


def test_too_few_customers_are_refused_with_status_two(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        call_command("generate_demo", str(tmp_path), "--customers", "5")
    assert stopped.value.code == 2
    told = capsys.readouterr()
    assert "at least 50" in told.err
    assert told.out == ""
