"""The priority of payments against worked deals."""

import json
from pathlib import Path

import pytest

from valuation.structure.analytics import analyse
from valuation.structure.deals import parse_deal
from valuation.structure.waterfall import distribute

VECTORS = json.loads((Path(__file__).parent / "data" / "waterfall_vectors.json").read_text())


@pytest.mark.parametrize("name", VECTORS)
class TestWorkedDeals:
    def test_every_payment(self, name):
        vector = VECTORS[name]
        result = distribute(parse_deal(vector["deal"]))
        got = {**result.amounts, "oc": result.oc, "dscr": result.dscr}
        assert result.triggered == vector["periods"]["triggered"]
        for key, line in got.items():
            expected = vector["periods"][key]
            assert [v is None for v in line] == [v is None for v in expected], key
            known = [pair for pair in zip(line, expected, strict=True) if pair[1] is not None]
            for value, wanted in known:
                assert value == pytest.approx(wanted, abs=1e-4, rel=0), key

    def test_totals_and_analytics(self, name):
        vector = VECTORS[name]
        deal = parse_deal(vector["deal"])
        result = distribute(deal)
        assert result.totals() == pytest.approx(vector["totals"], abs=1e-4, rel=0)
        figures = analyse(deal, result)
        for key, wanted in vector["analytics"].items():
            if wanted is None or isinstance(wanted, bool | int):
                assert figures[key] == wanted, key
            else:
                assert figures[key] == pytest.approx(wanted, abs=1e-6, rel=0), key
