"""Names and vehicle numbers that are one slip apart, and those that are two people."""

import pytest

from customers.identity.similarity import likeness, one_slip, vin_slip


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("王小明", "王小民", True),  # replaced
        ("王小明", "王明小", True),  # exchanged
        ("王小明", "王小明明", True),  # added
        ("王小明", "王小明", False),  # equal is no slip
        ("王小明", "王大民", False),
        ("abcd", "badc", False),  # two exchanges
    ],
)
def test_one_slip(a: str, b: str, expected: bool) -> None:
    assert one_slip(a, b) is expected
    assert one_slip(b, a) is expected


def test_a_vin_keeps_its_length() -> None:
    assert vin_slip("LATPAB071W1005301", "LATPAB071W1005310")
    assert not vin_slip("LATPAB071W1005301", "LATPAB071W100530")


@pytest.mark.parametrize(
    ("a", "b", "kind", "expected"),
    [
        ("王芳", "王芳", "person", "same"),
        ("王芳", "王伟", "person", "none"),  # of two signs one is half a name
        ("欧阳慕雪", "欧阳慕云", "person", "slip"),
        ("王先生", "王芳", "person", "title"),
        ("欧阳女士", "欧阳慕雪", "person", "title"),
        ("欧先生", "欧阳慕雪", "person", "none"),
        ("", "王芳", "person", "unknown"),
        ("上海恒信科技有限公司", "上海恒信科技集团", "company", "stem"),
        ("上海恒信科技有限公司", "北京博远物流有限公司", "company", "none"),
    ],
)
def test_likeness(a: str, b: str, kind: str, expected: str) -> None:
    assert likeness(a, b, kind) == expected
    assert likeness(b, a, kind) == expected
