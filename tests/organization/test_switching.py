"""A person with two assignments sees them together, or through one of them."""

from datetime import date

import pytest

from organization.access import entered
from organization.models import Assignment, AuditEvent
from tests.factories import Group, add_assignment, make_customer


@pytest.fixture
def two_posts(group: Group) -> Group:
    """The manager of S1 is also an auditor of S2; each store has a customer."""
    with entered(group.system):
        add_assignment(group, "store_manager", "auditor", "-S2")
        make_customer(group, "-S1", "王芳")
        make_customer(group, "-S2", "李伟")
    return group


def post_of(group: Group, role: str) -> str:
    with entered(group.system):
        found = Assignment.objects.get(staff=group.staff["store_manager"], role=role)
    return str(found.pk)


def customers(client) -> set[str] | int:
    answer = client.get("/api/v1/customers/")
    if answer.status_code != 200:
        return answer.status_code
    return {row["name"] for row in answer.json()["results"]}


def label(client) -> str:
    client.cookies["django_language"] = "en"
    return client.get("/api/v1/units/").wsgi_request.access_label


def test_together_each_role_keeps_to_its_unit(two_posts, client_of) -> None:
    client = client_of("store_manager")
    assert customers(client) == {"王芳"}
    assert label(client) == "store XQ-S1 · Manager and 1 more"
    codes = {u["code"] for u in client.get("/api/v1/units/").json()["results"]}
    assert codes == {"XQ-S1", "XQ-S2"}


def test_through_one_there_is_nothing_of_the_other(two_posts, client_of) -> None:
    client = client_of("store_manager")
    answer = client.post("/view", {"view": post_of(two_posts, "auditor")})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert customers(client) == 403
    assert label(client) == "store XQ-S2 · Auditor"
    client.post("/view", {"view": post_of(two_posts, "manager")})
    assert customers(client) == {"王芳"}
    client.post("/view", {"view": ""})
    assert label(client) == "store XQ-S1 · Manager and 1 more"


def test_each_switch_is_on_the_record(two_posts, client_of) -> None:
    client_of("store_manager").post("/view", {"view": post_of(two_posts, "auditor")})
    with entered(two_posts.system):
        [event] = AuditEvent.objects.filter(action="view_switched")
    assert event.detail == {"assignment": post_of(two_posts, "auditor")}


@pytest.mark.parametrize("view", ["0", "x", "-1", "9" * 40])
def test_what_is_not_ones_own_cannot_be_chosen(two_posts, client_of, view: str) -> None:
    client = client_of("store_manager")
    assert client.post("/view", {"view": view}).status_code == 400
    assert label(client) == "store XQ-S1 · Manager and 1 more"


def test_another_persons_assignment_cannot_be_chosen(two_posts, client_of) -> None:
    with entered(two_posts.system):
        foreign = Assignment.objects.get(staff=two_posts.staff["ceo"])
    client = client_of("store_manager")
    assert client.post("/view", {"view": str(foreign.pk)}).status_code == 400
    assert customers(client) == {"王芳"}


def test_a_planted_choice_opens_nothing(two_posts, client_of) -> None:
    """The session may hold anything; only valid assignments of the person count."""
    with entered(two_posts.system):
        foreign = Assignment.objects.get(staff=two_posts.staff["ceo"])
    client = client_of("store_manager")
    session = client.session
    session["view"] = foreign.pk
    session.save()
    assert customers(client) == {"王芳"}


def test_an_assignment_that_ends_is_chosen_no_longer(two_posts, client_of) -> None:
    client = client_of("store_manager")
    client.post("/view", {"view": post_of(two_posts, "auditor")})
    with entered(two_posts.system):
        Assignment.objects.filter(role="auditor", staff=two_posts.staff["store_manager"]).update(
            valid_to=date(2022, 1, 1)
        )
    assert label(client) == "store XQ-S1 · Manager"
    assert customers(client) == {"王芳"}


def test_switching_is_a_post(two_posts, client_of) -> None:
    assert client_of("store_manager").get("/view").status_code == 405


def test_the_menu_offers_it_to_whom_has_a_choice(two_posts, client_of) -> None:
    client = client_of("store_manager")
    client.cookies["django_language"] = "en"
    page = client.get("/models/").content.decode()
    assert "All assignments together" in page
    assert "store XQ-S2 · Auditor" in page
    assert "All assignments together" not in client_of("admin").get("/people/").content.decode()
