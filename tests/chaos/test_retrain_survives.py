"""Workers, Redis and PostgreSQL die at random moments of a retraining: it ends published or cleanly
failed without a hand, and the scores that pages show are always those of one whole run."""

import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.chaos.site import CHUNK, ChaosSite, running_site

pytestmark = [
    pytest.mark.services,
    pytest.mark.slow,
    pytest.mark.xdist_group("chaos"),
]

CUSTOMERS = 1_500
SEED = 20261121
Blow = Callable[[ChaosSite], Any]
BLOWS: dict[str, Blow] = {
    "first worker": lambda site: site.kill_worker("first"),
    "second worker": lambda site: site.kill_worker("second"),
    "both workers": lambda site: [site.kill_worker(one) for one in ("first", "second")],
    "Redis": ChaosSite.restart_redis,
    "PostgreSQL": ChaosSite.restart_postgres,
}

CURRENT = """
select id from ml_scoreset where status = 'published' and withdrawn_at is null
order by as_of desc, published_at desc limit 1
"""
# All that a page shows of a set, in one figure; the same data and configuration give the same.
CONTENT = """
select count(*), md5(string_agg(md5(row(customer_id, store_id, p_alive, churn_12m, ltv_fen,
    visits_at_nodes, anchor_first, anchor_later, grade, risk, tags, evidence, reasons)::text), ''
    order by customer_id))
from ml_score where score_set_id = %s
"""
TAGS = """
select count(*), md5(string_agg(customer_id || code || evidence::text, '' order by customer_id,
    code)) from customers_customertag
"""
LEFT_OVER = """
select count(*) from ml_scoringchunk where inputs is not null
union all select count(*) from ml_scoreset where status = 'draft'
union all select count(*) from ml_trainingrun where status in ('queued', 'running')
"""


def shown(site: ChaosSite) -> tuple[Any, ...]:
    """Set in use, its content, the tags."""
    ((current,),) = site.query(CURRENT)
    return (current, *site.query(CONTENT, current)[0], *site.query(TAGS)[0])


@pytest.fixture(scope="module")
def site() -> Iterator[ChaosSite]:
    with running_site(CUSTOMERS) as started:
        yield started


@pytest.fixture(scope="module")
def calm(site: ChaosSite) -> tuple[tuple[Any, ...], float]:
    """What an undisturbed run shows, and how long it takes."""
    began = time.monotonic()
    run_id = site.request_run()
    assert site.wait_for_end(run_id) == "published", site.logs()
    return shown(site)[1:], time.monotonic() - began


def test_two_workers_that_share_only_postgresql_and_redis_share_the_scoring(
    site: ChaosSite, calm: Any
) -> None:
    workers = site.query("select distinct worker from ml_scoringchunk")
    assert len(workers) >= 2, workers
    ((chunks, attempts),) = site.query("select count(*), sum(attempts) from ml_scoringchunk")
    assert chunks == attempts == CUSTOMERS / CHUNK
    assert not list(site.folder.glob("var-*/**/*.skops"))


def strike(site: ChaosSite, calm: tuple[tuple[Any, ...], float], blow: Blow, after: float) -> str:
    """Begin a run, strike, let the installation mend itself; how the run ended."""
    content, _seconds = calm
    before = shown(site)
    run_id = site.request_run()
    while site.status(run_id) == "queued":
        time.sleep(0.1)
    time.sleep(after)
    blow(site)
    ended = site.wait_for_end(run_id)
    after_all = shown(site)
    # Whatever happened, what is shown is one whole set, bit for bit that of an undisturbed run.
    assert after_all[1:] == content
    if ended == "published":
        assert after_all[0] != before[0]
    else:
        assert ended == "failed"
        assert after_all == before
        ((message,),) = site.query("select message from ml_trainingrun where id = %s", run_id)
        assert message
    deadline = time.monotonic() + 60
    while any(count for (count,) in site.query(LEFT_OVER)):
        assert time.monotonic() < deadline, site.query(LEFT_OVER)
        time.sleep(0.5)
    return ended


@pytest.mark.parametrize("what", ["both workers", "PostgreSQL"])
def test_a_blow_at_a_seeded_moment(site: ChaosSite, calm: Any, what: str) -> None:
    moment = random.Random(f"{SEED} {what}").random()
    assert strike(site, calm, BLOWS[what], moment * calm[1]) == "published"


def test_a_worker_that_dies_while_it_scores_is_replaced_at_its_chunk(
    site: ChaosSite, calm: Any
) -> None:
    run_id = site.request_run()
    site.wait_for_stage(run_id, "score")
    site.kill_worker("first")
    site.kill_worker("second")
    assert site.wait_for_end(run_id) == "published"
    assert shown(site)[1:] == calm[0]
    ((attempts, fitted),) = site.query(
        "select r.attempts, (select count(distinct created_at) from ml_modelversion m"
        " where m.run_id = r.id and kind = 'churn') from ml_trainingrun r where id = %s",
        run_id,
    )
    assert attempts == 2
    assert fitted == 1  # the second attempt went on with the models of the first


@pytest.mark.soak
def test_twenty_random_moments(site: ChaosSite, calm: Any, record_property: Any) -> None:
    draw = random.Random(SEED)
    ended = {}
    for number in range(20):
        what = draw.choice(sorted(BLOWS))
        after = draw.random() * calm[1]
        ended[f"{number + 1}: {what} after {after:.1f} s"] = strike(site, calm, BLOWS[what], after)
    record_property("ended", ended)
    assert set(ended.values()) <= {"published", "failed"}
    assert list(ended.values()).count("published") >= 18
