"""The two pages that people open every day, clicked through as an advisor and as an executive."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SizedPage
from tests.demo_site import DemoSite

pytestmark = [
    pytest.mark.browser,
    pytest.mark.services,
    pytest.mark.slow,
    pytest.mark.xdist_group("demo"),
]
