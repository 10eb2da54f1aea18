"""Lines of the log: a refused request is one, a defect keeps its traceback."""

import logging
import sys

import pytest
from django.core.exceptions import PermissionDenied

from config.log_lines import RefusalsWithoutTraceback


def logged(error: Exception) -> str:
    try:
        raise error
    except type(error):
        record = logging.LogRecord(
            "django.request", logging.WARNING, "", 0, "Forbidden: %s", ("/value/",), sys.exc_info()
        )
    assert RefusalsWithoutTraceback().filter(record)
    return logging.Formatter("%(message)s").format(record)


def test_a_refusal_is_one_line_with_its_reason() -> None:
    assert logged(PermissionDenied("not your store")) == "Forbidden: /value/ (not your store)"


@pytest.mark.parametrize("error", [ValueError("wrong"), KeyError("unit")])
def test_a_defect_keeps_its_traceback(error: Exception) -> None:
    assert "Traceback" in logged(error)
