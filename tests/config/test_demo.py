"""`make demo` as a user meets it: everything starts, loads, serves, and is gone afterwards."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest

from tests.demo_site import ROOT, DemoSite, clean_environment, free_port

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.xdist_group("demo")]


def _get(url: str) -> tuple[int, str]:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.status, answer.read().decode()


def test_one_login_a_role_is_printed(demo_site: DemoSite) -> None:
    for role in ("executive", "service advisor", "data steward", "auditor", "administrator"):
        assert role in demo_site.output


def test_health_and_readiness(demo_site: DemoSite) -> None:
    assert _get(f"{demo_site.url}/healthz")[0] == 200
    status, body = _get(f"{demo_site.url}/readyz")
    assert (status, json.loads(body)["checks"]) == (
        200,
        {"database": "ok", "migrations": "ok", "broker": "ok"},
    )


def test_nothing_listens_beyond_loopback(demo_site: DemoSite) -> None:
    parent = psutil.Process(demo_site.process.pid)
    for process in [parent, *parent.children(recursive=True)]:
        for connection in process.net_connections(kind="inet"):
            if connection.status == psutil.CONN_LISTEN:
                assert connection.laddr.ip == "127.0.0.1"


def test_value_adds_up_and_names_its_inputs(demo_site: DemoSite) -> None:
    group = demo_site.json("value")
    assert {"as_of", "unit", "customers", "currency", "p5", "p50", "p95"} <= set(group)
    assert group["p5"] < group["p50"] < group["p95"]
    total = round(sum(month["present_value"] for month in group["monthly"]), 2)
    assert total == group["expected"]
    divisions = [demo_site.json("value", "--unit", f"XQ-{code}") for code in ("LUX", "JV", "OWN")]
    assert round(sum(part["expected"] for part in divisions), 2) == group["expected"]
    assert round(sum(bar["amount"] for bar in group["bridge"]), 2) == group["expected"]
    assert len(group["input_hash"]) == 64


def test_scores_are_written_for_every_customer(demo_site: DemoSite, tmp_path: Path) -> None:
    target = tmp_path / "scores.csv"
    outcome = demo_site.json("scores", "--csv", str(target))
    lines = target.read_text(encoding="utf-8").splitlines()
    assert len(lines) == outcome["customers"] + 1
    assert lines[0].startswith("store_code,customer_no,p_alive,churn_12m,")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("value", "--unit", "NOWHERE"), "NOWHERE"),
        (("value", "--group", "ZZ"), "ZZ"),
        (("retrain", "--as-of", "2031-01-01"), "future"),
        (("retrain", "--as-of", "2001-01-01"), "before the first visit"),
        (("value", "--as-of", "2025-06-01"), "manage.py retrain --as-of 2025-06-01"),
        (("import_data", "no-such-folder"), "no-such-folder"),
    ],
)
def test_refused_input_is_named_and_ends_with_status_2(
    demo_site: DemoSite, arguments: tuple[str, ...], said: str
) -> None:
    done = demo_site.manage(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_without_any_redis_the_way_out_is_named(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path[:0] = ['.', 'platform']\n"
        "import config.embedded as e\n"
        "e.util.find_spec = lambda name: None\n"
        "e.shutil.which = lambda name: None\n"
        "try:\n    e.redis_program()\nexcept e.ServiceUnavailable as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert "REDIS_URL" in done.stdout


def test_the_past_is_added_once(demo_site: DemoSite) -> None:
    for _again in range(2):
        done = demo_site.manage("demo_history", "--group", "XQ")
        assert done.returncode == 0, done.stderr
    # Told of the second start: nothing was left to do.
    assert done.stdout == ""
    before = demo_site.json("value", "--as-of", "2026-10-01")
    assert before["as_of"] == "2026-10-01"
    assert before["customers"] > 0
    assert demo_site.json("value")["as_of"] == "2026-11-01"


def test_commands_of_the_readme_work_as_they_stand_there(
    demo_site: DemoSite, tmp_path: Path
) -> None:
    start = ".venv/bin/python manage.py "
    readme = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    lines = [line.partition("#")[0].split()[2:] for line in readme if line.startswith(start)]
    assert len(lines) == 5
    for arguments in lines:
        if arguments[0] == "bench":  # its size takes a minute; tests/config/test_bench.py runs it
            continue
        target = [str(tmp_path / one) if one == "scores.csv" else one for one in arguments]
        done = demo_site.manage(*target)
        assert done.returncode == 0, done.stderr
        if "--json" in arguments:
            assert json.loads(done.stdout)


def test_a_second_one_in_the_same_folder_is_refused(demo_site: DemoSite) -> None:
    done = demo_site.manage("demo", "--port", str(free_port()))
    assert (done.returncode, done.stdout) == (2, "")
    assert "A demonstration runs from" in done.stderr
    assert _get(f"{demo_site.url}/readyz")[0] == 200  # its Redis is still there


def test_a_port_that_is_taken_is_refused_before_anything_starts(
    demo_site: DemoSite,
) -> None:
    port = demo_site.url.rsplit(":", 1)[1]
    done = demo_site.manage("demo", "--port", port)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"Port {port} of 127.0.0.1 cannot be used" in done.stderr
    assert "→" not in done.stderr
