"""Endpoints for load balancer and monitor."""

import pytest
from django.test import Client


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("10.2.3.4", {}, 200),
        ("203.0.113.9", {}, 404),
        ("", {}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, 404),
        ("127.0.0.1", {"Authorization": "Bearer wrong"}, 404),
        ("203.0.113.9", {"Authorization": "Bearer right"}, 200),
        ("203.0.113.9", {"Authorization": "Basic right"}, 404),
    ],
)
def test_metrics_are_for_the_monitor(settings, db, address, headers, status) -> None:
    settings.METRICS_TOKEN = "right"
    answer = Client(REMOTE_ADDR=address).get("/metrics", headers=headers)
    assert answer.status_code == status


def test_without_a_token_no_bearer_is_let_in(settings, db: None) -> None:
    settings.METRICS_TOKEN = ""
    client = Client(REMOTE_ADDR="203.0.113.9")
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_metrics_speak_prometheus(db: None) -> None:
    assert b"django_http_requests_total" in Client().get("/metrics").content


def test_liveness_needs_no_sign_in_and_no_database() -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_readiness_names_what_is_not_ready(db: None) -> None:
    answer = Client().get("/readyz")
    assert answer.json()["checks"]["database"] == "ok"
    assert answer.json()["checks"]["migrations"] == "ok"
