"""The client of docs/api.md, as it stands there: it loads, reads, and asks again when it must."""

import io
import re
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from config.api.authentication import PerCaller
from customers.deliveries import loading
from customers.models import ImportRun
from organization.access import entered
from tests.api.posting import Poster, bearer, customer
from tests.factories import Group

BASE = "http://parcfolio.example.com"
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "api.md"


def source() -> str:
    [found] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


def sent_here(request: urllib.request.Request, timeout: float = 0) -> Any:
    """``urlopen`` that asks this process instead of the network."""
    path = request.full_url.removeprefix(BASE).removeprefix("http://testserver")
    headers = dict(request.header_items())
    content_type = headers.pop("Content-type", "")
    if request.data is None:
        answer = Client().get(path, headers=headers)
    else:
        answer = Client().post(path, request.data, content_type=content_type, headers=headers)
    body = io.BytesIO(answer.content)
    if answer.status_code >= 400:
        named = Message()
        for name, value in answer.items():
            named[name] = value
        raise urllib.error.HTTPError(path, answer.status_code, "", named, body)
    return body


@pytest.fixture
def client(group: Group, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Any:
    cache.clear()
    settings.VAR_DIR, settings.UPLOAD_DIR = tmp_path, tmp_path / "uploads"
    monkeypatch.setattr(loading.assess, "apply_async", lambda *a, **k: None)
    monkeypatch.setattr(urllib.request, "urlopen", sent_here)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    names: dict[str, Any] = {"__name__": "client"}
    exec(compile(source(), str(DOCUMENT), "exec"), names)
    return names["Parcfolio"](BASE, bearer(group).removeprefix("Bearer "))


def test_it_loads_in_parts_and_reads_back(group, client) -> None:
    numbers = [f"C{i:05}" for i in range(10_050)]
    parts = list(client.load("customers", [customer(n) for n in numbers]))
    assert [(part["created"], part["refused"]) for part in parts] == [(10_000, 0), (50, 0)]
    assert len({row["uid"] for row in client.rows("customers", home_store="XQ-S1")}) == 10_050


def test_the_example_itself_runs(group, client, monkeypatch, capsys) -> None:
    done = Poster(bearer(group)).lines("customers", [customer("C1")])
    assert done.status_code == 200
    token = client.headers["Authorization"].removeprefix("Bearer ")
    monkeypatch.setattr("sys.argv", ["client.py", BASE, token])
    exec(compile(source(), str(DOCUMENT), "exec"), {"__name__": "__main__"})
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "2 created, 0 refused"
    assert said[1].startswith("1 mileage_km -5 lies outside 0")
    assert said[2:] == ["RO-1 2026-03-02 100000", "RO-2 2026-03-02 100000"]


def test_too_fast_it_waits_and_asks_again(client, monkeypatch) -> None:
    monkeypatch.setattr(PerCaller, "rate", "1/min", raising=False)
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        cache.clear()

    monkeypatch.setattr("time.sleep", wait)
    assert list(client.rows("units"))
    assert list(client.rows("units"))
    assert 0 < waited[0] <= 60


def test_a_refused_request_says_why(client) -> None:
    with pytest.raises(RuntimeError, match="missing_columns"):
        list(client.load("visits", [{"ro_no": "R1"}]))
    with pytest.raises(RuntimeError, match="no such parameter"):
        list(client.rows("visits", shop="XQ-S1"))


def test_a_run_that_waits_is_asked_for_until_it_is_done(group, client, monkeypatch) -> None:
    from customers import tasks

    queued: list[tuple[int, int]] = []
    monkeypatch.setattr(tasks.run_import, "delay", lambda *ids: queued.append(ids))

    def finish(seconds: float) -> None:
        tasks.run_import(*queued[0])

    monkeypatch.setattr("time.sleep", finish)
    with monkeypatch.context() as busy:
        busy.setattr(loading, "load", lambda *a, **k: False)
        [part] = client.load("customers", [customer()])
    assert (part["status"], part["created"]) == ("done", 1)
    with entered(group.system):
        assert ImportRun.objects.count() == 1
