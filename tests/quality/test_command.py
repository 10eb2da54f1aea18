"""``manage.py assess_quality``."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from customers.models import QualityReport
from organization.access import entered
from tests.factories import Group
from tests.quality.world import two_stores


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("assess_quality", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def delivered(group: Group) -> Group:
    with entered(group.system):
        two_stores(group)
    return group


def test_json_tells_score_parts_and_what_is_missing(delivered: Group) -> None:
    answer: dict[str, Any] = json.loads(run("--json"))
    with entered(delivered.system):
        report = QualityReport.objects.get()
    assert (answer["report"], answer["score"]) == (report.pk, report.score)
    assert answer["as_of"] == "2026-11-20"
    assert answer["gaps_beyond_2_percent"] == 1
    assert answer["stores"] == 4
    assert "surveys" in answer["missing_kinds"]
    assert set(answer["parts"]) == {
        *("completeness", "validity", "reconciliation", "timeliness", "kinds")
    }


def test_a_day_may_be_asked_for(delivered: Group) -> None:
    assert json.loads(run("--json", "--as-of", "2026-07-01"))["as_of"] == "2026-07-01"


def test_people_read_the_score_and_what_it_is_made_of(delivered: Group) -> None:
    text = run()
    assert "XQ as of 2026-11-20: data confidence" in text
    assert "reconciliation" in text
    assert "never supplied: visit_lines, surveys" in text


def test_a_group_must_be_named_where_there_are_two(delivered: Group, other_group: Group) -> None:
    with pytest.raises(CommandError, match="--group") as refused:
        run()
    assert refused.value.returncode == 2
    assert json.loads(run("--json", "--group", "XQ"))["stores"] == 4


def test_a_group_without_visits_is_refused(group: Group) -> None:
    with pytest.raises(CommandError, match="no visits") as refused:
        run()
    assert refused.value.returncode == 2
