"""Rows in: loaded, refused and repeated as files are; what is no row is refused by its place."""

import io
import json
from typing import Any

import psycopg
import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from config.api import bodies
from config.api.bulk_schema import EXAMPLES
from customers.deliveries import loading
from customers.importing.kinds import KINDS
from customers.models import (
    Customer,
    CustomerSource,
    Delivery,
    Event,
    ImportRun,
    RejectedRow,
    Visit,
)
from customers.tasks import run_import
from organization.access import entered
from organization.models import AuditEvent
from tests.api.posting import ARRAY, LINES, Poster, bearer, customer, visit
from tests.factories import Group


@pytest.fixture(autouse=True)
def quiet(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files below ``tmp_path``, no broker, counts anew, no waiting for other imports."""
    cache.clear()
    settings.VAR_DIR, settings.UPLOAD_DIR = tmp_path, tmp_path / "uploads"
    settings.API_BULK_WAIT = 0
    monkeypatch.setattr(loading.assess, "apply_async", lambda *a, **k: None)


@pytest.fixture
def poster(group: Group) -> Poster:
    return Poster(bearer(group))


def done(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.content.decode()
    found: dict[str, Any] = answer.json()
    return found


def counts(answer: Any) -> tuple[int, ...]:
    found = done(answer)
    return tuple(found[n] for n in ("created", "updated", "unchanged", "superseded", "refused"))


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.content.decode()
    assert answer["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert (found["status"], found["code"]) == (status, code)
    assert found["title"]
    assert found["advice"]
    return found


def test_every_kind_is_loaded_by_its_example_and_again_changes_nothing(poster) -> None:
    order = [kind for kind in KINDS if kind != "deleted"]
    assert set(EXAMPLES) == set(KINDS)
    for kind in order:
        assert counts(poster.lines(kind, [EXAMPLES[kind]])) == (1, 0, 0, 0, 0), kind
    for kind in order:
        assert counts(poster.array(kind, [EXAMPLES[kind]])) == (0, 0, 1, 0, 0), kind


def test_deletions_are_rows_too(group, poster) -> None:
    for kind in ("customers", "events"):
        done(poster.lines(kind, [EXAMPLES[kind]]))
    assert done(poster.lines("deleted", [EXAMPLES["deleted"]]))["deleted"] == 1
    with entered(group.system):
        assert not Event.objects.exists()


def test_both_forms_say_the_same(group, poster) -> None:
    done(poster.lines("customers", [customer()]))
    done(poster.lines("visits", [visit("R1")]))
    done(poster.array("visits", [visit("R2")]))
    with entered(group.system):
        one, two = Visit.objects.order_by("ro_no")
    assert one.pay_customer_fen == two.pay_customer_fen == 100_000
    assert one.opened_at == two.opened_at


def test_a_refused_row_harms_no_other_and_says_where(poster) -> None:
    done(poster.lines("customers", [customer()]))
    rows = [
        visit("R1"),
        visit("R2", opened_at="yesterday"),
        visit("R3", no="C9"),
        visit("R4", mileage_km=-1),
        visit("R5"),
        visit("R5"),
    ]
    found = done(poster.lines("visits", rows))
    assert (found["read"], found["loaded"], found["refused"], found["superseded"]) == (6, 3, 2, 1)
    said = [(one["index"], one["column"], one["code"]) for one in found["refusals"]]
    assert said == [
        (1, "opened_at", "not_an_instant"),
        (2, "customer_no", "unknown_customer"),
        (3, "mileage_km", "out_of_range"),
    ]
    assert [one["whole_row"] for one in found["refusals"]] == [True, True, False]
    assert found["refusals"][0]["message"].startswith("“yesterday” is not a date and time")


def test_messages_come_in_the_language_asked_for(poster) -> None:
    bad = [customer(kind="alien")]
    [english] = done(poster.lines("customers", bad))["refusals"]
    [chinese] = done(poster.lines("customers", bad, Accept_Language="zh-CN"))["refusals"]
    assert "is none of" in english["message"]
    assert "不在可选值之内" in chinese["message"]
    wrong = poster.send("customers", b"{", Accept_Language="zh-CN")
    assert "第 1 行" in problem(wrong, 400, "bad_json")["detail"]


def test_awkward_values_arrive_as_they_were_sent(group, poster) -> None:
    names = ['a "quoted", name', "two\nlines", "semi;colon\ttab", "line\u2028break", "前 后", "'"]
    found = done(
        poster.lines("customers", [customer(f"C{i}", name=n) for i, n in enumerate(names)])
    )
    assert (found["created"], found["refusals"]) == (len(names), [])
    with entered(group.system):
        kept = CustomerSource.objects.order_by("customer_no").values_list("name", flat=True)
        assert list(kept) == names


def test_numbers_keep_their_digits(group, poster) -> None:
    body = b'{"store_code":"XQ-S1","customer_no":12345678901234567890,"distance_km":0.10}'
    done(poster.send("customers", body))
    with entered(group.system):
        [source] = CustomerSource.objects.all()
    assert source.customer_no == "12345678901234567890"
    assert str(source.distance_km) == "0.10"


def test_a_column_that_no_row_names_stays_and_null_empties(group, poster) -> None:
    done(poster.lines("customers", [customer(city="上海")]))
    done(poster.lines("customers", [customer(name="王方")]))
    with entered(group.system):
        assert CustomerSource.objects.get().city == "上海"
    done(poster.lines("customers", [customer(name="王方", city=None)]))
    with entered(group.system):
        assert CustomerSource.objects.get().city == ""


def test_unknown_columns_are_named_and_aliases_understood(poster) -> None:
    row = {"门店代码": "XQ-S1", "客户编号": "C1", "姓名": "王芳", "shoe_size": 44}
    found = done(poster.lines("customers", [row]))
    assert (found["created"], found["ignored_columns"]) == (1, ["shoe_size"])


def test_it_stands_in_the_history_and_in_the_trail(group, poster, client_of) -> None:
    found = done(poster.lines("customers", [customer()]))
    with entered(group.system):
        run = ImportRun.objects.get()
        actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert (run.pk, run.status, run.name) == (found["run"], "done", "API · customers")
    assert run.started_by.startswith("steward@xq via parc_")
    assert {"queue_import", "import"} <= actions
    page = client_of("steward").get("/data/imports/")
    assert "API · customers" in page.content.decode()
    again = poster.get(found["address"]).json()
    assert {k: v for k, v in found.items() if k != "address"} == again


def test_nothing_of_the_rows_stays_on_disk_once_they_are_loaded(poster, tmp_path) -> None:
    done(poster.lines("customers", [customer()]))
    assert list((tmp_path / "uploads").rglob("*")) == []


# Repeating a request


def test_the_same_key_and_body_answers_the_same_and_loads_once(group, poster) -> None:
    first = poster.lines("customers", [customer()], Idempotency_Key="a-1")
    with entered(group.system):
        Customer.objects.update(city="changed here")
    again = poster.lines("customers", [customer()], Idempotency_Key="a-1")
    assert (again.status_code, again.content) == (200, first.content)
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    with entered(group.system):
        assert ImportRun.objects.count() == 1


def test_the_same_key_with_another_body_or_kind_is_refused(group, poster) -> None:
    done(poster.lines("customers", [customer()], Idempotency_Key="a-1"))
    other = poster.lines("customers", [customer("C2")], Idempotency_Key="a-1")
    assert problem(other, 422, "key_reused")["errors"][0]["where"] == "header.Idempotency-Key"
    problem(poster.lines("visits", [customer()], Idempotency_Key="a-1"), 422, "key_reused")
    with entered(group.system):
        assert Customer.objects.count() == 1


def test_keys_of_two_callers_do_not_meet(group, poster) -> None:
    from tests.factories import add_person

    with entered(group.system):
        add_person(group, "steward_2", "data_steward", "")
    done(poster.lines("customers", [customer()], Idempotency_Key="a-1"))
    done(
        Poster(bearer(group, "steward_2")).lines(
            "customers", [customer("C2")], Idempotency_Key="a-1"
        )
    )


@pytest.mark.parametrize("status", ["running", "failed"])
def test_a_request_that_died_half_way_is_finished_by_repeating_it(
    group, poster, monkeypatch, status: str
) -> None:
    def die(*args: Any, **kwargs: Any) -> None:
        raise MemoryError("killed")

    with monkeypatch.context() as broken:
        broken.setattr(loading, "import_path", die)
        died = poster.lines("customers", [customer()], Idempotency_Key="a-1")
    problem(died, 500, "defect")
    with entered(group.system):
        ImportRun.objects.update(status=status)
    assert counts(poster.lines("customers", [customer()], Idempotency_Key="a-1")) == (1, 0, 0, 0, 0)
    with entered(group.system):
        assert ImportRun.objects.count() == 1


@pytest.mark.parametrize("key", ["", "ü", "a b", "x" * 101])
def test_a_key_is_plain_and_short(poster, key: str) -> None:
    answer = poster.lines("customers", [customer()], Idempotency_Key=key)
    if key:
        problem(answer, 400, "bad_key")
    else:
        done(answer)


# Another import at work


@pytest.fixture
def busy(group: Group, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Another session holds the lock of the group's imports; what is handed to workers."""
    from customers import tasks

    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(tasks.run_import, "delay", lambda *ids: sent.append(ids))
    key = "hashtext('parcfolio import'), hashtext('XQ')"
    here = connection.get_connection_params()
    here = {n: here[n] for n in ("dbname", "user", "password", "host", "port") if n in here}
    with psycopg.connect(**here, autocommit=True) as other:
        other.execute(f"select pg_advisory_lock({key})")
        yield lambda: (other.execute(f"select pg_advisory_unlock({key})"), sent)[1]


def test_behind_another_import_it_is_queued_and_can_be_asked_for(group, poster, busy) -> None:
    answer = poster.lines("customers", [customer()], Idempotency_Key="a-1")
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert answer["Retry-After"]
    again = poster.lines("customers", [customer()], Idempotency_Key="a-1")
    assert (again.status_code, again.json()["run"]) == (202, answer.json()["run"])
    [ids, *_more] = busy()
    run_import(*ids)
    found = poster.get(answer["Location"]).json()
    assert (found["status"], found["created"]) == ("done", 1)
    assert counts(poster.lines("customers", [customer()], Idempotency_Key="a-1")) == (1, 0, 0, 0, 0)


# Who may


@pytest.mark.parametrize("username", ["ceo", "analyst", "advisor", "admin", "auditor"])
def test_only_stewards_write(group, username: str) -> None:
    answer = Poster(bearer(group, username)).lines("customers", [customer()])
    problem(answer, 403, "forbidden")
    with entered(group.system):
        assert not ImportRun.objects.exists()


def test_a_token_to_read_or_of_one_store_does_not_write(group) -> None:
    for authorization in (bearer(group, scope="read"), bearer(group, suffix="-S1")):
        assert Poster(authorization).lines("customers", [customer()]).status_code == 403
    with entered(group.system):
        assert not CustomerSource.objects.exists()


def test_rows_for_another_groups_store_are_refused(group, other_group, poster) -> None:
    found = done(poster.lines("customers", [customer(store_code="YH-S1")]))
    assert [one["code"] for one in found["refusals"]] == ["unknown_store"]
    with entered(other_group.system):
        assert not CustomerSource.objects.exists()


def test_another_groups_run_is_not_shown(group, other_group, poster) -> None:
    found = done(Poster(bearer(other_group)).lines("comparables", [EXAMPLES["comparables"]]))
    assert poster.get(found["address"]).status_code == 404
    assert poster.get(f"{found['address']}refusals/").status_code == 404


# What is no rows

GOOD = json.dumps(customer()).encode()


@pytest.mark.parametrize(
    ("body", "code", "line"),
    [
        (GOOD + b"\n{'a': 1}", "bad_json", 2),
        (GOOD + b"\n\n" + b'{"name": "\xff"}', "bad_utf8", 3),
        (GOOD + b"\n[1]", "not_an_object", 2),
        (GOOD + b'\n{"name": {"first": "x"}}', "not_plain", 2),
        (GOOD + b'\n{"name": "a", "name": "b"}', "bad_json", 2),
        (GOOD + b'\n{"name": NaN}', "bad_json", 2),
        (GOOD + b"\n{}", "empty_row", 2),
        (GOOD + b'\n{"name": null}', "empty_row", 2),
        (GOOD + b'\n{"name": "\\ud800"}', "bad_utf8", 2),
        (GOOD + b"\n" + b"[" * 100_000, "bad_json", 2),
        (GOOD + b'\n{"name": "' + b"x" * 70_000 + b'"}', "too_long", 2),
        (GOOD + b'\n{"name": "' + b"\\n" * 60 + b'"}', "too_long", 2),
        (GOOD + b'\n{"name": "a", "\xe5\xa7\x93\xe5\x90\x8d": "b"}', "twice_named", 2),
    ],
)
def test_a_fault_in_the_lines_is_told_by_line_and_nothing_is_loaded(
    group, poster, body: bytes, code: str, line: int
) -> None:
    found = problem(poster.send("customers", body), 400, code)
    assert found["errors"][0]["line"] == line
    assert str(line) in found["detail"]
    with entered(group.system):
        assert not ImportRun.objects.exists()
        assert not CustomerSource.objects.exists()


@pytest.mark.parametrize(
    ("body", "code", "where"),
    [
        (b'[{"name": "a"},\n{"name" "b"}]', "bad_json", "line 2"),
        (b'[{"name": "a"},\n\n{"name": "\xff"}]', "bad_utf8", "line 3"),
        (b'[{"name": "a"}, 7]', "not_an_object", "rows[1]"),
        (b'[{"name": "a"}, {"name": []}]', "not_plain", "rows[1]"),
    ],
)
def test_a_fault_in_the_array_is_told_by_line_or_place(
    poster, body: bytes, code: str, where: str
) -> None:
    found = problem(poster.send("customers", body, ARRAY), 400, code)
    assert found["errors"][0]["where"] == where


@pytest.mark.parametrize("body", [b"\n \n", b"[]"])
def test_no_rows_are_no_request(poster, body: bytes) -> None:
    problem(poster.send("customers", body, ARRAY if body == b"[]" else LINES), 400, "no_rows")


def test_an_object_is_no_array(poster) -> None:
    problem(poster.send("customers", GOOD, ARRAY), 400, "not_an_array")


@pytest.mark.parametrize(
    ("content_type", "headers"),
    [
        ("text/csv", {}),
        ("multipart/form-data; boundary=x", {}),
        ("application/x-www-form-urlencoded", {}),
        ("application/json; charset=gbk", {}),
        (LINES, {"Content_Encoding": "gzip"}),
    ],
)
def test_other_content_is_not_taken(poster, content_type: str, headers: dict[str, str]) -> None:
    answer = poster.send("customers", GOOD, content_type, **headers)
    assert answer.status_code == 415
    assert answer["Content-Type"] == "application/problem+json"


def test_a_body_without_a_length_is_411(poster) -> None:
    answer = poster.client.generic(
        *("POST", "/api/v1/customers/bulk", b"", LINES),
        headers=poster.headers,
        CONTENT_TYPE=LINES,
        CONTENT_LENGTH="",
    )
    problem(answer, 411, "no_length")


def test_a_body_that_ends_early_is_refused(poster) -> None:
    answer = poster.client.generic(
        *("POST", "/api/v1/customers/bulk", GOOD, LINES),
        headers=poster.headers,
        **{"CONTENT_LENGTH": "999", "wsgi.input": io.BytesIO(GOOD)},
    )
    problem(answer, 400, "cut_off")


def test_too_many_rows_and_bytes_are_413(poster, monkeypatch, settings) -> None:
    monkeypatch.setattr(bodies, "MOST_ROWS", 2)
    many = poster.lines("customers", [customer(f"C{i}") for i in range(3)])
    assert problem(many, 413, "too_many_rows")["errors"][0]["line"] == 3
    settings.API_BULK_MB = 0
    problem(poster.lines("customers", [customer()]), 413, "too_large")


def test_too_large_a_body_is_read_so_that_its_sender_gets_the_answer(poster, settings) -> None:
    settings.API_BULK_MB = 1
    sent = io.BytesIO(b" " * (3 << 20))
    answer = poster.client.generic(
        *("POST", "/api/v1/customers/bulk", b"", LINES),
        headers=poster.headers,
        CONTENT_TYPE=LINES,
        **{"CONTENT_LENGTH": str(3 << 20), "wsgi.input": sent},
    )
    problem(answer, 413, "too_large")
    assert sent.read() == b""


def test_a_missing_column_is_named_with_the_nearest(poster) -> None:
    answer = poster.lines("customers", [{"store_code": "XQ-S1", "customer_number": "C1"}])
    assert "customer_no" in problem(answer, 422, "missing_columns")["detail"]


def test_more_refusals_than_one_answer_holds_are_paged(group, poster, monkeypatch) -> None:
    from customers.deliveries import outcome

    monkeypatch.setattr(outcome, "MOST_REFUSALS", 2)
    found = done(poster.lines("customers", [customer(f"C{i}", kind="alien") for i in range(5)]))
    assert (len(found["refusals"]), found["refusals_complete"]) == (2, False)
    page = poster.get(f"{found['address']}refusals/?page_size=3").json()
    rest = poster.get(page["next"]).json()
    assert [one["index"] for one in page["results"] + rest["results"]] == [0, 1, 2, 3, 4]


def test_refusals_keep_their_rows_sealed_for_correction(group, poster) -> None:
    done(poster.lines("customers", [customer(kind="alien")]))
    with entered(group.system):
        assert RejectedRow.objects.get().sealed_row is not None
        assert Delivery.objects.get().created_at <= timezone.now()


def test_there_is_nothing_to_get(poster) -> None:
    answer = poster.get("/api/v1/customers/bulk")
    assert answer.status_code in (404, 405)
    assert answer["Content-Type"] == "application/problem+json"
