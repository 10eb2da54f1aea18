"""What a run says is kept as a code with figures and told in the reader's language."""

import json

import pytest
from django.utils.translation import override

from ml import runs
from ml.configuration import DEFAULTS
from ml.extraction import NotEnoughData
from ml.models import TrainingRun
from ml.remarks import TEMPLATES, Remark, all_in_words, as_remark, in_words, said_by, stored
from organization.access import entered
from tests.factories import Group
from tests.valuation.score_sets import AS_OF


def test_a_remark_is_its_english_sentence_wherever_it_is_raised() -> None:
    with override("zh-hans"):
        said = Remark("too_few_customers", found=3, day=AS_OF, least=100)
    assert said.startswith("3 customers were born before 2025-01-01; at least 100")
    assert str(NotEnoughData(said)) == said


def test_what_is_stored_is_told_in_the_readers_language() -> None:
    error = NotEnoughData(Remark("nobody_born", day=AS_OF))
    kept = json.loads(json.dumps(stored([said_by(error), Remark("not_finite")])))
    with override("zh-hans"):
        words = all_in_words(kept)
    assert "2025-01-01" in words
    assert "customer" not in words


def test_remarks_within_a_remark_are_told_too() -> None:
    parts = [Remark("figure_against", figure="roc_auc", challenger="0.71", champion="0.75")]
    kept = Remark("churn_worse", figures=parts).as_dict()
    with override("zh-hans"):
        assert "against" not in in_words(kept)
    with override("en"):
        assert in_words(kept).endswith("roc_auc 0.71 against 0.75")


def test_words_of_others_stay_as_they_came() -> None:
    assert as_remark("100% broken: %(x)s") == "100% broken: %(x)s"
    assert all_in_words([], "kept by an older version") == "kept by an older version"


@pytest.mark.parametrize("code", TEMPLATES)
def test_every_translation_names_the_figures_of_the_english_sentence(code: str) -> None:
    def figures(text: str) -> set[str]:
        marks: dict[str, str] = {}

        class Seen(dict):
            def __missing__(self, key: str) -> str:
                marks[key] = ""
                return "1"

        text % Seen()
        return set(marks)

    with override("en"):
        english = str(TEMPLATES[code])
    with override("zh-hans"):
        chinese = str(TEMPLATES[code])
    assert figures(english) == figures(chinese)


def test_a_cancelled_run_says_so_in_both_languages(group: Group) -> None:
    run = runs.request_run(group.system, AS_OF, DEFAULTS)
    runs.cancel(group.system, run.pk, "王芳")
    with entered(group.system):
        ended = TrainingRun.objects.get(pk=run.pk)
    with override("en"):
        assert ended.said == ended.message == "Cancelled by 王芳."
    with override("zh-hans"):
        assert ended.said != ended.message
        assert "王芳" in ended.said
