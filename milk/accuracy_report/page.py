"""The accuracy page, from backtests of the same window."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from milk.accuracy_report.words import Language, words
from milk.evaluation.backtest import RECIPE
from milk.evaluation.score_table import comparisons, score_table
from milk.evaluation.scores import REFERENCE

CHANCE = 0.05
YEAR = 12
COMPARED_AT = (1, 3, 6, 12)
MEANS_OF = (3, 12)
LARGE = 10.0
"""From here on two decimals say enough."""


def accuracy_page(
    backtests: Mapping[int, pd.DataFrame], *, language: Language, unit: str, is_synthetic: bool, command: str
) -> str:
    """The page as markdown.

    Args:
        backtests: the backtest by the lag of the price in months; the first one leads, all have the same targets.
        language: of the sentences.
        unit: of the prices.
        is_synthetic: whether the data are invented, which the page then says.
        command: what makes the page, so that a reader can make it again.
    """
    say = words(language)
    lag, leading = next(iter(backtests.items()))
    targets = leading["target_month"]
    compared = {own: comparisons(backtest) for own, backtest in backtests.items()}
    parts = [
        f"# {say['title']}",
        f"<!-- {say['made'].format(command=command)} -->",
        say["intro"].format(first=f"{targets.min():%Y-%m}", last=f"{targets.max():%Y-%m}", unit=unit),
        say["synthetic"] if is_synthetic else "",
        *_short(leading, say, lag, unit),
        *(part for own in backtests for part in _by_horizon(backtests[own], compared[own], say, own)),
        *_against_baselines(compared[lag], say),
        *_losses(leading, compared[lag], say),
        *_grouped(leading, say),
        *_means(leading, say, lag),
        *_no_leak(leading, say),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def mean_scores(backtest: pd.DataFrame, *, lag: int) -> pd.DataFrame:
    """How the mean price of the next 3 and 12 months was forecast by the recipe.

    Args:
        backtest: of one lag.
        lag: of the price, in months; the mean begins with the issue month.

    Returns:
        `months`, `rmse`, `ratio_last_value`, `coverage_80`, `coverage_95`, `width_80`, `forecasts`; a row each.
    """
    known = backtest.dropna(subset=["mean_observed"])
    rows = []
    for months in MEANS_OF:
        here = known[known["horizon_months"] == months + lag].set_index("model")
        own, last = here.loc[[RECIPE]], here.loc[[REFERENCE]]
        rmse, reference = (
            float(np.sqrt(((m["mean_prediction"] - m["mean_observed"]) ** 2).mean())) for m in (own, last)
        )
        rows.append(
            {
                "months": months,
                "rmse": rmse,
                "ratio_last_value": rmse / reference if reference > 0 else 1.0,
                "coverage_80": _held(own, "80"),
                "coverage_95": _held(own, "95"),
                "width_80": float((own["mean_upper_80"] - own["mean_lower_80"]).mean()),
                "forecasts": len(own),
            }
        )
    return pd.DataFrame(rows)


def markdown(table: pd.DataFrame) -> str:
    """A frame as a table of markdown: numbers with the digits that matter, the rest as it is."""
    lines = [[str(column) for column in table.columns], ["---"] * len(table.columns)]
    lines += [[_cell(value) for value in row] for row in table.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    if not isinstance(value, float):  # numpy's is one
        return str(value)
    number = float(value)
    if np.isnan(number):
        return ""
    return f"{number:.2f}" if abs(number) >= LARGE else f"{number:.3f}"


def _held(rows: pd.DataFrame, level: str) -> float:
    return float(rows["mean_observed"].between(rows[f"mean_lower_{level}"], rows[f"mean_upper_{level}"]).mean())


def _own(backtest: pd.DataFrame) -> pd.DataFrame:
    table = score_table(backtest, by="horizon_months")
    return table[table["model"] == RECIPE].set_index("horizon_months")


def _short(backtest: pd.DataFrame, say: Mapping[str, str], lag: int, unit: str) -> list[str]:
    scores = score_table(backtest, by="horizon_months").set_index(["model", "horizon_months"])
    own = scores.loc[RECIPE]
    year = own.loc[lag + 1 : lag + YEAR]
    means = mean_scores(backtest, lag=lag).set_index("months")["coverage_80"]
    held = {level: f"{year[f'coverage_{level}'].min():.0%}-{year[f'coverage_{level}'].max():.0%}" for level in (80, 95)}
    said = say["short_body"].format(
        next=year["ratio_last_value"].iloc[0],
        rmse=year["rmse"].iloc[0],
        rmse_last=scores.loc[(REFERENCE, year.index[0]), "rmse"],
        year=year["ratio_last_value"].mean(),
        held_80=held[80],
        held_95=held[95],
        mean_3=means[3],
        mean_12=means[12],
        unit=unit,
    )
    return [f"## {say['short']}", said]


def _by_horizon(backtest: pd.DataFrame, compared: pd.DataFrame, say: Mapping[str, str], lag: int) -> list[str]:
    own = _own(backtest).reset_index()
    against = compared[compared["baseline"] == REFERENCE].set_index("horizon_months")
    low, high = (own["horizon_months"].map(against[name]) for name in ("ratio_low", "ratio_high"))
    shown = pd.DataFrame(
        {
            say["months_ahead"]: own["horizon_months"],
            "RMSE": own["rmse"],
            "MAE": own["mae"],
            "ratio": own["ratio_last_value"],
            "95 %": [f"{a:.2f}-{b:.2f}" for a, b in zip(low, high, strict=True)],
            "/ seasonal_drift": own["ratio_seasonal_drift"],
            "MASE": own["mase"],
            "sMAPE %": own["smape"],
            "pinball": own["pinball"],
            say["score_80"]: own["interval_score_80"],
            say["held_80"]: own["coverage_80"],
            say["held_95"]: own["coverage_95"],
            say["width_80"]: own["width_80"],
            "n": own["forecasts"],
        }
    )
    title = say.get(f"lag_{lag}", f"+{lag}")
    note = say["horizons_note"] if lag == 0 else say["lag_note"]
    return [f"## {say['horizons']}: {title}", note, markdown(shown)]


def _against_baselines(compared: pd.DataFrame, say: Mapping[str, str]) -> list[str]:
    rows = []
    for baseline, part in compared.groupby("baseline", sort=False):
        at = part.set_index("horizon_months")
        row: dict[str, object] = {say["baseline"]: f"`{baseline}`"}
        for horizon in COMPARED_AT:
            row[f"h={horizon}"] = f"{at['ratio'][horizon]:.3f} ({_chance(at['dm_p_value'][horizon])})"
        rows.append(row)
    return [f"## {say['baselines']}", say["baselines_note"], markdown(pd.DataFrame(rows))]


def _losses(backtest: pd.DataFrame, compared: pd.DataFrame, say: Mapping[str, str]) -> list[str]:
    said = []
    for baseline, part in compared.groupby("baseline", sort=False):
        worse = part[part["ratio"] >= 1]
        unsure = part[(part["ratio"] < 1) & ~(part["dm_p_value"] < CHANCE)]
        if worse.empty and unsure.empty:
            said.append(say["loses_none"].format(baseline=baseline))
        if len(unsure):
            said.append(say["loses_horizons"].format(baseline=baseline, horizons=_list(unsure["horizon_months"])))
        if len(worse):
            said.append(say["loses_worse"].format(baseline=baseline, horizons=_list(worse["horizon_months"])))
    periods = _ratios(backtest, "period").mean(axis=1)
    bad = periods.index[periods >= 1]
    said.append(say["loses_periods"].format(periods=_list(bad) or say["nowhere"]))
    months = _ratios(backtest, "calendar_month").iloc[:, 0]
    said.append(say["loses_months"].format(months=_list(months.index[months >= 1]) or say["nowhere"]))
    return [f"## {say['loses']}", "\n".join(f"- {sentence}" for sentence in said)]


def _ratios(backtest: pd.DataFrame, by: str) -> pd.DataFrame:
    """Groups x horizons: the ratio of the recipe to the last value."""
    table = score_table(backtest, by="period" if by == "period" else "calendar_month")
    return table[table["model"] == RECIPE].pivot_table(index=by, columns="horizon_months", values="ratio_last_value")


def _grouped(backtest: pd.DataFrame, say: Mapping[str, str]) -> list[str]:
    parts = []
    for by, title, name in (("period", "periods", "period"), ("calendar_month", "months", "month")):
        shown = _ratios(backtest, by)[list(COMPARED_AT)]
        shown.columns = [f"h={horizon}" for horizon in shown.columns]
        parts += [f"## {say[title]}", markdown(shown.reset_index(names=say[name]))]
    return parts


def _means(backtest: pd.DataFrame, say: Mapping[str, str], lag: int) -> list[str]:
    table = mean_scores(backtest, lag=lag)
    table.columns = [say["mean_of"], "RMSE", "ratio", say["held_80"], say["held_95"], say["width_80"], "n"]
    return [f"## {say['means']}", say["means_note"], markdown(table)]


def _no_leak(backtest: pd.DataFrame, say: Mapping[str, str]) -> list[str]:
    scores = score_table(backtest, by="horizon_months").set_index(["model", "horizon_months"])["ratio_last_value"]
    said = say["leak_body"].format(seasonal=scores["seasonal_drift", 1], recipe=scores[RECIPE, 1])
    return [f"## {say['leak']}", said]


def _chance(p_value: float) -> str:
    return "p -" if np.isnan(p_value) else "p < .001" if p_value < 0.001 else f"p {p_value:.3f}"


def _list(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in values)
