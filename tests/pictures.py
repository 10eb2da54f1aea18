"""``python -m tests.pictures``: the README's pictures, taken from a running demonstration."""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.demo_site import ROOT, DemoSite, running_demo

PICTURES = ROOT / "docs" / "pictures"
SIZE = {"width": 1366, "height": 768}


def _signed_in(page: Page, site: DemoSite, username: str) -> Page:
    page.goto(site.url)
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", site.password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "sign" not in url)
    return page


def _most_reasons(page: Page, site: DemoSite) -> str:
    """Address of the customer on the follow-up list whose profile has most to say."""
    page.goto(f"{site.url}/follow-ups/")
    links = page.locator("a[href^='/customers/']").evaluate_all("all => all.map(a => a.href)")
    best, most = "", -1
    for address in dict.fromkeys(link.split("?")[0] for link in links[:40]):
        page.goto(address)
        says = page.locator(".reason").count() + page.locator(".timeline > *").count() / 10
        if page.locator(".car").count() and says > most:
            best, most = address, says
    return best


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="parcfolio-pictures-") as folder:
        Path(folder).chmod(0o755)
        with (
            running_demo(Path(folder), customers=5000, until="") as site,
            sync_playwright() as playwright,
        ):
            past = site.manage("demo_history", "--group", "XQ")
            assert past.returncode == 0, past.stderr
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            executive = browser.new_context(viewport=SIZE, locale="en-US").new_page()
            _signed_in(executive, site, "ceo").goto(f"{site.url}/value/")
            executive.screenshot(path=str(PICTURES / "valuation.png"))
            advisor = browser.new_context(viewport=SIZE, locale="zh-CN").new_page()
            _signed_in(advisor, site, "advisor")
            advisor.goto(_most_reasons(advisor, site))
            advisor.screenshot(path=str(PICTURES / "profile.png"))
            browser.close()


if __name__ == "__main__":
    main()
