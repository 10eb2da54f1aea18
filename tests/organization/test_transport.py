"""What the browser is told, and what an installation behind a proxy sets: cookies, HSTS, CSP."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

ROOT = Path(__file__).resolve().parents[2]
ASK = """
import json, sys
sys.path[:0] = [".", "platform"]
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django
django.setup()
from django.conf import settings
from django.test import Client
from django.test.utils import setup_test_environment
setup_test_environment()
names = sys.argv[1].split(",")
plain = Client().get("/sign-in", headers={"host": "parcfolio.example"})
through = {"host": "parcfolio.example", "X-Forwarded-Proto": "https"}
secure = Client().get("/sign-in", headers=through)
print(json.dumps({
    "settings": {name: getattr(settings, name) for name in names},
    "plain": [plain.status_code, dict(plain.headers)],
    "secure": [secure.status_code, dict(secure.headers)],
    "csrf": {k: secure.cookies["__Host-csrf"][k] for k in ("secure", "samesite", "path", "domain")},
    "health": Client().get("/healthz", headers={"host": "parcfolio.example"}).status_code,
}, default=str))
"""
NAMES = (
    "SESSION_COOKIE_NAME,SESSION_COOKIE_SECURE,SESSION_COOKIE_HTTPONLY,SESSION_COOKIE_SAMESITE,"
    "SECOND_FACTOR,DEBUG"
)


@pytest.fixture(scope="module")
def production() -> dict[str, Any]:
    """What an installation with production settings answers, plain and through the TLS proxy."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PARCFOLIO_", "DJANGO_"))}
    environment = {
        **clean,
        "PARCFOLIO_MASTER_KEY": os.environ["PARCFOLIO_MASTER_KEY"],
        "PARCFOLIO_VAR": os.environ["PARCFOLIO_VAR"],
        "PARCFOLIO_TEST": "1",  # static files without a manifest
        "ALLOWED_HOSTS": "parcfolio.example",
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK, NAMES],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_cookies_travel_encrypted_and_out_of_reach_of_scripts(production) -> None:
    assert production["settings"] == {
        "SESSION_COOKIE_NAME": "__Host-session",
        "SESSION_COOKIE_SECURE": True,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SECOND_FACTOR": True,
        "DEBUG": False,
    }
    assert production["csrf"] == {
        **{"secure": True, "samesite": "Lax"},
        **{"path": "/", "domain": ""},  # what browsers demand of a name with __Host-
    }


def test_a_plain_request_is_sent_to_https_except_for_health(production) -> None:
    status, headers = production["plain"]
    assert (status, headers["Location"]) == (301, "https://parcfolio.example/sign-in")
    assert production["health"] == 200


def test_through_the_proxy_the_browser_is_told_to_stay_on_https(production) -> None:
    status, headers = production["secure"]
    assert status == 200
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"


def test_the_demonstration_promises_no_https(db: None) -> None:
    assert "Strict-Transport-Security" not in Client().get("/sign-in").headers


@pytest.mark.parametrize("address", ["/sign-in", "/healthz", "/nowhere", "/api/v1/units/"])
def test_every_answer_carries_the_policy(db: None, address: str) -> None:
    headers = Client().get(address).headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


FORMS = (
    *("/sign-out", "/account/password", "/account/second-factor", "/account/sessions/end"),
    *("/account/tokens", "/account/tokens/revoke", "/language", "/theme"),
)


@pytest.mark.parametrize("address", FORMS)
def test_a_forged_form_is_refused(group, address: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(group.accounts["advisor"])
    assert client.post(address).status_code == 403


@pytest.mark.parametrize(
    "address", ["/account/", "/account/tokens", "/account/second-factor", "/account/password"]
)
def test_pages_about_secrets_are_not_kept_by_the_browser(group, client_of, address: str) -> None:
    group.accounts["advisor"].set_password("correct horse battery")
    group.accounts["advisor"].save()
    assert "no-store" in client_of("advisor").get(address)["Cache-Control"]


@pytest.mark.parametrize("address", ["/", "/customers/", "/nowhere"])
def test_no_page_is_kept_by_a_shared_computer(group, client_of, address: str) -> None:
    assert client_of("advisor").get(address)["Cache-Control"] == "private, no-store"


def test_the_api_is_kept_by_nobody_but_the_caller(client_of) -> None:
    """A caller may keep an answer to ask whether it still holds (ETag); nobody between may."""
    answer = client_of("ceo").get("/api/v1/units/")
    assert answer["Cache-Control"] == "private, no-cache"


def test_parts_of_pages_are_not_stored_by_the_browser(client_of) -> None:
    """htmx would put the page that one leaves into the browser's storage."""
    page = client_of("advisor").get("/customers/").content.decode()
    said = json.loads(page.split('name="htmx-config" content=\'')[1].split("'")[0])
    assert said["historyCacheSize"] == 0
    assert said["refreshOnHistoryMiss"] is True
