"""Files and columns of the exchange format under names that people know."""

import pytest
from django.utils.translation import override

from customers.importing.kinds import KINDS
from customers.importing.names import FILES, column_words, file_words


def test_every_file_of_the_format_has_a_name() -> None:
    assert set(FILES) == set(KINDS)


def test_a_file_is_named_in_words_and_by_what_it_must_be_called() -> None:
    with override("zh-hans"):
        assert file_words("visits") == "进厂工单 · visits"
        assert file_words("unheard_of") == "unheard_of"


@pytest.mark.parametrize(("language", "said"), [("zh-hans", "手机 · mobile"), ("en", "mobile")])
def test_a_column_is_called_by_its_chinese_title_in_chinese(language: str, said: str) -> None:
    with override(language):
        assert column_words("customers", "mobile") == said


def test_a_column_that_the_format_has_not_stands_as_it_came() -> None:
    with override("zh-hans"):
        assert column_words("customers", "zodiac") == "zodiac"
