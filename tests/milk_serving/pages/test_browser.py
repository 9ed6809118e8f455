"""The pages in a real browser: whole without scripts, silent, alone, for every eye, hand and screen."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=35)]

PATHS = ["/", "/accuracy", "/models"]
MOST_BYTES = 150_000
PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 900}


@contextmanager
def _open(browser: Browser, **options: Any) -> Iterator[tuple[Page, list[str], list[str]]]:  # noqa: ANN401  # because a context has many options
    """A new page, what its console says, and what it asks for."""
    context = browser.new_context(**{"viewport": DESKTOP, "locale": "es-CL"} | options)
    page, said, asked = context.new_page(), list[str](), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    try:
        yield page, said, asked
    finally:
        context.close()


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_silent_asks_nobody_else_and_is_light(browser: Browser, site: str, path: str) -> None:
    with _open(browser) as (page, said, asked):
        sizes: list[int] = []
        page.on("response", lambda response: sizes.append(len(response.body())))
        page.goto(f"{site}{path}", wait_until="networkidle")
        assert said == []
        assert len(asked) >= 3
        assert [url for url in asked if not url.startswith(f"{site}/")] == []
        assert sum(sizes) <= MOST_BYTES


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", [f"{path}?lang={language}" for path in PATHS for language in ("es", "en")])
def test_axe_finds_nothing(browser: Browser, site: str, path: str, scheme: str) -> None:
    with _open(browser, color_scheme=scheme) as (page, _said, _asked):
        page.goto(f"{site}{path}")
        for folded in page.locator("details").all():
            folded.evaluate("one => { one.open = true; }")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


def test_axe_finds_what_is_wrong(browser: Browser, site: str) -> None:
    with _open(browser) as (page, _said, _asked):
        page.goto(site)
        page.evaluate("() => { document.documentElement.removeAttribute('lang'); }")
        assert "html-has-lang" in Axe().run(page).generate_snapshot()


@pytest.mark.parametrize("path", PATHS)
def test_nothing_scrolls_sideways_on_a_phone(browser: Browser, site: str, path: str) -> None:
    for width in (320, 360, 414):
        with _open(browser, viewport=PHONE | {"width": width}) as (page, _said, _asked):
            page.goto(f"{site}{path}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_drawing_fits_the_screen(browser: Browser, site: str) -> None:
    for viewport, shown, hidden in ((PHONE, "narrow", "wide"), (DESKTOP, "wide", "narrow")):
        with _open(browser, viewport=viewport) as (page, _said, _asked):
            page.goto(site)
            expect(page.locator(f"svg.{shown}")).to_be_visible()
            expect(page.locator(f"svg.{hidden}")).to_be_hidden()


def test_the_language_follows_the_browser_and_the_switch(browser: Browser, site: str) -> None:
    with _open(browser, locale="en-GB") as (page, _said, _asked):
        page.goto(site)
        expect(page.locator("h1")).to_have_text("The milk price, a year ahead")
        page.get_by_role("link", name="Español").click()
        expect(page.locator("h1")).to_have_text("El precio de la leche, un año adelante")
        page.get_by_role("link", name="Exactitud", exact=True).click()
        expect(page.locator("h1")).to_have_text("Cuánto aciertan los pronósticos")
        assert page.evaluate("document.documentElement.lang") == "es"
    with _open(browser) as (page, _said, _asked):
        page.goto(f"{site}/models")
        expect(page.locator("h1")).to_have_text("El modelo en producción")


def test_a_pointer_tells_the_month_under_it(browser: Browser, site: str) -> None:
    with _open(browser) as (page, said, _asked):
        page.goto(site)
        plot = page.locator(".plot:has(> svg.wide)")
        box = plot.bounding_box()
        assert box is not None
        expect(plot.locator(".tip")).to_be_hidden()
        page.mouse.move(box["x"] + box["width"] - 12, box["y"] + box["height"] / 2)
        expect(plot.locator(".tip")).to_be_visible()
        expect(plot.locator(".tip strong")).to_have_text("Octubre de 2027")
        expect(plot.locator(".tip")).to_contain_text("pronóstico 378,1 CLP/L")
        tip = plot.locator(".tip").bounding_box()
        assert tip is not None
        assert box["x"] <= tip["x"]
        assert tip["x"] + tip["width"] <= box["x"] + box["width"]
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(plot.locator(".tip")).to_contain_text("precio ")
        page.mouse.move(0, 0)
        expect(plot.locator(".tip")).to_be_hidden()
        assert said == []


def test_the_keyboard_reaches_all_of_it(browser: Browser, site: str) -> None:
    with _open(browser) as (page, _said, _asked):
        page.goto(site)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Saltar al contenido")).to_be_focused()
        page.keyboard.press("Enter")
        plot = page.get_by_role("slider", name="Mes del gráfico")
        for _ in range(5):
            page.keyboard.press("Tab")
            if plot.evaluate("one => one === document.activeElement"):
                break
        expect(plot).to_be_focused()
        expect(plot.locator(".tip strong")).to_have_text("Octubre de 2027")
        page.keyboard.press("ArrowLeft")
        expect(plot.locator(".tip strong")).to_have_text("Septiembre de 2027")
        assert (plot.get_attribute("aria-valuetext") or "").startswith("Septiembre de 2027, pronóstico")
        page.keyboard.press("Home")
        expect(plot.locator(".tip strong")).to_have_text("Noviembre de 2020")
        page.keyboard.press("Escape")
        expect(plot.locator(".tip")).to_be_hidden()


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_whole_without_scripts(browser: Browser, site: str, path: str) -> None:
    with _open(browser) as (page, _said, _asked):
        page.goto(f"{site}{path}")
        with_scripts = page.locator("main").inner_text()
    with _open(browser, java_script_enabled=False) as (page, _said, asked):
        page.goto(f"{site}{path}")
        assert page.locator("main").inner_text() == with_scripts
        assert not [url for url in asked if url.endswith(".js")]
        titles = page.locator("svg.wide title").count()
        assert titles == {"/": 84, "/accuracy": 36, "/models": 0}[path]


def test_what_the_policy_forbids_does_not_run(browser: Browser, site: str) -> None:
    with _open(browser) as (page, said, _asked):
        page.goto(site)
        page.evaluate(
            """() => {
                const script = document.createElement('script');
                script.textContent = 'window.ran = true;';
                document.body.append(script);
            }"""
        )
        assert page.evaluate("window.ran") is None
        assert any("Content Security Policy" in text for text in said)


def test_every_way_onwards_leads_somewhere(browser: Browser, site: str) -> None:
    with _open(browser) as (page, _said, _asked):
        for path in PATHS:
            page.goto(f"{site}{path}")
            links = page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")
            for link in {*links}:
                assert page.request.get(link).status == 200, link
        assert page.request.get(f"{site}/docs").status == 200


def test_the_forecast_is_downloaded_as_a_table(browser: Browser, site: str) -> None:
    with _open(browser) as (page, said, _asked):
        page.goto(f"{site}/?lang=es")
        with page.expect_download() as downloading:
            page.get_by_role("link", name="El pronóstico en CSV").click()
        assert downloading.value.suggested_filename == "predictions.csv"
        rows = downloading.value.path().read_text(encoding="utf-8").splitlines()
        assert rows[0].startswith("series_id,target_month,issue_month,")
        shown = page.locator("table").first.locator("tbody tr").count()
        assert len(rows) == 1 + shown
        assert not said
