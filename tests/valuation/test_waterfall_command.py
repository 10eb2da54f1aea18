"""``manage.py waterfall``: JSON on stdout, refusals with exit status 2, no database."""

import json

import pytest

from tests.valuation.test_waterfall import VECTORS
from valuation.management.commands.waterfall import Command


def run(*arguments: str) -> None:
    Command().run_from_argv(["manage.py", "waterfall", *arguments])


@pytest.fixture
def deal_file(tmp_path):
    def write(content) -> str:
        path = tmp_path / "deal.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return write


def test_json_report(deal_file, capsys):
    run(deal_file(VECTORS["W04"]["deal"]), "--json")
    report = json.loads(capsys.readouterr().out)
    assert set(report) == {"periods", "totals", "analytics"}
    assert set(report["periods"]) == set(VECTORS["W04"]["periods"])
    assert report["periods"]["a_bal"] == VECTORS["W04"]["periods"]["a_bal"]
    assert report["totals"] == pytest.approx(VECTORS["W04"]["totals"])
    assert report["analytics"]["first_trigger_period"] == 2


def test_no_negative_zero(deal_file, capsys):
    run(deal_file(VECTORS["W07"]["deal"]), "--json")
    assert "-0.0" not in capsys.readouterr().out


def test_table_for_people(deal_file, capsys):
    run(deal_file(VECTORS["W04"]["deal"]))
    out = capsys.readouterr().out
    assert "40,340.00" in out
    assert "triggered" in out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"A": {"balance": 100, "coupon": 600}, "collections": [1]}, "A.coupon"),
        ('{"A": {"balance": NaN, "coupon": 0.1}, "collections": [1]}', "A.balance"),
        ('{"A": 1, "A": 2}', "more than once"),
        ("{", "not a valid JSON deal"),
        ("[" * 100_000, "not a valid JSON deal"),
    ],
)
def test_refusals_leave_stdout_empty(deal_file, capsys, content, words):
    with pytest.raises(SystemExit) as exit_status:
        run(deal_file(content), "--json")
    captured = capsys.readouterr()
    assert exit_status.value.code == 2
    assert captured.out == ""
    assert words in captured.err


def test_a_file_that_is_not_there(tmp_path, capsys):
    with pytest.raises(SystemExit) as exit_status:
        run(str(tmp_path / "none.json"))
    assert exit_status.value.code == 2
    assert "cannot be read" in capsys.readouterr().err
