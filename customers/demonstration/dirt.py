"""The dirt that real feeds hold, a few per mille, counted and declared."""

from collections import Counter
from collections.abc import Sequence
from datetime import date

import numpy as np

from customers.demonstration.network import Network
from customers.demonstration.writer import COLUMNS

Row = tuple[str, ...]
TEST_NUMBER = "C999001"
_NO_MONEY = ("pay_warranty", "pay_insurance", "pay_internal", "parts_amount", "discount", "cost")
_PLACE = {kind: {name: i for i, name in enumerate(names)} for kind, names in COLUMNS.items()}


class Dirt:
    """Soils rows; ``counts`` says what was done how often."""

    def __init__(self, network: Network, until: date, rng: np.random.Generator) -> None:
        self.network, self.until, self.rng = network, until, rng
        self.counts: Counter[str] = Counter()
        self._copies = 0

    def _some(self, name: str, rows: Sequence[Row], rate: float) -> list[int]:
        """Places of rows to soil: by rate, and at least one in the whole run."""
        if not rows:
            return []
        count = int(self.rng.binomial(len(rows), rate))
        if not self.counts[name]:
            count = max(count, 1)
        self.counts[name] += count
        return sorted(self.rng.choice(len(rows), size=count, replace=False).tolist())

    def visits(self, rows: list[Row]) -> list[Row]:
        """Soiled rows of visits; earlier states of rows that come again stand first."""
        mistyped = [i for i, row in enumerate(rows) if "0" in row[_PLACE["visits"]["vin"]]]
        some = self._some("visit_vin_letter_o", [rows[i] for i in mistyped], 0.0012)
        for i in [mistyped[place] for place in some]:
            rows[i] = _set("visits", rows[i], vin=_get("visits", rows[i], "vin").replace("0", "O"))
        for i in self._some("mileage_backwards", rows, 0.001):
            mileage = int(_get("visits", rows[i], "mileage_km"))
            rows[i] = _set("visits", rows[i], mileage_km=str(mileage // 3))
        before = [
            _set("visits", rows[i], advisor="", wait_minutes="")
            for i in self._some("duplicate_visit_key", rows, 0.001)
        ]
        after = []
        for i in self._some("future_date", rows, 0.0005):
            year = str(self.until.year + 1)
            opened = year + "-06-15" + _get("visits", rows[i], "opened_at")[10:]
            after.append(self._copy(rows[i], opened_at=opened, promised_at="", closed_at=""))
        for i in self._some("unknown_store", rows, 0.0005):
            after.append(self._copy(rows[i], store_code=f"{self.network.group_code}-S99"))
        for i in self._some("visit_of_unknown_customer", rows, 0.0005):
            after.append(self._copy(rows[i], customer_no=f"C8{i % 100000:05d}"))
        return before + rows + after

    def _copy(self, row: Row, **changes: str) -> Row:
        self._copies += 1
        return _set("visits", row, ro_no=f"X{self._copies:08d}", original_ro_no="", **changes)

    def surveys(self, rows: list[Row]) -> list[Row]:
        """A few scores of eleven."""
        answered = [i for i, row in enumerate(rows) if _get("nps", row, "score")]
        some = self._some("score_eleven", [rows[i] for i in answered], 0.002)
        for i in [answered[place] for place in some]:
            rows[i] = _set("nps", rows[i], score="11")
        return rows

    def test_customer(self, template: Row) -> tuple[list[Row], list[Row], list[list[str]]]:
        """A test customer at the first store: his row, his two visits, and one's deletion."""
        store = self.network.stores[0].code
        customer = dict.fromkeys(COLUMNS["customers"], "")
        customer |= {
            "store_code": store,
            "customer_no": TEST_NUMBER,
            "name": "测试",
            "kind": "person",
            "mobile": "13800000000",
        }
        visits = []
        for number in (1, 2):
            visit = dict(zip(COLUMNS["visits"], template, strict=True))
            visit |= {
                "store_code": store,
                "ro_no": f"T{number:08d}",
                "customer_no": TEST_NUMBER,
                "vin": "",
                "original_ro_no": "",
                "comeback": "n",
                "kind": "other",
                "status": "closed",
            }
            visit |= dict.fromkeys(_NO_MONEY, "0")
            visit |= {
                "pay_customer": "1.00",
                "labour_amount": "1.00",
            }
            visits.append(tuple(visit.values()))
        self.counts["test_customer"] += 1
        self.counts["test_visit"] += 2
        return [tuple(customer.values())], visits, [["visits", store, "T00000002"]]


def _get(kind: str, row: Row, column: str) -> str:
    return row[_PLACE[kind][column]]


def _set(kind: str, row: Row, **changes: str) -> Row:
    values = list(row)
    for column, value in changes.items():
        values[_PLACE[kind][column]] = value
    return tuple(values)
