"""The shell on its own: no database, no middleware of the applications above it."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from web.translations import compile_catalogues

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "platform/web/static/web"


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    compile_catalogues(ROOT)


@pytest.fixture
def shell_only(settings: Any) -> Any:
    """Settings under which pages of ``web`` alone are served."""
    settings.ROOT_URLCONF = "tests.web.urls"
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    settings.MIDDLEWARE = [
        "csp.middleware.CSPMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "web.refused_methods.RefusedMethods",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ]
    return settings


@pytest.fixture
def visitor(shell_only: Any) -> Client:
    return Client(raise_request_exception=False)


@pytest.fixture
def english() -> Any:
    with translation.override("en"):
        yield


@pytest.fixture
def chinese() -> Any:
    with translation.override("zh-hans"):
        yield
