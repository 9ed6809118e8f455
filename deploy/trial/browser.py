"""The browser: the page for people, and *Materialize all* in the Dagster UI behind its password."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from deploy.trial.client import SITE
from deploy.trial.container import TrialFailed

OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MILLISECONDS = 60_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of this machine, without a window.

    Raises:
        TrialFailed: there is none.
    """
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise TrialFailed("No browser is installed (Debian: chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


def see_page(browser: Browser, picture: Path) -> None:
    """The page of the forecast, drawn."""
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.goto(f"{SITE}/")
    page.locator("svg").first.wait_for(timeout=MILLISECONDS)
    page.screenshot(path=picture, full_page=True)
    page.close()
    if wrong:
        raise TrialFailed(f"The page: {wrong}")


def materialize_all(browser: Browser, password: tuple[str, str], months: int, picture: Path) -> None:
    """Open the asset graph with the password of the UI and press *Materialize all*, for all of so many months."""
    # The password is the browser's to give: in the address it would hinder the page from asking its own server.
    context = browser.new_context(
        http_credentials={"username": password[0], "password": password[1]}, viewport={"width": 1500, "height": 900}
    )
    page = context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    try:
        _press(page, months, picture)
    except PlaywrightError as error:
        page.screenshot(path=picture)
        raise TrialFailed(f"The UI, as {picture} shows it: {error.message} {broken}") from error
    finally:
        context.close()
    if broken:
        raise TrialFailed(f"The UI: {broken}")


def _press(page: Page, months: int, picture: Path) -> None:
    page.goto(f"{SITE}/dagster/asset-groups")
    button = page.get_by_text("Materialize all")
    button.wait_for(timeout=MILLISECONDS)
    page.get_by_text("publication", exact=True).first.wait_for(timeout=MILLISECONDS)
    page.screenshot(path=picture)
    button.click()
    launch = page.get_by_role("button", name="Launch backfill")
    launch.wait_for(timeout=MILLISECONDS)
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_text(f"{months} partitions").first.wait_for(timeout=MILLISECONDS)
    page.screenshot(path=picture.with_name("dialog.png"))
    launch.click()
    launch.wait_for(state="detached", timeout=MILLISECONDS)
