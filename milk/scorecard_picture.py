"""The scorecard as one picture that a person reads in ten seconds: frames in, PNG bytes out. No file, no clock.

matplotlib is loaded when it is drawn.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, GREY, ORANGE, RED, BLACK = "#1f6f8b", "#8a8f98", "#d97706", "#b91c1c", "#333333"
MONTHS_SHOWN = 60


def scorecard_picture(rows: pd.DataFrame, summary: pd.DataFrame, *, is_synthetic: bool) -> bytes:
    """Published against observed for the nearest month; below, coverage and error against the last value by horizon.

    Args:
        rows: the table `scorecard`, at least one row.
        summary: the table `scorecard_summary` of these rows.
        is_synthetic: whether the data are invented.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5.6), dpi=90)
    grid = figure.add_gridspec(2, 2, left=0.08, right=0.98, top=0.93, bottom=0.09, hspace=0.42, wspace=0.2)
    _published_and_observed(_styled(figure.add_subplot(grid[0, :])), rows)
    by_horizon = summary[(summary["observed_as"] == "first") & (summary["horizon_months"] > 0)]
    _coverage(_styled(figure.add_subplot(grid[1, 0])), by_horizon)
    _ratio(_styled(figure.add_subplot(grid[1, 1])), by_horizon)
    if is_synthetic:
        figure.text(0.5, 0.5, "SYNTHETIC DATA", fontsize=26, color=RED, alpha=0.18, ha="center", rotation=12)
    return _png(figure)


def _published_and_observed(axes: Axes, rows: pd.DataFrame) -> None:
    """The newest months: the intervals as bars, what came as dots, red where it lies outside the wider one."""
    nearest = rows["horizon_months"].min()
    shown = rows[rows["horizon_months"] == nearest].sort_values("target_month").tail(MONTHS_SHOWN)
    month = shown["target_month"]
    axes.vlines(month, shown["lower_95"], shown["upper_95"], color=BLUE, alpha=0.25, linewidth=5, label="95 %")
    axes.vlines(month, shown["lower_80"], shown["upper_80"], color=BLUE, alpha=0.45, linewidth=5, label="80 %")
    axes.scatter(month, shown["price"], color=BLUE, s=22, marker="_", label="published")
    is_inside = shown["is_inside_95"]
    for part, colour, said in ((shown[is_inside], BLACK, "came"), (shown[~is_inside], RED, "came, outside 95 %")):
        if len(part):
            axes.scatter(part["target_month"], part["observed"], color=colour, s=12, label=said, zorder=3)
    ahead = "1 month" if nearest == 1 else f"{nearest} months"
    inside = f"{int(shown['is_inside_80'].sum())} of {len(shown)} inside 80 %, {int(is_inside.sum())} inside 95 %"
    axes.set_title(f"Published {ahead} ahead, and the price that came: {inside}", fontsize=10, loc="left", y=1.0)
    axes.set_ylabel(shown["unit"].iloc[0], fontsize=8)
    low, high = axes.get_ylim()
    # Room for the legend above the bars.
    axes.set_ylim(low, high + 0.18 * (high - low))
    axes.margins(x=0.03)
    _month_ticks(axes, month)
    axes.legend(frameon=False, fontsize=7, ncols=5, loc="upper left")


def _coverage(axes: Axes, by_horizon: pd.DataFrame) -> None:
    for level, nominal, colour in (("80", 0.80, BLUE), ("95", 0.95, ORANGE)):
        horizon, name = by_horizon["horizon_months"], f"coverage_{level}"
        axes.fill_between(horizon, by_horizon[f"{name}_low"], by_horizon[f"{name}_high"], color=colour, alpha=0.15)
        axes.plot(horizon, by_horizon[name], color=colour, marker="o", markersize=3, label=f"{level} % intervals")
        axes.axhline(nominal, color=colour, linewidth=0.8, linestyle="--")
    axes.set_ylim(0, 1.05)
    axes.set_title("Share of prices inside, with its bands", fontsize=9, loc="left", y=1.0)
    _by_horizon(axes, by_horizon)
    axes.legend(frameon=False, fontsize=7, loc="lower left")


def _ratio(axes: Axes, by_horizon: pd.DataFrame) -> None:
    horizon = by_horizon["horizon_months"]
    for name, colour, said in (("last_value", BLUE, "last value"), ("seasonal_drift", ORANGE, "seasonal drift")):
        ratio = f"ratio_{name}"
        axes.fill_between(horizon, by_horizon[f"{ratio}_low"], by_horizon[f"{ratio}_high"], color=colour, alpha=0.15)
        axes.plot(horizon, by_horizon[ratio], color=colour, marker="o", markersize=3, label=f"to the {said}")
    axes.axhline(1, color=GREY, linewidth=1)
    largest = float(by_horizon[["ratio_last_value", "ratio_seasonal_drift"]].to_numpy(dtype=float).max())
    axes.set_ylim(0, min(max(1.5, 1.1 * largest), 3.0) if largest == largest else 1.5)
    axes.set_title("Error against two baselines: below 1 is better", fontsize=9, loc="left", y=1.0)
    _by_horizon(axes, by_horizon)
    axes.legend(frameon=False, fontsize=7, loc="lower left")


def _by_horizon(axes: Axes, by_horizon: pd.DataFrame) -> None:
    """Whole months, the same whether two horizons are judged yet or all."""
    longest = int(by_horizon["horizon_months"].max())
    axes.set_xlim(0.5, longest + 0.5)
    axes.set_xticks([*range(1, longest + 1, 1 if longest < 7 else 2)])
    axes.set_xlabel("months ahead of the last known price", fontsize=8)


def _month_ticks(axes: Axes, months: pd.Series) -> None:
    """Eight months are named, or fewer."""
    named = months.iloc[:: -(-len(months) // 8)]
    axes.set_xticks(named.to_numpy(), [f"{month:%Y-%m}" for month in named])


def _styled(axes: Axes) -> Axes:
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e5e7eb", linewidth=0.6)
    return axes


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()
