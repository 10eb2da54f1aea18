"""Structures: saved in versions, tried in the address, refused by name and range."""

import re

import pytest
from django.urls import reverse

from organization.access import entered
from organization.models import AuditEvent
from valuation.models import Structure
from valuation.structure.terms import Terms, as_json

SHORT = {"kind": "given", "label": "list", "amounts": [100.0] * 24, "survival": None}


def text_of(response) -> str:
    return response.content.decode()


@pytest.fixture
def stored(portfolio) -> Structure:
    group = portfolio.group
    with entered(group.system):
        return Structure.objects.create(
            tenant=group.tenant,
            unit=group.units["-S1"],
            name="首期",
            version=1,
            source=SHORT,
            terms=as_json(Terms(horizon=24, months=18)),
            author="test",
        )


def draft(client, code="XQ", **query):
    return client.get(reverse("structure_draft", args=[code]), query)


class TestDraft:
    def test_lays_the_preset_over_the_units_flows(self, portfolio, valued, client_of):
        response = draft(client_of("analyst"))
        assert response.status_code == 200
        study = response.context["study"]
        assert study.terms == Terms()
        with entered(portfolio.group.system):
            monthly = valued.units.get(unit__code="XQ").monthly
        net = monthly["margin_fen"][0] - monthly["cost_fen"][0]
        assert study.pool.amounts[0] == net / 100

    def test_a_chosen_unit_leads_to_its_draft(self, portfolio, valued, client_of):
        page = client_of("ceo").get(reverse("structures"), {"of": "XQ-S1"})
        assert page.headers["Location"] == reverse("structure_draft", args=["XQ-S1"])

    def test_the_address_reproduces_the_view(self, valued, client_of):
        response = draft(client_of("ceo"), set=1, a_share=40, attrition=2, support="on")
        study = response.context["study"]
        assert study.terms.a_share == 0.40
        assert study.stress.attrition == 2.0
        assert study.terms.support
        assert 'value="40"' in text_of(response)

    def test_a_partial_update_swaps_the_result_and_the_readings(self, valued, client_of):
        page = text_of(draft(client_of("ceo")))
        targets = re.search(r'hx-select-oob="([^"]+)"', page)[1].split(",")
        assert all(f'id="{one[1:]}"' in page for one in ["#result", *targets])

    def test_the_picture_balances(self, valued, client_of):
        flow = draft(client_of("ceo")).context["pictures"][0]
        sides = {"in": 0.0, "out": 0.0}
        first = flow.data[0][0]
        for side, _label, yuan in flow.data:
            sides["in" if side == first else "out"] += yuan
        assert sides["in"] == pytest.approx(sides["out"], abs=0.01)

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ({"a_coupon": "600"}, "A 级票息，%/年"),
            ({"a_coupon": "0.05"}, "5% 写作 5"),
            ({"a_share": "-3"}, "不能是 -3"),
            ({"horizon": "0"}, "期限，月"),
            ({"horizon": "601"}, "600"),
            ({"a_share": "80", "b_share": "30"}, "发起人须至少自持 5%"),
            ({"margin": "101"}, "毛利折减，%"),
            ({"delay": "99"}, "延迟月数"),
            ({"profile": "bullet"}, "还本计划"),
            ({"a_share": "many"}, "A 级占资产池价值"),
            ({"revolving": "700"}, "循环期，月"),
        ],
    )
    def test_refused_by_name_and_range(self, valued, client_of, query, words):
        response = draft(client_of("ceo"), set=1, **query)
        assert response.status_code == 400
        assert words in " ".join(response.context["problems"])
        assert "study" not in response.context

    def test_saving_needs_the_capability_at_the_unit(self, portfolio, valued, client_of):
        address = reverse("structure_draft", args=["XQ-S1"])
        assert client_of("auditor").post(address, {"name": "x"}).status_code == 403
        with entered(portfolio.group.system):
            assert not Structure.objects.exists()

    def test_is_saved_with_author_and_trail(self, portfolio, valued, client_of):
        address = reverse("structure_draft", args=["XQ"])
        sent = {"set": "1", "name": "首期", "a_share": "50", "ioi": "False", "support": "True"}
        assert client_of("analyst").post(address, sent).status_code == 302
        with entered(portfolio.group.system):
            made = Structure.objects.get()
            assert (made.name, made.version, made.author) == ("首期", 1, "analyst@xq")
            assert (made.terms["a_share"], made.terms["support"]) == (0.5, True)
            assert not made.terms["ioi"]
            assert AuditEvent.objects.filter(action="structure.saved").count() == 1


class TestStored:
    def test_a_change_is_a_new_version(self, portfolio, stored, client_of):
        address = reverse("structure", args=[stored.pk])
        sent = {"set": "1", "a_share": "45", "reason": "投资人要求"}
        response = client_of("analyst").post(address, sent)
        assert response.status_code == 302
        with entered(portfolio.group.system):
            newest = Structure.objects.order_by("-version").first()
            assert (newest.version, newest.terms["a_share"]) == (2, 0.45)
            assert newest.reason == "投资人要求"
            assert Structure.objects.get(version=1).terms["a_share"] == Terms().a_share

    def test_nothing_is_changed_by_a_refused_one(self, portfolio, stored, client_of):
        address = reverse("structure", args=[stored.pk])
        sent = {"set": "1", "a_coupon": "600"}
        assert client_of("analyst").post(address, sent).status_code == 400
        with entered(portfolio.group.system):
            assert Structure.objects.count() == 1

    def test_without_survival_there_is_no_attrition(self, stored, client_of):
        address = reverse("structure", args=[stored.pk])
        response = client_of("store_manager").get(address, {"set": 1, "attrition": 2})
        assert response.status_code == 400
        assert "存续曲线" in text_of(response)

    def test_other_groups_do_not_see_it(self, stored, other_group, client_of):
        address = reverse("structure", args=[stored.pk])
        assert client_of("store_manager").get(address).status_code == 200
        assert client_of("ceo", other_group).get(address).status_code == 404
        assert client_of("advisor").get(address).status_code == 403


class TestList:
    def make(self, client, **data):
        return client.post(reverse("structures"), {"name": "二期", "unit": "XQ", **data})

    def test_shows_the_newest_version(self, stored, client_of):
        page = text_of(client_of("store_manager").get(reverse("structures")))
        assert "首期" in page

    def test_a_pasted_list(self, portfolio, valued, client_of):
        response = self.make(client_of("analyst"), lines="amount\n100,1\n90,0.9\n80,0.8\n")
        assert response.status_code == 302
        with entered(portfolio.group.system):
            made = Structure.objects.get()
            assert made.source["amounts"] == [100.0, 90.0, 80.0]
            assert made.source["survival"] == [1.0, 0.9, 0.8]
            assert made.terms["horizon"] == 3

    @pytest.mark.parametrize(
        ("lines", "words"),
        [
            ("100\nabc", "第 2 行"),
            ("100\n-5", "第 2 行"),
            ("0\n0", "全部为空"),
            ("100,0.9\n90,0.95", "高于上一行"),
            ("100,0.9\n90", "要么每行都给"),
            ("\n".join(["1"] * 601), "600"),
            ("1e400\n", "第 1 行"),
        ],
    )
    def test_lines_that_make_no_sense(self, portfolio, valued, client_of, lines, words):
        response = self.make(client_of("analyst"), lines=lines)
        assert response.status_code == 400
        assert words in text_of(response)
        with entered(portfolio.group.system):
            assert not Structure.objects.exists()
