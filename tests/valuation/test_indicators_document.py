"""docs/indicators.md says of every indicator what the product computes."""

from pathlib import Path

import pytest
from django.utils import translation

from valuation.indicators.definition import DIMENSIONS
from valuation.indicators.definitions import described, of_dimension

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "indicators.md"
BEGIN, END = "<!-- catalogue -->", "<!-- end of catalogue -->"


def catalogue() -> str:
    """The tables by dimension, in English."""
    with translation.override("en"):
        lines = []
        for dimension, label in DIMENSIONS.items():
            lines += [f"### {label}", "", "| key | indicator | formula | window | definition |"]
            lines.append("|---|---|---|---|---|")
            for one in map(described, of_dimension(dimension)):
                cells = (f"`{one['key']}`", one["label"], one["formula"], one["window"])
                version = f"v{one['version']} · {one['digest']}"
                lines.append(f"| {' | '.join(cells)} | {version} |")
            lines.append("")
    return "\n".join(lines)


def test_the_catalogue_is_the_products(request: pytest.FixtureRequest) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _old, after = rest.split(END)
    wanted = f"{before}{BEGIN}\n{catalogue()}{END}{after}"
    if request.config.getoption("--write-documents"):
        DOCUMENT.write_text(wanted, encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == wanted, "run pytest with --write-documents"
