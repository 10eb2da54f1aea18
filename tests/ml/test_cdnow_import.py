"""The CDNOW purchases that ship in ``lifetimes``, through the import to the published parameters.

Fader, Hardie & Lee (2005), table 2: r .2426, alpha 4.4135 weeks, a .7929, b 2.4258, LL −9582.4.
"""

from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from customers.importing.running import import_path
from customers.models import Customer, Visit
from ml.bgnbd import Parameters, log_likelihood
from ml.extraction import extract
from ml.lifetimes_adapter import CONVERGED
from ml.pooling import LEANING, fit_cohorts
from ml.preparation import statistics_of
from organization.access import entered
from tests.importing.deliveries import system as access_to
from tests.importing.deliveries import write
from tests.ml.cdnow import cdnow

CALIBRATION_END = date(1997, 10, 1)
TREE = [
    {"code": "CD", "name": "CDNOW", "level": "group", "parent_code": ""},
    {"code": "CD-D", "name": "Division", "level": "division", "parent_code": "CD"},
    {"code": "CD-S", "name": "Shop", "level": "store", "parent_code": "CD-D", "store_kind": "4s"},
]
POLICY = [{"division_code": "CD-D", "valid_from": "1990-01-01", "amounts_include_vat": "n"}]


def purchases() -> pd.DataFrame:
    """All purchases of the 1/10 sample: customer (as in the published summary), day, dollars."""
    source = files("lifetimes") / "datasets" / "CDNOW_sample.txt"
    with source.open() as text:
        frame = pd.read_csv(
            text, sep=r"\s+", header=None, names=["master", "customer", "day", "cds", "dollars"]
        )
    return frame.assign(day=pd.to_datetime(frame["day"].astype(str)))


@pytest.fixture
def statistics(db: None, tmp_path: Path) -> Iterator[pd.DataFrame]:
    """Sufficient statistics of the imported purchases as of 1 October 1997, by customer number."""
    bought = purchases()
    visits = [
        {
            "store_code": "CD-S",
            "ro_no": f"R{number}",
            "customer_no": f"C{row.customer:04d}",
            "opened_at": f"{row.day:%Y-%m-%d} 10:00",
            # A handful of purchases cost nothing; a visit needs somebody who paid.
            "pay_customer": f"{max(row.dollars, 0.01):.2f}",
        }
        for number, row in enumerate(bought.itertuples())
    ]
    people = [
        {"store_code": "CD-S", "customer_no": f"C{number:04d}", "name": f"Buyer {number}"}
        for number in sorted(bought["customer"].unique())
    ]
    folder = write(
        tmp_path / "cdnow",
        {"org_units": TREE, "policies": POLICY, "customers": people, "visits": visits},
    )
    report = import_path(folder, group="CD")
    assert report.kinds["visits"].created == len(bought) == 6919
    assert report.kinds["visits"].rejected == 0
    with entered(access_to("CD")):
        assert Customer.objects.count() == 2357
        # Dollars were net already: none of them is taken off as tax.
        assert sum(Visit.objects.values_list("pay_customer_fen", flat=True)) == pytest.approx(
            100 * bought["dollars"].clip(lower=0.01).sum()
        )
        frame = statistics_of(extract(CALIBRATION_END))
        numbers = dict(Customer.objects.values_list("pk", "sources__customer_no").order_by("pk"))
        yield frame.set_axis(frame.index.map(numbers)).sort_index()


def test_statistics_are_the_published_ones(statistics: pd.DataFrame) -> None:
    published = cdnow()
    np.testing.assert_array_equal(statistics["x"], published["x"])
    np.testing.assert_allclose(statistics["t_x"] / 7, published["t_x"], atol=0.005)
    # The paper counts up to the day of the last purchases, 30 September; here an as-of date is the
    # day after.
    np.testing.assert_allclose((statistics["T"] - 1) / 7, published["T"], atol=0.005)
    assert (statistics["segment"] == "person").all()
    assert not statistics["bought"].any()


def test_parameters_are_the_published_ones(statistics: pd.DataFrame) -> None:
    counted_as_in_the_paper = statistics.assign(T=statistics["T"] - 1)
    (cohort,) = fit_cohorts(counted_as_in_the_paper).values()
    assert (cohort.division, cohort.segment, cohort.customers) == ("CD-D", "person", 2357)
    # Below 5,000 customers a division leans on its group, which here is the division itself.
    assert cohort.pooling == LEANING
    baseline = cohort.baseline
    assert (baseline.model, baseline.status) == ("BG/NBD", CONVERGED)
    found = baseline.params
    assert found is not None
    weeks = Parameters(found.r, found.alpha / 7, found.a, found.b)
    published = (0.242593, 4.413532, 0.792886, 2.425753)
    assert (weeks.r, weeks.alpha, weeks.a, weeks.b) == pytest.approx(published, rel=1e-4)
    x, t_x, age = (counted_as_in_the_paper[name] for name in ("x", "t_x", "T"))
    assert log_likelihood(weeks, x, t_x / 7, age / 7).sum() == pytest.approx(-9582.43, abs=0.01)
