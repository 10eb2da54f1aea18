"""One request is one transaction inside one person's access, whatever the view does."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path

from config.urls import urlpatterns as product_urls
from customers.models import Customer
from organization.access import Access, Capability, NoAccess, current_access, entered
from organization.audit import record
from organization.models import AuditEvent, Unit
from tests.factories import Group, add_person, make_customer

handler403 = "web.views.permission_denied"
handler404 = "web.views.page_not_found"
handler500 = "web.views.server_error"


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse("")


def whoami(request: HttpRequest) -> JsonResponse:
    access: Access = request.access
    with connection.cursor() as cursor:
        cursor.execute("select current_setting('app.units'), current_setting('app.all')")
        units, everything = cursor.fetchone()
    return JsonResponse(
        {
            "entered": current_access() == access,
            "units": sorted(access.units),
            "in_database": [units, everything],
            "customers": list(Customer.objects.values_list("name", flat=True).order_by("name")),
        }
    )


def write_and_answer(request: HttpRequest, status: int) -> HttpResponse:
    record(request.access, "test")
    return HttpResponse("", status=status)


def write_and_fail(request: HttpRequest) -> HttpResponse:
    record(request.access, "test")
    raise RuntimeError("after writing")


def break_the_transaction(request: HttpRequest) -> HttpResponse:
    record(request.access, "test")
    with connection.cursor() as cursor:
        cursor.execute("select 1 / 0")
    return HttpResponse("")


def forbidden(request: HttpRequest) -> HttpResponse:
    record(request.access, "test")
    request.access.require(Capability.ADMINISTER)
    return HttpResponse("")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def rows() -> Iterator[bytes]:
        yield str(Unit.objects.count()).encode()

    return StreamingHttpResponse(rows())


def stream_with_access(request: HttpRequest) -> StreamingHttpResponse:
    access: Access = request.access

    def rows() -> Iterator[bytes]:
        with entered(access):
            yield str(Unit.objects.count()).encode()

    return StreamingHttpResponse(rows())


@login_not_required
def open_page(request: HttpRequest) -> HttpResponse:
    assert request.access is None
    return HttpResponse(str(Unit.objects.count()))


urlpatterns = [
    *product_urls,
    path("t/empty", empty),
    path("t/whoami", whoami),
    path("t/write/<int:status>", write_and_answer),
    path("t/fail", write_and_fail),
    path("t/broken", break_the_transaction),
    path("t/forbidden", forbidden),
    path("t/stream", stream),
    path("t/stream-with-access", stream_with_access),
    path("t/open", open_page),
]
pytestmark = pytest.mark.urls(__name__)


def written(group: Group) -> int:
    with entered(group.system):
        return AuditEvent.objects.filter(action="test").count()


def test_a_view_runs_inside_the_persons_access(group, client_of) -> None:
    with entered(group.system):
        make_customer(group, "-S1", "王芳")
        make_customer(group, "-S2", "李伟")
    seen = client_of("advisor").get("/t/whoami").json()
    store = group.units["-S1"].pk
    assert seen == {
        "entered": True,
        "units": [store],
        "in_database": [str(store), "0"],
        "customers": ["王芳"],
    }


def test_nothing_of_the_access_stays_after_the_answer(client_of) -> None:
    client_of("advisor").get("/t/whoami")
    with pytest.raises(NoAccess):
        current_access()
    with connection.cursor() as cursor:
        cursor.execute("select current_setting('app.tenant', true)")
        assert not cursor.fetchone()[0]


def test_a_person_without_assignment_sees_nothing(group, client_of) -> None:
    with entered(group.system):
        make_customer(group, "-S1")
        add_person(group, "newcomer", "advisor", "-S1")
        group.staff["newcomer"].assignments.all().delete()
    seen = client_of("newcomer").get("/t/whoami").json()
    assert (seen["units"], seen["customers"]) == ([], [])


@pytest.mark.parametrize(("status", "rows"), [(200, 1), (302, 1), (400, 0), (409, 0), (503, 0)])
def test_an_error_answer_rolls_back(group, client_of, status: int, rows: int) -> None:
    client_of("advisor").get(f"/t/write/{status}")
    assert written(group) == rows


def test_an_exception_rolls_back_and_the_next_request_works(group, client_of) -> None:
    client = client_of("advisor")
    client.raise_request_exception = False
    assert client.get("/t/fail").status_code == 500
    assert written(group) == 0
    assert client.get("/t/write/200").status_code == 200
    assert written(group) == 1


def test_a_broken_transaction_answers_500_and_keeps_nothing(group, client_of) -> None:
    client = client_of("advisor")
    client.raise_request_exception = False
    assert client.get("/t/broken").status_code == 500
    assert written(group) == 0
    assert client.get("/t/whoami").status_code == 200


def test_a_missing_capability_is_a_403_page_in_words(group, client_of) -> None:
    client = client_of("advisor")
    client.cookies["django_language"] = "en"
    answer = client.get("/t/forbidden")
    assert answer.status_code == 403
    assert "Your role does not include: administer people." in answer.content.decode()
    assert written(group) == 0


def test_a_stream_outlives_the_access_and_reads_nothing(client_of) -> None:
    with pytest.raises(NoAccess):
        b"".join(client_of("advisor").get("/t/stream"))


def test_a_stream_may_enter_its_own_access(client_of) -> None:
    assert b"".join(client_of("advisor").get("/t/stream-with-access")) == b"10"


@pytest.mark.parametrize("address", ["/t/empty", "/people/", "/audit/", "/organization/"])
def test_signed_out_every_page_asks_for_sign_in(db: None, address: str) -> None:
    answer = Client().get(address)
    assert (answer.status_code, answer["Location"]) == (302, f"/sign-in?next={address}")


# What may be asked without signing in; everything else redirects or, in the API, answers 401.
OPEN = {
    *("healthz", "readyz", "metrics", "schema", "api_docs"),
    *("second_step", "second_factor_qr", "oidc_start", "oidc_return", "set_password"),
    *("signin", "set_language", "theme", "styleguide", "styleguide_progress"),
}


def test_the_list_of_open_pages_is_complete() -> None:
    """A page is open only by its own declaration, and this list names every one."""
    declared = set()
    for pattern in _patterns(product_urls):
        view = pattern.callback
        in_api = pattern.name and pattern.name.startswith("api_") and pattern.name != "api_docs"
        if not getattr(view, "login_required", True) and not in_api:
            declared.add(pattern.name or pattern.pattern._route)
    assert declared == OPEN


def _patterns(entries: list[Any]) -> Iterator[Any]:
    for entry in entries:
        if hasattr(entry, "url_patterns"):
            yield from _patterns(entry.url_patterns)
        else:
            yield entry


def test_signed_out_the_theme_can_be_chosen(db: None) -> None:
    answer = Client().post("/theme", {"theme": "dark", "next": "/sign-in"})
    assert (answer["Location"], answer.cookies["theme"].value) == ("/sign-in", "dark")


def test_signed_out_a_part_of_a_page_sends_the_whole_page_to_sign_in(db: None) -> None:
    answer = Client().get(
        "/t/empty",
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/people/?q=1"},
    )
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer["HX-Redirect"] == "/sign-in?next=/people/%3Fq%3D1"


def test_signed_out_an_open_page_reads_nothing(db: None) -> None:
    with pytest.raises(NoAccess):
        Client().get("/t/open")


def test_a_closed_account_is_signed_out_by_its_next_request(group, client_of) -> None:
    client = client_of("advisor")
    assert client.get("/t/empty").status_code == 200
    group.accounts["advisor"].is_active = False
    group.accounts["advisor"].save()
    assert client.get("/t/empty").status_code == 302


def test_a_signed_in_page_costs_six_queries(group, client_of) -> None:
    """Session, account, tenant's context, person with tenant, assignments with units, access."""
    client = client_of("ceo")
    with CaptureQueriesContext(connection) as queries:
        client.get("/t/empty")
    # The savepoint, its release and putting the context back belong to the test's transaction.
    asked = [q["sql"] for q in queries if q["sql"].lower().startswith(("select", "(select"))]
    assert len(asked) - 1 == 6, "\n".join(asked)


def _in_a_connection_of_its_own(work: Callable[[], Any]) -> Any:
    """Run ``work`` where no test transaction is open, as a server's thread does."""

    def run() -> Any:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


@pytest.mark.parametrize("fails", [False, True])
def test_a_connection_carries_no_context_into_its_next_request(db: None, fails: bool) -> None:
    def work() -> tuple[Any, int]:
        with (
            CaptureQueriesContext(connection) as queries,
            suppress(RuntimeError),
            entered(Access(tenant_id=1, label="x", all_units=True)),
        ):
            if fails:
                raise RuntimeError
        with connection.cursor() as cursor:
            cursor.execute(
                "select current_setting('app.tenant', true), current_setting('app.all', true)"
            )
            return cursor.fetchone(), sum("set_config" in q["sql"] for q in queries)

    left, handed_over = _in_a_connection_of_its_own(work)
    assert left in {("", ""), (None, None)}
    assert handed_over == 1


def test_another_tenants_access_cannot_be_put_on(group, other_group) -> None:
    from organization.access import become

    with entered(group.system), pytest.raises(ValueError, match="same tenant"):
        become(other_group.system)


def test_the_database_refuses_what_the_view_forgets_to_ask(group, client_of) -> None:
    """A write into another store fails in the database, not only in the manager."""
    with entered(group.system):
        foreign = make_customer(group, "-S2")
    access = Access(tenant_id=group.tenant.pk, label="x", units=frozenset({group.units["-S1"].pk}))
    with pytest.raises(DatabaseError), entered(access):
        Customer.objects.create(
            tenant=group.tenant, home_store=foreign.home_store, stores=foreign.stores
        )
