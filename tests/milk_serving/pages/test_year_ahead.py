"""What the first page says, against the store."""

import dataclasses
import re

import sqlalchemy as sa

from milk.months import Month
from milk.publication.read_page import year_ahead
from milk.publication.rows import Issue
from milk.series import SERIES_ID
from milk_serving.pages.language import Language
from milk_serving.pages.rendering import YEAR_AHEAD_PAGE, render
from tests.milk.publication.issues import series_row
from tests.milk_serving.pages.rows import ISSUE, card, forecast, issue, observed, publish_issue, publish_year
from tests.milk_serving.pages.text import links_of, text_of

HOSTILE = '</title></p><script src="//evil">alert("x")</script>'


def _page(store: sa.Engine, language: Language = "es", today: Month = ISSUE) -> str:
    return render(YEAR_AHEAD_PAGE, store, language, today).decode()


def _said(store: sa.Engine, language: Language = "es", today: Month = ISSUE) -> str:
    return text_of(_page(store, language, today))


def test_the_headline_its_interval_and_the_mean_in_words(store: sa.Engine) -> None:
    publish_issue(store)
    rows = issue().forecasts
    low, high = rows[0].lower_80, rows[0].upper_80
    said = _said(store)
    expected = f"Noviembre de 2026 {rows[0].price:.0f} CLP/L entre {low:.0f} y {high:.0f} en cuatro de cada cinco casos"
    assert expected in said
    mean = rows[11]
    assert mean.mean_price is not None
    assert mean.mean_lower_80 is not None
    assert f"Promedio de doce meses {mean.mean_price:.0f} CLP/L entre {mean.mean_lower_80:.0f} y" in said
    assert "noviembre de 2026 a octubre de 2027" in said
    assert "de 178 intervalos anteriores a este plazo, el 79 % contuvo el precio" in said
    assert "Último precio conocido 341 CLP/L octubre de 2026" in said
    english = _said(store, "en")
    assert (
        f"November 2026 {rows[0].price:.0f} CLP/L between {low:.0f} and {high:.0f} in four cases out of five" in english
    )


def test_every_month_stands_in_the_table(store: sa.Engine) -> None:
    publish_issue(store)
    said = _said(store, "en")
    for row in issue().forecasts:
        spans = f"{row.lower_80:.0f}\u2013{row.upper_80:.0f} {row.lower_95:.0f}\u2013{row.upper_95:.0f}"
        assert f"{row.price:.1f} {spans}" in said
    assert len(re.findall(r"\d\u2013\d+ \d", said)) == 12


def test_the_causes_add_up_on_the_page(store: sa.Engine) -> None:
    publish_issue(store)
    said = _said(store, "en")
    table = said.partition("Oct 2027 Last known price")[2].partition("How far to trust it")[0]
    numbers = [float(text.replace("\u2212", "-")) for text in re.findall(r"[+\u2212]?\d+\.\d", table)]
    starts, causes, ends = numbers[:2], numbers[2:-2], numbers[-2:]
    assert len(causes) == 2 * 3, "season, momentum, drift: there is no cycle"
    for column in (0, 1):
        assert abs(starts[column] + sum(causes[column::2]) - ends[column]) <= 0.21


def test_the_backtest_and_live_forecasts_are_told_apart(store: sa.Engine) -> None:
    publish_year(store)
    said = _said(store, "en")
    assert "119 tests of each number of months ahead" in said
    assert "One month ahead it was off by 4.2 CLP/L on average" in said
    assert (
        "Its error one month ahead was 72% of that of repeating the last price; on average over 12 horizons, 83%"
        in said
    )
    assert "6 forecasts issued in time can be judged by now, of 3 months" in said
    assert "The 80% interval held the price 83% of the time, the 95% interval 100%" in said
    assert "too few months for a verdict yet" in said


def test_what_is_missing_is_said(store: sa.Engine) -> None:
    bare = tuple(forecast(ahead, mean_price=None, measured_forecasts=0, measured_80=None) for ahead in range(12))
    publish_issue(store, issue(forecasts=bare), observed=(), series=(), cards=[dataclasses.replace(card(), scores=())])
    said = _said(store, "en")
    assert "This issue does not hold it." in said
    assert "earlier intervals this far ahead" not in said
    assert "Last known price It is not published." in said
    assert "Of this model no tests are published." in said
    assert "The price of no month that was forecast in time is known yet." in said
    assert "Licence" not in said


def test_synthetic_data_are_said_on_top_and_real_ones_are_not(store: sa.Engine) -> None:
    publish_issue(store, issue(is_synthetic=False))
    assert "sintéticos" not in _said(store)


def test_the_banner_of_synthetic_data(store: sa.Engine) -> None:
    publish_issue(store)
    for language, words in (("es", "Datos sintéticos."), ("en", "Synthetic data.")):
        said = _said(store, language)  # type: ignore[arg-type]  # because both are languages
        assert said.index(words) < said.index("CLP/L"), "the banner stands below the first number"


def test_a_licence_is_quoted_and_its_lack_said_in_words(store: sa.Engine) -> None:
    publish_issue(store)
    assert "Licencia no indicada" in _said(store)
    publish_issue(store, series=[series_row(series_id=SERIES_ID, licence="CC BY 4.0")])
    assert "Licencia CC BY 4.0" in _said(store)


def test_a_hindcast_is_called_one(store: sa.Engine) -> None:
    publish_issue(store, issue(kind="hindcast"))
    assert "made after its month was over" in _said(store, "en")
    assert "issued in time" not in _said(store, "en").partition("Where this number")[2]


def test_an_issue_that_should_have_come_is_missed(store: sa.Engine) -> None:
    publish_issue(store)
    assert "the next one comes in the first days of December 2026" in _said(store, "en")
    late = _said(store, "en", ISSUE + 3)
    assert late.count("there should be an issue of February 2027 by now") == 2
    assert "the next one comes" not in late


def test_the_newest_revision_speaks_with_its_reason(store: sa.Engine) -> None:
    publish_issue(store)
    assert "revision" not in _said(store, "en").partition("Where this number")[2].partition("Downloads")[0]
    changed = tuple(forecast(ahead, measured_80=0.5) for ahead in range(12))
    publish_issue(store, issue(forecasts=changed))
    reason = year_ahead(store, SERIES_ID).issue.reason
    said = _said(store, "en")
    assert "November 2026, revision 2, issued in time" in said
    assert reason != "first issue"
    assert reason in said


def _late_issue() -> Issue:
    """As the live source makes it: the price is two months late, and the first targets lie before the issue month."""
    rows = tuple(
        dataclasses.replace(forecast(ahead, issue=ISSUE + (-2)), price=300.0 + ahead, lower_80=299.0, upper_80=330.0,
                            lower_95=290.0, upper_95=340.0)
        for ahead in range(14)
    )  # fmt: skip
    return issue(forecasts=rows, forecast_origin=ISSUE + (-3))


def test_with_a_late_price_the_issue_month_is_the_headline(store: sa.Engine) -> None:
    publish_issue(store, _late_issue())
    assert "November 2026 302 CLP/L between 299 and 330" in _said(store, "en")


def test_a_price_that_became_known_since_is_drawn(store: sa.Engine) -> None:
    publish_issue(store, observed=[observed(ISSUE + (-1), 341.4), observed(ISSUE, 333.3)])
    page = _page(store, "en")
    assert "price 333.3 CLP/L" in page
    assert "Last known price 341 CLP/L October 2026" in text_of(page)


def test_nothing_that_was_published_becomes_markup(store: sa.Engine) -> None:
    row = series_row(series_id=SERIES_ID, meaning=HOSTILE, licence=HOSTILE, source=HOSTILE)
    hostile = issue(model_version=HOSTILE, unit=HOSTILE)
    publish_issue(store, hostile, series=[row], cards=[card(HOSTILE)])
    page = _page(store)
    assert "alert" in page
    assert "<script src=" in page, "the page has its own script"
    assert HOSTILE not in page
    assert "evil" not in "".join(links_of(page))
    assert page.count("<script") == 1


def test_the_page_links_downloads_and_names_no_other_host(store: sa.Engine) -> None:
    publish_issue(store)
    links = links_of(_page(store))
    assert {"v1/predictions?format=csv", "v1/predictions", "v1/observations?format=csv", "docs"} <= set(links)
    assert not [link for link in links if "//" in link or link.startswith(("/", "data:", "javascript:"))]
