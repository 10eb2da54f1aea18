"""The league of many units: what is shown, and one line for the others, sum to the unit."""

import pytest

from organization.access import entered
from organization.models import Unit
from valuation import league
from valuation.models import Valuation, ValuedUnit

STORES = 12


@pytest.fixture
def many_stores(portfolio, valued, monkeypatch) -> Valuation:
    """Stores of one region, each worth less than the one before; the last three are the worst."""
    monkeypatch.setattr(league, "MOST", 6)
    group = portfolio.group
    with entered(group.system):
        like = ValuedUnit.objects.get(valuation=valued, unit=group.units["-S1"])
        region = group.units["-W"]
        for number in range(STORES):
            unit = Unit.objects.create(
                tenant=group.tenant,
                parent=region,
                code=f"XQ-T{number:02}",
                name=f"门店 {number:02}",
                level=Unit.Level.STORE,
                store_kind="4s",
            )
            unit.path = [*region.path, unit.pk]
            unit.save()
            like.pk, like.unit = None, unit
            like.expected_fen = 1_000_000 - 1000 * number
            like.peers = {"quantiles": {"retention": 1 - number / STORES}}
            like.save(force_insert=True)
    return valued


def table_of(client, query: str = ""):
    tables = client.get(f"/value/XQ-W/{query}").context["league"]
    return next(one for one in tables if len(list(one.rows)) > 1)


def names(table) -> list[str]:
    return [row.unit.name for row in table.rows]


class TestLong:
    def test_shows_the_largest_the_worst_and_one_line_for_the_others(self, many_stores, client_of):
        assert names(table_of(client_of("ceo"))) == [
            *("门店 00", "门店 01", "门店 02", "门店 09", "门店 10", "门店 11"),
            "其余 7 家：显示全部",
        ]

    def test_sums_to_all_units(self, many_stores, client_of):
        short, whole = table_of(client_of("ceo")), table_of(client_of("ceo"), "?league=all")
        for table in (short, whole):
            values = [row.valued.expected_fen for row in table.rows]
            people = [row.valued.customers for row in table.rows]
            assert sum(values) == sum(1_000_000 - 1000 * n for n in range(STORES))
            assert sum(people) == STORES

    def test_shows_all_when_asked(self, many_stores, client_of):
        assert len(names(table_of(client_of("ceo"), "?league=all"))) == STORES + 1

    def test_leads_from_the_others_to_all(self, many_stores, client_of):
        page = client_of("ceo").get("/value/XQ-W/").content.decode()
        assert 'href="?league=all"' in page

    def test_a_short_one_has_no_such_line(self, valued, client_of):
        page = client_of("ceo").get("/value/").content.decode()
        assert "league=all" not in page
