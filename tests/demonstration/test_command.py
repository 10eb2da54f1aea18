"""``manage.py generate_demo``: one JSON object, or exit status 2 and a reason."""

import json

import pytest
from django.core.management import CommandError, call_command


def test_json_tells_what_was_written(tmp_path, capsys):
    out = tmp_path / "group"
    call_command("generate_demo", str(out), "--customers", "60", "--until", "2026-01-01", "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["until"] == "2026-01-01"
    assert told["rows"]["customers"] == len((out / "customers.csv").read_text().splitlines()) - 1
    assert "ceo" in [login["username"] for login in told["logins"]]


def test_too_few_customers_are_refused_with_status_two(tmp_path, capsys):
    with pytest.raises(CommandError, match="at least 50") as refused:
        call_command("generate_demo", str(tmp_path), "--customers", "5")
    assert refused.value.returncode == 2
    assert capsys.readouterr().out == ""


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    target = tmp_path / "out"
    target.write_text("mine")
    with pytest.raises(CommandError, match=f"{target} cannot be written") as refused:
        call_command("generate_demo", str(target), "--customers", "60", "--until", "2026-01-01")
    assert refused.value.returncode == 2
    assert target.read_text() == "mine"
