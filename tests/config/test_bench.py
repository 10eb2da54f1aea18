"""``manage.py bench``: the keys of its reports, what it refuses, and that it leaves nothing behind.

Sizes are tiny and no time is asserted: what is fast enough is said in docs/benchmarks.md.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import pytest

from config.bench.catalogue import BENCHES, BenchRefused, Order
from config.bench.measurement import Stages
from config.bench.purchases import TRUTH, WINDOW_DAYS, draw
from config.bench.runner import run

ROOT = Path(__file__).resolve().parents[2]
COMMON = {"name", "customers", "seed", "seconds", "peak_mb", "postgres_peak_mb", "machine"}
COMPARED = {"peer", "peer_seconds", "ratio", "ratio_is"}


def start(*arguments: str, scratch: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "bench", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(scratch)},
    )


def bench(*arguments: str, scratch: Path) -> "subprocess.CompletedProcess[str]":
    child = start(*arguments, scratch=scratch)
    out, errors = child.communicate(timeout=280)
    return subprocess.CompletedProcess(child.args, child.returncode, out, errors)


@pytest.fixture
def scratch():
    """A temporary folder of the command's own, that the server's user may reach."""
    with tempfile.TemporaryDirectory(prefix="parcfolio-bench-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def reported(done: "subprocess.CompletedProcess[str]") -> dict:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class TestRefusals:
    def test_unknown_name(self, scratch):
        done = bench("speed", "--json", scratch=scratch)
        assert (done.returncode, done.stdout) == (2, "")
        assert "lifetime_value" in done.stderr

    @pytest.mark.parametrize("name", BENCHES)
    def test_size_out_of_range(self, name):
        with pytest.raises(BenchRefused, match="outside"):
            run(Order(name, BENCHES[name].lowest - 1, 1))

    def test_the_command_says_so_with_status_two(self, scratch):
        done = bench("pool", "--customers", "3", "--json", scratch=scratch)
        assert (done.returncode, done.stdout) == (2, "")
        assert "800 to 5,000,000" in done.stderr

    def test_no_other_database_than_the_scratch_one_is_measured_on(self, scratch):
        done = bench("pages", "--measure", str(scratch), "--json", scratch=scratch)
        assert (done.returncode, done.stdout) == (2, "")
        assert os.environ["PARCFOLIO_TEST_DATABASE"] in done.stderr

    def test_help_names_every_measurement(self, scratch):
        done = bench("--help", scratch=scratch)
        assert done.returncode == 0
        assert all(name in done.stdout for name in BENCHES)
        assert "--measure" not in done.stdout


class TestPurchases:
    def test_same_seed_same_rows(self):
        pd.testing.assert_frame_equal(draw(500, seed=3), draw(500, seed=3))
        assert not draw(500, seed=3).equals(draw(500, seed=4))

    def test_every_customer_buys_within_the_window(self):
        rows = draw(500, seed=3)
        days = (rows["day"] - pd.Timestamp("2020-01-01")).dt.days
        assert rows["customer"].nunique() == 500
        assert days.between(0, WINDOW_DAYS - 1).all()
        assert rows["day"].is_monotonic_increasing

    def test_mean_spend_is_that_of_the_law(self):
        """E[spend] = p·γ/(q − 1); over customers' means its error is about a hundredth."""
        means = draw(40_000, seed=3).groupby("customer")["revenue"].mean()
        law = TRUTH.p * TRUTH.gamma / (TRUTH.q - 1.0)
        assert means.mean() == pytest.approx(law, rel=0.03)


class TestMeasurement:
    def test_memory_of_the_block_is_seen_and_that_before_it_is_not(self):
        # In a process of its own: what other tests freed would hide what is allocated here.
        program = (
            "import sys; sys.path[:0] = ['.', 'platform']\n"
            "import numpy as np\n"
            "from config.bench.measurement import PeakMemory\n"
            "before = np.ones(40_000_000); del before\n"
            "with PeakMemory() as little: pass\n"
            "with PeakMemory() as much: held = np.ones(30_000_000)\n"
            "print(much.own_mb - little.own_mb, held.nbytes / 2**20, little.postgres_mb)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
        )
        more, held, postgres = done.stdout.split()
        assert float(more) > 0.8 * float(held)
        assert postgres == "None"

    def test_stages_keep_their_order(self):
        stages = Stages()
        for name in ("write", "a", "read"):
            with stages.timed(name):
                pass
        assert list(stages.seconds) == ["write", "a", "read"]


def test_lifetime_value_agrees_with_the_library(scratch):
    found = reported(
        bench("lifetime_value", "--customers", "1000", "--seed", "2", "--json", scratch=scratch)
    )
    assert (COMMON | COMPARED | {"max_relative_difference", "fits"}) <= set(found)
    assert set(found["seconds"]) == {"statistics", "fits", "values", "total"}
    assert found["compared"] == 1000
    assert found["statistics_equal"]
    assert found["max_relative_difference"] < 1e-6
    assert found["fits"]["transactions"]["max_relative_difference"] < 1e-3


@pytest.mark.soak
class TestOnAScratchDatabase:
    """Each starts a server of its own."""

    def test_import(self, scratch):
        found = reported(bench("import", "--customers", "60", "--json", scratch=scratch))
        assert (COMMON | COMPARED | {"max_relative_difference", "visits"}) <= set(found)
        assert {"import", "again", "bare_copy"} <= set(found["seconds"])
        assert found["max_relative_difference"] == 0
        assert found["visits"]["rows"] == found["rows"]["visits"]
        assert (found["again"]["created"], found["again"]["updated"]) == (0, 0)
        assert list(scratch.iterdir()) == []

    def test_retrain(self, scratch):
        found = reported(bench("retrain", "--customers", "800", "--json", scratch=scratch))
        assert set(found) >= COMMON | {"scored"}
        assert {"prepare_group", "extract", "lifetime_value", "churn", "publish"} <= set(
            found["seconds"]
        )

    def test_valuation(self, scratch):
        found = reported(bench("valuation", "--customers", "800", "--json", scratch=scratch))
        assert set(found) >= COMMON | {"valued"}
        assert {"import", "retrain", "value", "again"} <= set(found["seconds"])

    def test_pool_is_the_sum_of_its_customers(self, scratch):
        found = reported(bench("pool", "--customers", "1000", "--json", scratch=scratch))
        assert set(found) >= COMMON | COMPARED
        assert found["customers_agree"]
        assert 0 < found["pool_customers"] < found["customers"]
        # Money of a month is rounded to fen, of a pool of a few hundred customers.
        assert found["max_relative_difference"] < 1e-5

    def test_pages(self, scratch):
        found = reported(bench("pages", "--customers", "800", "--json", scratch=scratch))
        assert set(found) >= COMMON | COMPARED
        shown = found["pages"]
        assert {"executive", "manager", "advisor"} <= {p["role"] for p in shown}
        assert found["failed"] == []
        assert all({"p95_ms", "queries", "without_rls_ms", "cost"} <= set(p) for p in shown)
        assert {"start", "customers", "profile"} <= {p["page"] for p in shown}
        assert found["answers_differ"] == []
        assert "audit (advisor)" in found["refused"]

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_takes_everything_down(self, scratch, number):
        child = start("import", "--customers", "5000", "--json", scratch=scratch)
        deadline = time.monotonic() + 60
        while not list(scratch.glob("*/server/postgres/postmaster.pid")):
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.1)
        [started] = scratch.glob("*/server/postgres/postmaster.pid")
        postmaster = int(started.read_text().split()[0])
        child.send_signal(number)
        child.communicate(timeout=60)
        assert child.returncode != 0
        assert list(scratch.iterdir()) == []
        with pytest.raises(ProcessLookupError):
            os.kill(postmaster, 0)
