"""What the second page says: how good the forecasts were, in the backtest and in real life; never of hindcasts."""

from collections.abc import Mapping, Sequence
from typing import Any

from milk.errors import BadSetting
from milk.months import Month
from milk.publication.judged_rows import JudgedForecast, RunningStatistics
from milk.publication.read_page import AccuracyRecord
from milk.publication.rows import Score
from milk_serving.pages.formats import Formats, capital, places_of
from milk_serving.pages.horizons import NARROW, WIDE, HorizonChart, Line, Value, draw_horizons
from milk_serving.pages.language import Language
from milk_serving.pages.words import Words

MODELS = ("milk", "seasonal_drift", "last_value", "drift", "seasonal_naive")
"""The recipe and the baselines, as the tables name them."""

REFERENCES = ("last_value", "seasonal_drift")
"""The baselines against which a card has intervals."""

MOST_MONTHS = 12
FLAGS = ("is_biased", "is_outside_80", "is_outside_95", "is_worse_than_last_value")


def accuracy_content(record: AccuracyRecord, language: Language, say: Words) -> dict[str, Any]:
    """What the template fills in.

    Args:
        record: what is published.
        language: of the reader.
        say: its words.
    """
    own = [score for score in record.scores if score.model == "milk"]
    formats = Formats(language, places_of(max(score.rmse for score in own)) if own else 1)
    models = [name for name in MODELS if any(score.model == name for score in record.scores)]
    ratios = {name: _ratios(record, name) for name in REFERENCES}
    return {
        "formats": formats,
        "issue": record.issue,
        "window": _window(record, formats),
        "errors": _error_charts(record.scores, say, formats),
        "ratios": _ratio_charts(ratios, say, formats),
        "coverages": _coverage_charts(own, say, formats),
        "models": models,
        "legend": [(name, say(f"model_{name}")) for name in models],
        "error_rows": _error_rows(record.scores, formats),
        "ratio_rows": _ratio_rows(ratios, formats),
        "coverage_rows": [_coverage_row(score, formats) for score in own],
        "statistics": [_statistics_row(row, say, formats) for row in record.statistics],
        "judged": [_judged_row(row, formats) for row in _nearest(record.judged)],
    }


def _window(record: AccuracyRecord, formats: Formats) -> dict[str, str] | None:
    """The target months of the backtest, where the card says them."""
    windows = _mapping(record.card.card if record.card else {}, "windows")
    first, last = windows.get("evaluation_first"), windows.get("evaluation_last")
    try:
        return {"first": formats.month(Month.parse(str(first))), "last": formats.month(Month.parse(str(last)))}
    except BadSetting:
        # Not there, or no month: a card of another program.
        return None


def _mapping(content: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """A part of a card by the names that lead to it; empty where a card of another program has none."""
    for name in names:
        part = content.get(name)
        if not isinstance(part, Mapping):
            return {}
        content = part
    return content


def _ratios(record: AccuracyRecord, reference: str) -> list[Value]:
    """The ratios of the recipe to a baseline with their intervals; empty where the card has none."""
    rows = _mapping(record.card.card if record.card else {}, "scores", "against").get(reference)
    if not isinstance(rows, list):
        return []
    names = ("horizon_months", "ratio", "ratio_low", "ratio_high")
    return [
        Value(int(row["horizon_months"]), row["ratio"], row["ratio_low"], row["ratio_high"])
        for row in rows
        if isinstance(row, Mapping) and all(isinstance(row.get(name), int | float) for name in names)
    ]


def _charts(chart: HorizonChart) -> list[str]:
    return [draw_horizons(chart, frame) for frame in (WIDE, NARROW)]


def _error_charts(scores: Sequence[Score], say: Words, formats: Formats) -> list[str]:
    lines = [
        Line(
            say(f"model_{name}"),
            name,
            [Value(score.horizon_months, score.rmse) for score in scores if score.model == name],
        )
        for name in reversed(MODELS)
    ]
    lines = [one for one in lines if one.values]
    if not lines:
        return []
    return _charts(
        HorizonChart(
            lines=lines,
            said=say("errors_said"),
            axis=say("errors_axis"),
            written=lambda value, places: formats.number(value, formats.places if places is None else places),
            told=lambda horizon: say("horizon_told", horizon=horizon),
            ends=[0.0],
        )
    )


def _ratio_charts(ratios: Mapping[str, list[Value]], say: Words, formats: Formats) -> list[str]:
    lines = [Line(say(f"model_{name}"), name, values) for name, values in ratios.items() if values]
    if not lines:
        return []
    return _charts(
        HorizonChart(
            lines=lines,
            said=say("ratios_said"),
            axis=say("ratios_axis"),
            written=lambda value, places: formats.percent(value, max(0, (places or 2) - 2)),
            told=lambda horizon: say("horizon_told", horizon=horizon),
            references=[1.0],
        )
    )


def _coverage_charts(own: Sequence[Score], say: Words, formats: Formats) -> list[str]:
    if not own:
        return []
    lines = [
        Line("95 %", "level-95", [Value(score.horizon_months, score.coverage_95) for score in own]),
        Line("80 %", "level-80", [Value(score.horizon_months, score.coverage_80) for score in own]),
    ]
    return _charts(
        HorizonChart(
            lines=lines,
            said=say("coverage_said"),
            axis=say("coverage_axis"),
            written=lambda value, places: formats.percent(value, max(0, (places or 2) - 2)),
            told=lambda horizon: say("horizon_told", horizon=horizon),
            ends=[0.6, 1.0],
            references=[0.8, 0.95],
        )
    )


def _error_rows(scores: Sequence[Score], formats: Formats) -> list[dict[str, Any]]:
    """A row a horizon: the error of each model that is there."""
    by_key = {(score.model, score.horizon_months): score for score in scores}
    models = [name for name in MODELS if any(score.model == name for score in scores)]
    horizons = sorted({score.horizon_months for score in scores})
    rows = []
    for horizon in horizons:
        found = [by_key.get((name, horizon)) for name in models]
        rows.append(
            {
                "horizon": horizon,
                "cells": [formats.price(score.rmse if score else None) for score in found],
                "forecasts": next(formats.number(score.forecasts) for score in found if score),
            }
        )
    return rows


def _ratio_rows(ratios: Mapping[str, list[Value]], formats: Formats) -> list[dict[str, Any]]:
    found = {name: {value.horizon: value for value in values} for name, values in ratios.items()}
    horizons = sorted({horizon for values in found.values() for horizon in values})
    return [
        {"horizon": horizon, "cells": [_ratio(found[name].get(horizon), formats) for name in REFERENCES]}
        for horizon in horizons
    ]


def _ratio(value: Value | None, formats: Formats) -> dict[str, str]:
    if value is None:
        return {"ratio": formats.number(None), "span": ""}
    low, high = value.low, value.high
    return {
        "ratio": formats.percent(value.value),
        "span": "" if low is None or high is None else formats.span(100 * low, 100 * high, 0),
    }


def _coverage_row(score: Score, formats: Formats) -> dict[str, Any]:
    return {
        "horizon": score.horizon_months,
        "coverage_80": formats.percent(score.coverage_80),
        "coverage_95": formats.percent(score.coverage_95),
        "width": formats.price(score.width_80),
        "forecasts": formats.number(score.forecasts),
    }


def _statistics_row(row: RunningStatistics, say: Words, formats: Formats) -> dict[str, Any]:
    """The statistics of a horizon; what is found wrong is said in words of the reader, from the flags."""
    findings = [say(f"finding_{name}") for name in FLAGS if getattr(row, name)]
    verdict = ", ".join(findings) if row.is_judged and findings else say("fine" if row.is_judged else "too_few")
    return {
        "horizon": say("all_horizons") if row.horizon_months == 0 else str(row.horizon_months),
        "months": formats.number(row.months_judged),
        "forecasts": formats.number(row.forecasts),
        "bias": formats.percent(row.bias, 1, is_signed=True),
        "rmse": formats.price(row.rmse),
        "ratio": formats.percent(row.ratio_last_value),
        "ratio_span": _shares(row.ratio_last_value_low, row.ratio_last_value_high, formats),
        "coverage_80": formats.percent(row.coverage_80),
        "coverage_80_span": _shares(row.coverage_80_low, row.coverage_80_high, formats),
        "coverage_95": formats.percent(row.coverage_95),
        "coverage_95_span": _shares(row.coverage_95_low, row.coverage_95_high, formats),
        "verdict": capital(verdict),
        "is_bad": row.is_judged and bool(findings),
    }


def _shares(low: float | None, high: float | None, formats: Formats) -> str:
    return "" if low is None or high is None else formats.span(100 * low, 100 * high, 0)


def _nearest(judged: Sequence[JudgedForecast]) -> list[JudgedForecast]:
    """Of each target month the forecast of its nearest issue, the newest month first; at most a year of them."""
    nearest: dict[Any, JudgedForecast] = {}
    for row in judged:
        nearest.setdefault(row.target_month, row)
    return list(nearest.values())[:MOST_MONTHS]


def _judged_row(row: JudgedForecast, formats: Formats) -> dict[str, Any]:
    at = Formats(formats.language, places_of(row.price))
    return {
        "target": at.short_month(row.target_month),
        "issue": at.short_month(row.issue_month),
        "price": at.exact(row.price),
        "span": at.span(row.lower_80, row.upper_80),
        "observed": at.exact(row.observed),
        "error": at.exact(row.error, is_signed=True),
        "is_inside_80": row.is_inside_80,
        "is_inside_95": row.is_inside_95,
    }
