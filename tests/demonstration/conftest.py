"""One simulated group, read back from its files, for all checks."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from customers.demonstration import Summary, generate

UNTIL = date(2026, 11, 20)
DIVISIONS = ("XQ-LUX", "XQ-JV", "XQ-OWN")


@dataclass(frozen=True)
class Demo:
    """The summary and one frame of text per file."""

    summary: Summary
    files: dict[str, pd.DataFrame]

    @property
    def division(self) -> pd.Series:
        """Division code by store code."""
        units = self.files["org_units"].set_index("code").parent_code
        stores = self.files["org_units"].query("level == 'store'").code
        return pd.Series({store: units[units[store]] for store in stores})

    def visits(self) -> pd.DataFrame:
        """Visits without the declared dirt, with numbers and days, in the order of time."""
        visits = self.files["visits"]
        visits = visits[~visits.ro_no.str.startswith(("X", "T"))]
        visits = visits.drop_duplicates(["store_code", "ro_no"], keep="last").copy()
        for column in visits.columns[visits.columns.str.contains("pay_|amount|discount|^cost")]:
            visits[column] = visits[column].astype(float)
        visits["day"] = pd.to_datetime(visits.opened_at.str[:10])
        visits["division"] = visits.store_code.map(self.division)
        visits["outside"] = visits.pay_customer + visits.pay_warranty + visits.pay_insurance
        return visits.sort_values("opened_at", kind="stable")

    def paid_visits(self) -> pd.DataFrame:
        """Visits that somebody outside the group paid, without credits and cancelled orders."""
        visits = self.visits()
        return visits[~visits.status.isin(["cancelled", "credit"]) & (visits.outside > 0)]


def read(folder: Path) -> dict[str, pd.DataFrame]:
    return {
        path.stem: pd.read_csv(path, dtype=str, keep_default_na=False)
        for path in sorted(folder.glob("*.csv"))
    }


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("group")
    summary = generate(folder, customers=12_000, seed=7, until=UNTIL)
    return Demo(summary, read(folder))
