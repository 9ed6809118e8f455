"""Pictures of what the pipeline makes: frames in, PNG bytes out. No file, no window, no clock.

Each carries the word SYNTHETIC where its data are. matplotlib is loaded with the first picture: half a second that a
process which draws none does not pay.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, GREY, ORANGE = "#1f6f8b", "#8a8f98", "#d97706"
MODEL_COLOURS = {
    "milk": BLUE,
    "last_value": "#444444",
    "seasonal_naive": "#b9bec6",
    "drift": "#d4a373",
    "seasonal_drift": ORANGE,
}
HISTORY_SHOWN = 60


def price_history(merged: pd.DataFrame, *, is_synthetic: bool) -> bytes:
    """The price by month.

    Args:
        merged: the merged table.
        is_synthetic: whether the data are invented.
    """
    figure, axes = _figure("Farm-gate milk price", "CLP per litre, nominal", is_synthetic=is_synthetic)
    axes.plot(merged["month"], merged["price"], color=BLUE, linewidth=1.2)
    return _png(figure)


def search_results(table: pd.DataFrame, *, is_synthetic: bool) -> bytes:
    """Every setting of a search: next month against the year ahead, the choice marked."""
    label = "RMSE ratio to last value, mean of horizons 1 to 12"
    figure, axes = _figure("Search: each point is a setting", label, is_synthetic=is_synthetic)
    for has_pull, colour, marker in ((True, BLUE, "o"), (False, GREY, "s")):
        part = table[table["has_pull"].astype(bool) == has_pull]
        said = "with the pull of the cycle" if has_pull else "without it"
        axes.scatter(part["ratio_next_month"], part["ratio_year"], color=colour, marker=marker, s=18, label=said)
    best = table.head(1)
    axes.scatter(
        best["ratio_next_month"], best["ratio_year"], s=120, facecolors="none", edgecolors=ORANGE, linewidths=2,
        label="chosen",
    )  # fmt: skip
    axes.legend(frameon=False, fontsize=8)
    axes.set_xlabel("RMSE ratio to last value, next month")
    return _png(figure)


def errors_by_horizon(scores: pd.DataFrame, *, is_synthetic: bool) -> bytes:
    """RMSE ratio to the last value by horizon, every model.

    Args:
        scores: see `milk.evaluation.scores.scores_by_horizon`.
        is_synthetic: whether the data are invented.
    """
    figure, axes = _figure("Backtest by horizon", "RMSE ratio to last value", is_synthetic=is_synthetic)
    for model, part in scores.groupby("model", sort=False):
        ordered = part.sort_values("horizon_months")
        colour = MODEL_COLOURS.get(str(model), GREY)
        width = 2.2 if model == "milk" else 1.1
        axes.plot(ordered["horizon_months"], ordered["ratio"], color=colour, linewidth=width, label=str(model))
    axes.set_ylim(0, max(2.0, float(scores.loc[scores["model"] == "milk", "ratio"].max()) * 1.1))
    axes.set_xlabel("months ahead of the last known price")
    axes.legend(frameon=False, fontsize=8)
    return _png(figure)


def coverage_by_horizon(scores: pd.DataFrame, *, is_synthetic: bool) -> bytes:
    """How many prices the intervals of the recipe held, by horizon, beside what they should have.

    Args:
        scores: see `milk.evaluation.scores.scores_by_horizon`.
        is_synthetic: whether the data are invented.
    """
    figure, axes = _figure("Prices inside the intervals", "share of forecasts", is_synthetic=is_synthetic)
    own = scores[scores["model"] == "milk"].sort_values("horizon_months")
    for name, nominal, colour in (("coverage_80", 0.80, BLUE), ("coverage_95", 0.95, ORANGE)):
        axes.plot(
            own["horizon_months"], own[name], color=colour, marker="o", markersize=3, label=f"held, {nominal:.0%}"
        )
        axes.axhline(nominal, color=colour, linewidth=0.8, linestyle="--")
    axes.set_ylim(0.5, 1.02)
    axes.set_xlabel("months ahead of the last known price")
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    return _png(figure)


def forecast_fan(merged_price: pd.DataFrame, issue: pd.DataFrame, *, is_synthetic: bool) -> bytes:
    """The last five years and the year ahead, with the 80 % and 95 % intervals.

    Args:
        merged_price: `month, price`, the past.
        issue: the rows of one issue month of `batch_predictions`.
        is_synthetic: whether the data are invented.
    """
    month = pd.Timestamp(issue["issue_month"].iloc[0])
    figure, axes = _figure(f"Forecast issued for {month:%Y-%m}", "CLP per litre, nominal", is_synthetic=is_synthetic)
    origin = issue["forecast_origin"].iloc[0]
    past = merged_price[merged_price["month"] <= origin].tail(HISTORY_SHOWN)
    axes.plot(past["month"], past["price"], color="#333333", linewidth=1.2, label="observed")
    axes.fill_between(issue["target_month"], issue["lower_95"], issue["upper_95"], color=BLUE, alpha=0.15, label="95 %")
    axes.fill_between(issue["target_month"], issue["lower_80"], issue["upper_80"], color=BLUE, alpha=0.30, label="80 %")
    axes.plot(issue["target_month"], issue["price"], color=BLUE, linewidth=1.8, label="forecast")
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return _png(figure)


def identity_errors(identities: pd.DataFrame, *, is_synthetic: bool) -> bytes:
    """The relative error of each identity by month, on a log scale, against the largest that is exact.

    Args:
        identities: see `milk.panel.restore.Restoration`.
        is_synthetic: whether the data are invented.
    """
    figure, axes = _figure("What must add up: error by month", "relative error", is_synthetic=is_synthetic)
    for name, part in identities.groupby("identity", sort=False):
        # A sum that is exact to the last bit has no place on a log scale; it is drawn at the foot.
        axes.plot(part["month"], part["relative_error"].clip(lower=1e-17), ".", markersize=4, label=str(name))
    axes.axhline(1e-8, color=ORANGE, linewidth=1, label="exact below")
    _on_log_scale(axes)
    axes.legend(frameon=False, fontsize=7, ncols=2)
    return _png(figure)


def before_and_after(cells: pd.DataFrame, *, is_synthetic: bool) -> bytes:
    """A column as its text reads without its dots, and as it was restored.

    Args:
        cells: rows of `restored_central_bank` of one series that hold a number.
        is_synthetic: whether the data are invented.
    """
    name = str(cells["series"].iloc[0])
    figure, axes = _figure(f"{name}: received and restored", "log scale", is_synthetic=is_synthetic)
    received = pd.to_numeric(cells["text"].str.replace(".", "", regex=False), errors="coerce")
    axes.plot(cells["month"], received, ".", color=GREY, markersize=3, label="the text without its dots")
    axes.plot(cells["month"], cells["value"], color=BLUE, linewidth=1.4, label="restored")
    _on_log_scale(axes)
    axes.legend(frameon=False, fontsize=8)
    return _png(figure)


def drift_of_inputs(rows: pd.DataFrame, *, is_synthetic: bool) -> bytes:
    """Each feature of one issue month: its statistic over what it may be, by block; inputs of the recipe marked.

    Args:
        rows: rows of `input_drift` of one issue month.
        is_synthetic: whether the data are invented.
    """
    month = pd.Timestamp(rows["issue_month"].iloc[0])
    figure, axes = _figure(f"Inputs of {month:%Y-%m} against training", "statistic / limit", is_synthetic=is_synthetic)
    known = rows.dropna(subset=["statistic", "threshold"]).sort_values(["block", "feature"]).reset_index(drop=True)
    ratio = known["statistic"] / known["threshold"]
    colours = [ORANGE if is_input else GREY for is_input in known["is_input"]]
    axes.scatter(known.index, ratio, c=colours, s=16)
    axes.axhline(1, color="#b91c1c", linewidth=1)
    middles = known.groupby("block", sort=False).apply(lambda part: float(part.index.to_numpy().mean()))
    axes.set_xticks(middles.to_numpy(), middles.index.tolist(), rotation=20, ha="right")
    axes.set_ylim(0, max(1.3, float(ratio.max()) * 1.1) if len(ratio) else 1.3)
    axes.set_xlabel("one point a feature; orange: used by the recipe")
    figure.subplots_adjust(bottom=0.3)
    return _png(figure)


def cumulative_errors(judged: pd.DataFrame, *, is_synthetic: bool) -> bytes:
    """Both cumulative sums of the one-step errors of the recipe by target month, with their limit.

    Args:
        judged: see `milk.evaluation.target_drift.target_drift`.
        is_synthetic: whether the data are invented.
    """
    figure, axes = _figure("One-step errors of the recipe: CUSUM", "standard deviations", is_synthetic=is_synthetic)
    shown = judged.tail(120)
    axes.plot(shown["target_month"], shown["cusum_up"], color=BLUE, linewidth=1.4, label="prices above the forecasts")
    axes.plot(shown["target_month"], -shown["cusum_down"], color=ORANGE, linewidth=1.4, label="below")
    for side in (1, -1):
        axes.plot(shown["target_month"], side * shown["cusum_limit"], color="#b91c1c", linewidth=0.8, linestyle="--")
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return _png(figure)


def monitors_of_errors(
    record: pd.DataFrame, judged: pd.DataFrame, *, trained: pd.Timestamp, said: str, is_synthetic: bool
) -> bytes:
    """The one-step errors within their intervals, and below each monitor as a share of its limit.

    Args:
        record: see `milk.forecasting.issue.one_step_record`.
        judged: see `milk.evaluation.error_monitors.monitored_errors`.
        trained: month of the newest price that the last training saw.
        said: the decision, in a few words.
        is_synthetic: whether the data are invented.
    """
    figure, axes = _figure(said, "one-step error, log points", is_synthetic=is_synthetic)
    figure.set_size_inches(7, 4.6)
    axes.set_position((0.1, 0.56, 0.88, 0.36))
    shown = record.tail(HISTORY_SHOWN)
    for name, alpha in (("95", 0.15), ("80", 0.30)):
        width = shown[f"half_width_{name}"]
        axes.fill_between(shown["target_month"], -width, width, color=BLUE, alpha=alpha, linewidth=0, label=f"{name} %")
    axes.plot(shown["target_month"], shown["error"], "o", color="#333333", markersize=3, label="error")
    axes.legend(frameon=False, fontsize=7, ncols=3, loc="upper left")
    below = figure.add_axes((0.1, 0.09, 0.88, 0.36), sharex=axes)
    recent = judged[judged["target_month"].isin(shown["target_month"])]
    shares = {
        "size": recent["growth"] / recent["growth_limit"],
        "level": recent[["cusum_up", "cusum_down"]].max(axis=1) / recent["cusum_limit"],
        "year's mean": recent["bias"].abs() / recent["bias_band"],
        "season": recent["season_statistic"].clip(lower=0) / recent["season_limit"],
    }
    for (name, share), colour in zip(shares.items(), (ORANGE, BLUE, GREY, "#15803d"), strict=True):
        below.plot(recent["target_month"], share, color=colour, linewidth=1.4, marker=".", markersize=4, label=name)
    below.axhline(1, color="#b91c1c", linewidth=1, linestyle="--", label="alarm above")
    for panel in (axes, below):
        # matplotlib counts dates in days since 1970.
        panel.axvline((trained - pd.Timestamp(0)).days, color="#111111", linewidth=0.8, linestyle=":")
    below.set_ylim(0, max(1.3, *(float(share.max()) * 1.1 for share in shares.values() if share.notna().any())))
    below.set_ylabel("share of its limit", fontsize=8)
    below.tick_params(labelsize=8)
    below.spines[["top", "right"]].set_visible(False)
    below.legend(frameon=False, fontsize=7, ncols=5, loc="upper left", title="dotted: last training", title_fontsize=7)
    return _png(figure)


def sparkline(values: pd.Series) -> bytes:
    """A line small enough to be shown inline by the asset page: an SVG of under 700 bytes."""
    thinned = values.iloc[np.unique(np.linspace(0, len(values) - 1, 40).astype(int))].to_numpy(dtype=float)
    low, high = float(thinned.min()), float(thinned.max())
    span = (high - low) or 1.0
    step = 156 / max(len(thinned) - 1, 1)
    points = " ".join(f"{2 + step * k:.0f},{28 - 26 * (v - low) / span:.0f}" for k, v in enumerate(thinned))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="160" height="30">'
        f'<polyline fill="none" stroke="{BLUE}" points="{points}"/></svg>'
    ).encode()


def _figure(title: str, label: str, *, is_synthetic: bool = False) -> tuple[Figure, Axes]:
    # Fixed margins and a fixed height of the title: a layout that measures every text first takes as long as the
    # drawing itself.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), dpi=90)
    figure.subplots_adjust(left=0.1, right=0.98, top=0.91, bottom=0.16)
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=10, loc="left", y=1.0)
    axes.set_ylabel(label, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e5e7eb", linewidth=0.6)
    if is_synthetic:
        axes.text(
            0.5, 0.5, "SYNTHETIC DATA", transform=axes.transAxes, fontsize=22, color="#b91c1c", alpha=0.18,
            ha="center", va="center", rotation=12,
        )  # fmt: skip
    return figure, axes


def _on_log_scale(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.minorticks_off()
    # Plain numbers: to parse powers of ten as formulae takes a third of the time of a picture.
    axes.yaxis.set_major_formatter(lambda value, _at: f"{value:g}")


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def changes_by_calendar_month(changes: pd.DataFrame, judged: pd.DataFrame, name: str, *, is_synthetic: bool) -> bytes:
    """The monthly change of a series by calendar month, the newest year marked, with what its past allows.

    Args:
        changes: `calendar_month, change, is_new` (see `milk.panel.quality_panel.calendar_changes`).
        judged: the newest changes of the series with `month, low, high`.
        name: the series.
        is_synthetic: whether the data are invented.
    """
    figure, axes = _figure(f"{name}: change by calendar month", "log change", is_synthetic=is_synthetic)
    past, newest = changes[~changes["is_new"]], changes[changes["is_new"]]
    axes.scatter(past["calendar_month"], past["change"], color=GREY, s=6, alpha=0.5, label="earlier years")
    months = judged["month"].dt.month
    axes.vlines(months, judged["low"], judged["high"], color=BLUE, alpha=0.25, linewidth=9, label="allowed")
    axes.scatter(newest["calendar_month"], newest["change"], color=ORANGE, s=26, label="newest year")
    axes.set_xticks(range(1, 13))
    axes.legend(frameon=False, fontsize=8, ncols=3)
    return _png(figure)


def features_over_time(counts: pd.DataFrame, *, is_synthetic: bool) -> bytes:
    """How many features of each block have a value, by month, one above the other.

    Args:
        counts: months x blocks (see `milk.panel.quality_panel.block_features`).
        is_synthetic: whether the data are invented.
    """
    figure, axes = _figure("Features with a value, by month", "features", is_synthetic=is_synthetic)
    from matplotlib import colormaps

    colours = [colormaps["tab20"](k) for k in range(len(counts.columns))]
    axes.stackplot(counts.index, counts.to_numpy().T, labels=counts.columns.tolist(), colors=colours, step="post")
    axes.legend(frameon=False, fontsize=7, loc="upper left", ncols=2)
    return _png(figure)


def margins_of_cells(margin: pd.DataFrame, uncertain_below: float, *, is_synthetic: bool) -> bytes:
    """By how much the next best power of ten fits worse: how many restored cells have which margin.

    Args:
        margin: months x series, NaN or infinite where there is nothing to choose.
        uncertain_below: margins below it are in doubt.
        is_synthetic: whether the data are invented.
    """
    figure, axes = _figure("How sure a restored cell is", "cells", is_synthetic=is_synthetic)
    known = margin.to_numpy(dtype=float)
    # One outline: as sixty bars it takes twice as long to draw.
    axes.hist(known[np.isfinite(known)], bins=60, color=BLUE, histtype="stepfilled")
    axes.axvline(uncertain_below, color="#b91c1c", linewidth=1, label="in doubt below")
    _on_log_scale(axes)
    axes.set_xlabel("margin to the next best power of ten, in log10 steps")
    axes.legend(frameon=False, fontsize=8)
    return _png(figure)
