"""Whether the inputs of an issue month still look like those of the training: one row for each issue and feature.

Of every issue only what was known at its cutoff takes part. The checks never stop a prediction: a row says what was
found, and whoever reads the table decides. Frames in, frames out; no clock.
"""

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from milk.evaluation.distribution import (
    LONGEST_RUN,
    NEVER,
    NO_MONTH,
    WINDOW_MONTHS,
    Booleans,
    Floats,
    Integers,
    Layer,
    Vintages,
    microseconds,
    root_mean_square,
)
from milk.months import Availability, Month, available_from, data_cutoff

COLUMNS = [
    "issue_month", "feature", "last_month", "statistic", "threshold", "values_in_window",
    "is_drifted", "is_out_of_range", "is_missing", "is_frozen", "is_unit_jump", "finding",
]  # fmt: skip
MOVED = ["is_drifted", "is_out_of_range"]
"""The world may have moved: a reason to train anew, where the feature is an input of the recipe in production."""
BROKEN = ["is_missing", "is_frozen", "is_unit_jump"]
"""The data are at fault: a reason to look at the source, and none to train on it."""

UNIT_FACTORS = (10, 100, 1_000, 1_000_000)
_TOLERANCE_SCALES, _TOLERANCE_LEAST, _TOLERANCE_MOST = 4.0, 0.05, 0.8


def input_drift(
    changes: pd.DataFrame,
    distribution: Mapping[str, Mapping[str, Any]],
    issues: Sequence[tuple[Month, dt.datetime]],
    *,
    expected: Mapping[str, Availability],
) -> pd.DataFrame:
    """Compare the inputs of issue months with the training distribution.

    Args:
        changes: `feature, month` (first day), `value` (monthly log change or anomaly), `known_since` (UTC); a revision
            is a further row with a later `known_since`. Optionally `is_repeated`: whether the level behind the value
            is that of the month before. Without it a value of exactly 0 counts as repeated, which is right for log
            changes; an anomaly does not show that its rain was repeated, so rain needs the column.
        distribution: what `milk.evaluation.distribution.training_distribution` made.
        issues: each issue month with its cutoff (an instant); values known later take no part in it.
        expected: rule of availability of each feature, which says what month is due at a cutoff; of a feature without a
            rule only gaps between known months are told.

    Returns:
        A row for each issue and each feature of `changes` or `distribution`: `issue_month`; `feature`; `last_month`,
        the newest known; `statistic`, the root mean square of six months of standardised changes, NaN where fewer than
        four are known or training had too few values; `threshold`, in the same unit; `values_in_window`, known ones of
        six; `is_drifted`, the statistic is beyond its threshold; `is_out_of_range`, a value that is new in this issue
        lies beyond what training lets expect; `is_missing`, the month that is due or one in the window is not there;
        `is_frozen`, more repeated values in a row than is usual; `is_unit_jump`, a new value is out of range and near
        a factor of 10, 100, 1000 or a million; `finding`, all this in words with numbers, empty where nothing is.
    """
    features = sorted(set(changes["feature"].unique()) | set(distribution))
    vintages = Vintages.of(changes, features)
    training = _Training.of(distribution, features, vintages)
    cutoffs = np.array([microseconds(cutoff) for _month, cutoff in issues], dtype=np.int64)
    known = _Known.of(vintages, cutoffs, _due_months(features, issues, expected))
    checks = _Checks.of(known, training, np.array([_month_before(*issue) for issue in issues], dtype=np.int64))
    months = np.array([month.first_day for month, _cutoff in issues], dtype="datetime64[us]")
    columns = {
        "issue_month": pd.Series(np.repeat(months, len(features))),
        "feature": pd.Series(features * len(issues), dtype="str"),
        "last_month": pd.Series(_first_days(known.last).ravel()),
        "statistic": checks.statistic.ravel(),
        "threshold": np.tile(training.threshold, len(issues)),
        "values_in_window": checks.values_in_window.ravel(),
        **{name: flags.ravel() for name, flags in checks.flags.items()},
        "finding": pd.Series(_findings(known, training, checks), dtype="str"),
    }
    return pd.DataFrame(columns)[COLUMNS]


def group_alarms(drift: pd.DataFrame, distribution: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Alarms of the groups: a group raises one where any of its features has a finding.

    No further threshold is needed, for the limits of the features know the size of their group
    (`training_distribution`).

    Args:
        drift: the table that `input_drift` made.
        distribution: the one it was made with; a feature that it lacks is a group of its own.

    Returns:
        A row for each issue month and group: `issue_month, group, features` (how many), `features_found` (how many
        have a finding), `has_moved` (see `MOVED`), `is_broken` (see `BROKEN`), `finding` (features with their words).
    """
    group = drift["feature"].map(lambda feature: distribution.get(feature, {}).get("group", feature)).astype("str")
    is_found = drift[[*MOVED, *BROKEN]].any(axis=1)
    rows = pd.DataFrame(
        {
            "issue_month": drift["issue_month"],
            "group": group,
            "is_found": is_found,
            "has_moved": drift[MOVED].any(axis=1),
            "is_broken": drift[BROKEN].any(axis=1),
        }
    )
    keys = ["issue_month", "group"]
    alarms = rows.groupby(keys, sort=True).agg(
        features=("is_found", "size"),
        features_found=("is_found", "sum"),
        has_moved=("has_moved", "any"),
        is_broken=("is_broken", "any"),
    )
    words = (drift["feature"] + ": " + drift["finding"])[is_found].groupby([rows[key] for key in keys]).agg("; ".join)
    return alarms.assign(finding=words.reindex(alarms.index).fillna("").astype("str")).reset_index()


@dataclass(frozen=True)
class _Known:
    """What each issue knew of the `LONGEST_RUN` months up to the end of its window.

    `last` and `end` are issues x features, ordinals of the newest known month and of the month that is due, or of the
    newest known one where that is later. The rest is issues x features x months: the newest vintage, NaN where unknown,
    since when it was known, in microseconds, and whether it repeats.
    """

    last: Integers
    end: Integers
    changes: Floats
    known_since: Integers
    is_repeated: Booleans

    @classmethod
    def of(cls, vintages: Vintages, cutoffs: Integers, due: Integers) -> "_Known":
        last = vintages.last_months(cutoffs)
        end = np.maximum(last, due)
        columns = end[..., None] - vintages.first + np.arange(1 - LONGEST_RUN, 1)
        months = vintages.layers[0].changes.shape[1]
        is_inside = (columns >= 0) & (columns < months)
        columns = np.where(is_inside, columns, 0)
        shape = columns.shape
        known = cls(last, end, np.full(shape, np.nan), np.full(shape, NEVER), np.zeros(shape, dtype=np.bool_))
        for layer in vintages.layers:
            known._lay(layer, columns, is_inside, cutoffs)
        return known

    def _lay(self, layer: Layer, columns: Integers, is_inside: Booleans, cutoffs: Integers) -> None:
        """Put a later vintage over the earlier ones, where it was known at the cutoff."""
        rows = layer.rows
        place = (np.arange(len(rows))[:, None], columns[:, rows])
        since = layer.known_since[place]
        is_known = is_inside[:, rows] & (since <= cutoffs[:, None, None])
        self.changes[:, rows] = np.where(is_known, layer.changes[place], self.changes[:, rows])
        self.known_since[:, rows] = np.where(is_known, since, self.known_since[:, rows])
        self.is_repeated[:, rows] = np.where(is_known, layer.is_repeated[place], self.is_repeated[:, rows])

    def months(self) -> Integers:
        """Ordinals of the months of `changes`."""
        return self.end[..., None] + np.arange(1 - LONGEST_RUN, 1)


@dataclass(frozen=True)
class _Training:
    """The distribution as arrays, one entry a feature; NaN where it has none."""

    features: list[str]
    month_means: Floats
    scale: Floats
    threshold: Floats
    range_limit: Floats
    repeat_limit: Integers
    missing_limit: Integers
    first_month: Integers

    @classmethod
    def of(cls, distribution: Mapping[str, Mapping[str, Any]], features: list[str], vintages: Vintages) -> "_Training":
        entries = [distribution.get(feature, {}) for feature in features]

        def numbers(name: str) -> Floats:
            return np.array([_number(entry.get(name)) for entry in entries])

        means = [[_number(mean) for mean in entry.get("month_means") or [None] * 12] for entry in entries]
        is_there = np.isfinite(vintages.layers[0].changes)
        seen = np.where(is_there.any(axis=1), vintages.first + is_there.argmax(axis=1), -NO_MONTH)
        first = [
            Month.parse(entry["first_month"]).ordinal if entry else int(own)
            for entry, own in zip(entries, seen, strict=True)
        ]
        return cls(
            features,
            np.array(means, dtype=np.float64).reshape(len(features), 12),
            numbers("scale"),
            numbers("drift_threshold"),
            numbers("range_limit"),
            # Without training nothing is usual: no run is too long, and every gap is one.
            np.array([entry.get("repeat_limit", LONGEST_RUN) for entry in entries], dtype=np.int64),
            np.array([entry.get("missing_limit", 0) for entry in entries], dtype=np.int64),
            np.array(first, dtype=np.int64),
        )


@dataclass(frozen=True)
class _Checks:
    """The results, issues x features; `worst` and `jump` are columns of `_Known.changes` for the words."""

    statistic: Floats
    values_in_window: Integers
    flags: dict[str, Booleans]
    standardised: Floats
    worst: Integers
    jump: Integers
    gap: Integers
    run: Integers

    @classmethod
    def of(cls, known: _Known, training: _Training, new_since: Integers) -> "_Checks":
        calendar = known.months() % 12
        rows = np.arange(len(training.features))[None, :, None]
        left = known.changes - training.month_means[rows, calendar]
        scale = training.scale[None, :, None]
        standardised = left / scale
        window = slice(LONGEST_RUN - WINDOW_MONTHS, LONGEST_RUN)
        statistic = root_mean_square(standardised[..., window])
        is_new = np.isfinite(standardised) & (known.known_since > new_since[:, None, None])
        is_new[..., : window.start] = False
        size = np.where(is_new, np.abs(standardised), -1.0)
        is_outside = size > training.range_limit[None, :, None]
        off = np.min([np.abs(np.abs(left) - np.log(factor)) for factor in UNIT_FACTORS], axis=0)
        is_jump = is_outside & (off <= np.clip(_TOLERANCE_SCALES * scale, _TOLERANCE_LEAST, _TOLERANCE_MOST))
        jump = is_jump.argmax(axis=-1)
        gap, run = _gaps(known, training.first_month), _runs(known)
        flags: dict[str, Booleans] = {
            "is_drifted": statistic > training.threshold,
            "is_out_of_range": np.any(is_outside, axis=-1),
            "is_missing": gap > training.missing_limit,
            "is_frozen": run > training.repeat_limit,
            "is_unit_jump": np.any(is_jump, axis=-1),
        }
        values_in_window = np.isfinite(known.changes[..., window]).sum(axis=-1)
        return cls(statistic, values_in_window, flags, standardised, size.argmax(axis=-1), jump, gap, run)


def _due_months(
    features: list[str], issues: Sequence[tuple[Month, dt.datetime]], expected: Mapping[str, Availability]
) -> Integers:
    """Issues x features: ordinal of the newest month that its rule makes known; `NO_MONTH` without a rule."""
    rules = {expected[feature] for feature in features if feature in expected}
    by_rule = {rule: [_due(rule, cutoff) for _month, cutoff in issues] for rule in rules}
    nothing = [NO_MONTH] * len(issues)
    columns = [by_rule[expected[feature]] if feature in expected else nothing for feature in features]
    return np.array(columns, dtype=np.int64).reshape(len(features), len(issues)).T


def _month_before(month: Month, cutoff: dt.datetime) -> int:
    """The cutoff of the issue month before, in microseconds: what became known after it is new."""
    return microseconds(cutoff - (data_cutoff(month) - data_cutoff(month + (-1))))


def _due(rule: Availability, cutoff: dt.datetime) -> int:
    month = Month.of(cutoff.date())
    while available_from(rule, month) > cutoff:
        month += -1
    return month.ordinal


def _gaps(known: _Known, first_month: Integers) -> Integers:
    """Issues x features: months without a value at the end, or in the longest gap of the window, if that is longer."""
    begun = np.where(known.last == NO_MONTH, first_month - 1, known.last)
    longest = np.maximum(known.end - begun, 0)
    window = slice(LONGEST_RUN - WINDOW_MONTHS, LONGEST_RUN)
    is_gap = np.isnan(known.changes[..., window]) & (known.months()[..., window] >= first_month[None, :, None])
    run = np.zeros_like(longest)
    for k in range(WINDOW_MONTHS):
        run = np.where(is_gap[..., k], run + 1, 0)
        longest = np.maximum(longest, run)
    return longest


def _runs(known: _Known) -> Integers:
    """Issues x features: how many repeated values in a row end with the newest known one, counted to `LONGEST_RUN`."""
    is_known = np.isfinite(known.changes)[..., ::-1]
    has_begun = np.logical_or.accumulate(is_known, axis=-1)
    has_ended = np.logical_or.accumulate(has_begun & ~(known.is_repeated[..., ::-1] & is_known), axis=-1)
    run: Integers = (has_begun & ~has_ended).sum(axis=-1)
    return run


def _findings(known: _Known, training: _Training, checks: _Checks) -> list[str]:
    """The words of each row; only the few rows with a finding are looked at one by one."""
    words = [""] * checks.statistic.size
    is_found = np.logical_or.reduce(list(checks.flags.values()))
    features = len(training.features)
    for issue, row in np.argwhere(is_found):
        words[issue * features + row] = "; ".join(_words(known, training, checks, (int(issue), int(row))))
    return words


def _words(known: _Known, training: _Training, checks: _Checks, at: tuple[int, int]) -> Iterator[str]:
    row = at[1]
    if checks.flags["is_missing"][at]:
        yield _missing_words(int(checks.gap[at]), int(known.last[at]), int(known.end[at]))
    if checks.flags["is_frozen"][at]:
        limit = training.repeat_limit[row]
        yield f"repeated for {checks.run[at]} months in a row, {limit} at most are usual"
    if checks.flags["is_unit_jump"][at]:
        month, value = _value(known, at, int(checks.jump[at]))
        factor = min(UNIT_FACTORS, key=lambda factor: abs(abs(value) - math.log(factor)))
        yield f"the value of {month}, {value:+.3f}, is about the log of {factor}: another unit?"
    if checks.flags["is_out_of_range"][at]:
        month, value = _value(known, at, int(checks.worst[at]))
        size, limit = checks.standardised[(*at, int(checks.worst[at]))], training.range_limit[row]
        yield f"the value of {month}, {value:+.3f}, is {size:+.1f} standard deviations off its mean, limit {limit:.1f}"
    if checks.flags["is_drifted"][at]:
        size, limit = checks.statistic[at], training.threshold[row]
        end = Month.from_ordinal(int(known.end[at]))
        yield f"{WINDOW_MONTHS} months to {end} moved {size:.2f} times as much as in training, threshold {limit:.2f}"


def _missing_words(gap: int, last: int, end: int) -> str:
    if last == NO_MONTH:
        return f"nothing is known, {Month.from_ordinal(end)} is due"
    if end > last:
        return f"the last month is {Month.from_ordinal(last)}, {Month.from_ordinal(end)} is due"
    return f"months before {Month.from_ordinal(last)} are missing, {gap} in a row"


def _value(known: _Known, at: tuple[int, int], column: int) -> tuple[Month, float]:
    ordinal = int(known.end[at]) + column + 1 - LONGEST_RUN
    return Month.from_ordinal(ordinal), float(known.changes[(*at, column)])


def _first_days(ordinals: Integers) -> npt.NDArray[np.datetime64]:
    """Months as first days, NaT for `NO_MONTH`."""
    days = (ordinals - 1970 * 12).astype("datetime64[M]").astype("datetime64[us]")
    return np.where(ordinals == NO_MONTH, np.datetime64("NaT", "us"), days)


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
