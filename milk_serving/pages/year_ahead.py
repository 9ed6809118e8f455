"""What the first page says: the price of the months ahead, how sure it is, what moved it, and where it comes from."""

from typing import Any

from milk.months import YEAR_AHEAD, Month
from milk.publication.read_page import YearAhead
from milk.publication.rows import ForecastRow, Score
from milk_serving.pages import fan
from milk_serving.pages.causes import Moved, bar, moved, shown_causes
from milk_serving.pages.formats import Formats, capital, places_of
from milk_serving.pages.language import Language
from milk_serving.pages.words import Words

OWN_MODEL = "milk"
"""Under this name the scores of the recipe itself are published."""

NO_LICENCE = "none stated"
"""What the register says of a source that names no licence."""


def year_ahead_content(record: YearAhead, language: Language, say: Words, today: Month) -> dict[str, Any]:
    """What the template fills in.

    Args:
        record: what is published.
        language: of the reader.
        say: its words.
        today: the month in which the page is read: an issue that should have come is missed.
    """
    headline = _headline(record)
    formats = Formats(language, places_of(headline.price))
    drawn = fan.Fan(
        observed={known.month: known.price for known in record.observed},
        forecasts=record.forecasts,
        origin=record.issue.forecast_origin,
        unit=record.issue.unit,
    )
    return {
        "formats": formats,
        "issue": record.issue,
        "headline": _figure(headline, formats),
        "last_known": _last_known(record, formats),
        "mean": _mean(record, formats, say),
        "charts": [fan.draw_fan(drawn, frame, say, formats) for frame in (fan.WIDE, fan.NARROW)],
        "rows": [_row(row, formats) for row in record.forecasts],
        "causes": _causes(record, headline, formats, say),
        "backtest": _backtest(record.scores, formats),
        "live": record.live,
        "fresh": _freshness(record, formats, say, today),
        "series": record.series,
        "no_licence": NO_LICENCE,
    }


def _headline(record: YearAhead) -> ForecastRow:
    """The month of the issue; its first target where it has none of that month."""
    rows = record.forecasts
    return next((row for row in rows if row.target_month == record.issue.issue_month), rows[0])


def _figure(row: ForecastRow, formats: Formats) -> dict[str, str]:
    return {
        "month": capital(formats.month(row.target_month)),
        "held": formats.percent(row.measured_80) if row.measured_forecasts else "",
        "tested": formats.number(row.measured_forecasts),
        "price": formats.price(row.price),
        "low": formats.price(row.lower_80),
        "high": formats.price(row.upper_80),
        "low_95": formats.price(row.lower_95),
        "high_95": formats.price(row.upper_95),
    }


def _last_known(record: YearAhead, formats: Formats) -> dict[str, str] | None:
    """The last price that the forecast knew; a later one may be known by now, and the drawing has it."""
    origin = record.issue.forecast_origin
    price = next((known.price for known in record.observed if known.month == origin), None)
    return None if price is None else {"month": formats.month(origin), "price": formats.price(price)}


def _mean(record: YearAhead, formats: Formats, say: Words) -> dict[str, str] | None:
    """The mean from the issue month to the end of its year; `None` in issues of an earlier program."""
    issue = record.issue.issue_month
    row = next((row for row in record.forecasts if row.target_month - issue == YEAR_AHEAD - 1), None)
    if row is None or row.mean_price is None:
        return None
    return {
        "price": formats.price(row.mean_price),
        "low": formats.price(row.mean_lower_80),
        "high": formats.price(row.mean_upper_80),
        "months": say("mean_months", first=formats.month(issue), last=formats.month(row.target_month)),
    }


def _row(row: ForecastRow, formats: Formats) -> dict[str, str]:
    return {
        "month": formats.short_month(row.target_month),
        "price": formats.exact(row.price),
        "span_80": formats.span(row.lower_80, row.upper_80),
        "span_95": formats.span(row.lower_95, row.upper_95),
    }


def _causes(record: YearAhead, headline: ForecastRow, formats: Formats, say: Words) -> dict[str, Any]:
    """Two columns: the headline month, and the last month of the issue."""
    rows = [headline, record.forecasts[-1]]
    columns: list[Moved] = [moved(row) for row in rows]
    names = shown_causes(rows)
    largest = max(abs(column.causes[name]) for column in columns for name in names)
    lines = [
        {
            "name": say(f"cause_{name}"),
            "why": say(f"why_{name}"),
            "cells": [
                (bar(column.causes[name], largest), formats.exact(column.causes[name], is_signed=True))
                for column in columns
            ],
        }
        for name in names
    ]
    return {
        "months": [formats.short_month(row.target_month) for row in rows],
        "starts": [formats.exact(column.start) for column in columns],
        "ends": [formats.exact(column.price) for column in columns],
        "lines": lines,
    }


def _backtest(scores: list[Score], formats: Formats) -> dict[str, str] | None:
    """Next month, and the mean over the year, of the recipe; `None` where no scores are published."""
    own = [score for score in scores if score.model == OWN_MODEL]
    if not own:
        return None
    first = own[0]
    year = sum(score.ratio for score in own) / len(own)
    forecasts = sum(score.forecasts for score in own)
    return {
        "forecasts": formats.number(first.forecasts),
        "mae": formats.number(first.mae, formats.places + 1),
        "ratio": formats.percent(first.ratio),
        "ratio_year": formats.percent(year),
        "horizons": formats.number(len(own)),
        "coverage_80": formats.percent(sum(score.coverage_80 * score.forecasts for score in own) / forecasts),
        "coverage_95": formats.percent(sum(score.coverage_95 * score.forecasts for score in own) / forecasts),
        "all": formats.number(forecasts),
    }


def _freshness(record: YearAhead, formats: Formats, say: Words, today: Month) -> dict[str, Any]:
    issue = record.issue.issue_month
    is_late = today > issue
    name = "fresh_late" if is_late else "fresh_current"
    return {"is_late": is_late, "said": say(name, next=formats.month(issue + 1), due=formats.month(today))}
