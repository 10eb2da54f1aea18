"""The structure's workbook, recomputed by a spreadsheet: as delivered, and with inputs changed."""

import io
import json
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
from django.urls import reverse
from django.utils import translation

from organization.access import entered
from organization.models import AuditEvent
from tests.valuation.recomputed import recompute
from valuation.models import Approval, Structure
from valuation.reports.deal_formulas import columns_of, steps
from valuation.reports.deal_workbook import COMPARED, FIRST, DealBook, deal_workbook
from valuation.structure.analytics import measures
from valuation.structure.deals import Deal, parse_deal
from valuation.structure.terms import Terms, as_json
from valuation.structure.waterfall import Waterfall, distribute, stressed_collections

CENT = 0.01
LATE = {
    # Everything at once: two tranches, a draw on the reserve, unpaid interest on interest, a
    # curable test on the PV, both triggers, support, a revolving period, survival.
    "A": {"balance": 5_000.0, "coupon": 0.06, "target": [5e3, 5e3, 4e3, 3e3, 2e3, 1e3, 0.0, 0.0]},
    "B": {"balance": 1_500.0, "coupon": 0.09},
    "collections": [900.0, 950.0, 0.0, 5.0, 1_200.0, 1_900.0, 1_850.0, 1_100.0],
    "survival": [1.0, 0.97, 0.95, 0.92, 0.90, 0.88, 0.86, 0.84],
    "fee_fixed": 12.0,
    "fee_pct": 0.02,
    "ioi": True,
    "reserve": {"initial": 30.0, "pct": 0.02, "floor": 20.0},
    "oc": {"threshold": 1.05, "curable": True, "asset_rate": 0.08},
    "support": {"cap": 120.0},
    "revolving": {"periods": 2, "eligible": 0.02, "price_rate": 0.08},
    "triggers": [
        {"measure": "dscr", "level": 0.9, "after": 2, "cure": 2, "consequence": "turbo"},
        {"measure": "collections", "level": 0.8, "after": 1, "consequence": "stop_revolving"},
    ],
}
GIVEN = {
    "A": {"balance": 800.0, "coupon": 0.05},
    "collections": [150.0, 40.0, 200.0, 260.0, 250.0],
    "fee_pct": 0.01,
    "reserve": {"initial": 10.0, "pct": 0.01, "floor": 0.0},
    "oc": {"threshold": 1.02, "asset_value": [900.0, 700.0, 600.0, 300.0, 0.0]},
}


def book_of(deal: Deal, run: Waterfall, *, supported: bool = False) -> bytes:
    with translation.override("en"):
        return deal_workbook(
            DealBook("deal", "notice", [("As of", "today")], deal, deal.collections, run, supported)
        )


def amounts_of(run: Waterfall, key: str) -> list[float]:
    more = {"received": run.collections, "support": run.support, "reinvested": run.reinvested}
    return list({**run.amounts, **more}[key])


def check(values, run: Waterfall, *, delivered: bool) -> None:
    columns = columns_of(steps())
    for key in COMPARED:
        for month, wanted in enumerate(amounts_of(run, key), start=1):
            cell = f"{columns[key]}{FIRST + month}"
            assert float(values["Periods", cell]) == pytest.approx(wanted, abs=CENT), (key, month)
    for month in range(1, len(run.collections) + 1):
        assert float(values["Periods", f"{columns['check']}{FIRST + month}"]) == 0.0
        assert values["Periods", f"{columns['turbo']}{FIRST + month}"] == run.triggered[month - 1]
    summary = [value for (sheet, _cell), value in values.items() if sheet == "Summary"]
    assert float(summary[-2]) == 0.0, "money is conserved"
    assert (abs(float(summary[-1])) < CENT) == delivered, "difference to the product"


@pytest.mark.parametrize(
    ("data", "supported"),
    [(LATE, False), (LATE, True), (GIVEN, False)],
    ids=["all", "support", "given"],
)
def test_as_delivered_the_formulas_are_the_product_s_figures(tmp_path, data, supported):
    deal = parse_deal(data)
    run = distribute(deal, supported=supported)
    values = recompute(book_of(deal, run, supported=supported), tmp_path)
    check(values, run, delivered=True)
    lives = [float(v) for (sheet, c), v in values.items() if sheet == "Summary" and v != ""]
    assert any(
        life == pytest.approx(measures(deal, run)["wal_a_years"], abs=1e-6) for life in lives
    )


def test_a_changed_input_changes_every_sheet_as_the_product_would(tmp_path):
    deal = parse_deal(LATE)
    content = book_of(deal, distribute(deal))
    book = openpyxl.load_workbook(io.BytesIO(content))
    sheet = book["Inputs"]
    changed = {
        "Haircut of the collections": 0.15,
        "Attrition multiple m (S becomes S^m)": 1.4,
        "A: coupon a year": 0.08,
        "OC threshold": 1.20,
        "OC test can be cured (1 or 0)": 0,
        "Fees, share of collections": 0.05,
    }
    cells = {row[0].value: row[1] for row in sheet.iter_rows(min_row=FIRST)}
    for label, value in changed.items():
        cells[label].value = value
    out = io.BytesIO()
    book.save(out)
    assert deal.oc is not None
    other = replace(
        deal,
        senior=replace(deal.senior, coupon=0.08),
        fee_pct=0.05,
        oc=replace(deal.oc, threshold=1.20, curable=False),
    )
    run = distribute(other, stressed_collections(other, 0.15, 1.4))
    assert True in run.triggered
    check(recompute(out.getvalue(), tmp_path), run, delivered=False)


def test_a_published_vector(tmp_path):
    vectors = json.loads((Path(__file__).parent / "data/waterfall_vectors.json").read_text())
    deal = parse_deal(vectors["W02"]["deal"])
    run = distribute(deal)
    check(recompute(book_of(deal, run), tmp_path), run, delivered=True)


def test_leaves_only_over_an_approved_valuation_and_on_the_record(portfolio, valued, client_of):
    group = portfolio.group
    with entered(group.system):
        stored = Structure.objects.create(
            tenant=group.tenant,
            unit=group.units[""],
            name="首期",
            version=2,
            source={"kind": "unit", "code": "XQ"},
            terms=as_json(Terms(months=24)),
            author="test",
        )
    address = reverse("structure_workbook", args=[stored.pk])
    assert client_of("ceo").get(address).status_code == 302
    with entered(group.system):
        Approval.objects.create(tenant=group.tenant, valuation=valued, approved_by="ceo@xq")
    answer = client_of("ceo").get(address, {"set": 1, "a_share": 40, "delay": 2})
    book = openpyxl.load_workbook(io.BytesIO(b"".join(answer)))
    assert [sheet.title for sheet in book] == ["汇总", "输入", "逐月输入", "逐期", "系统值"]
    months = book["逐月输入"]
    assert months["C7"].value == 0.0, "two months late"
    assert months["C9"].value == months["B7"].value
    with entered(group.system):
        assert AuditEvent.objects.filter(action="structure.exported").count() == 1
    assert client_of("store_manager").get(address).status_code == 403
