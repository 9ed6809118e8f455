"""What proves the level of each column, and each cell that an identity or a base year fixes."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from milk.panel.cells import Flags, Floats
from milk.panel.identities import BASE_YEARS, EXACT, SYSTEMS, Sum
from milk.panel.levels import level_by_base, level_by_range, level_by_sum, shifts_in_range, small_parts
from milk.panel.working import Working

HOLDS_SHARE = 0.9
"""An identity proves its columns where it is exact in this share of its months; in the others its cells are doubted."""
_SHIFTS_TRIED = (-2, -1, 1, 2)


@dataclass
class Proof:
    """What was proved.

    Attributes:
        is_doubted: months x columns, cells of months in which an identity that holds elsewhere does not.
        proofs: name of a series -> what proves the level of its column.
        failures: name of a series -> why its column is unproved.
    """

    is_doubted: Flags
    proofs: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def prove(table: Working) -> Proof:
    """Find the level of every column, pin what is proved, and find the exponents of the rest again."""
    proof = Proof(np.zeros(table.length.shape, dtype=bool))
    _by_text(table, proof)
    _by_base_year(table, proof)
    for system in SYSTEMS:
        _by_sums(table, proof, system)
    _by_range(table, proof)
    table.find_again()
    return proof


def _by_text(table: Working, proof: Proof) -> None:
    for column, s in enumerate(table.series):
        kept = int(np.isfinite(table.pinned[:, column]).sum())
        numbers = int(np.isfinite(table.log_mantissa[:, column]).sum())
        if kept:
            proof.proofs[s.name] = f"the text says where the point is in {kept} of {numbers} cells"


def _by_base_year(table: Working, proof: Proof) -> None:
    values = table.values()
    for name, year in BASE_YEARS.items():
        column = table.column(name)
        if column is None or name in proof.proofs:
            continue
        is_base = np.asarray(table.months.year == year)
        is_complete = is_base.sum() == 12 and bool(np.isfinite(values[is_base, column]).all())
        shift = level_by_base(values[is_base, column]) if is_complete else None
        if shift is not None:
            table.shift(column, shift)
            table.proved[is_base, column] = True
            proof.proofs[name] = f"the mean of {year} is {values[is_base, column].mean() * 10.0**shift:.6f}"
        elif is_complete:
            proof.failures[name] = f"the mean of {year} is 100 at no power of ten"
        else:
            table.shift(column, int(np.round(2 - np.log10(np.nanmedian(values[:, column])))))
            proof.proofs[name] = f"the power of ten nearest to 100; {year} is not whole in the file"


def _by_range(table: Working, proof: Proof) -> None:
    values = table.values()
    for column, s in enumerate(table.series):
        if table.column(s.name) is None or s.name in proof.proofs or s.name in proof.failures:
            continue
        shift = level_by_range(values[:, column], *s.plausible)
        if shift is None:
            proof.failures[s.name] = "no single power of ten fits its plausible range"
        else:
            table.shift(column, shift)
            proof.proofs[s.name] = "the only power of ten within its plausible range"


def _by_sums(table: Working, proof: Proof, system: tuple[Sum, ...]) -> None:
    """The levels of columns that add up: relative to each other by the sums, then all of them together."""
    names = list(dict.fromkeys(n for one in system for n in (one.total, *one.parts, *one.small)))
    if not any(table.column(part) is not None for one in system for part in one.parts):
        return
    placed, problem = _places(table, system)
    shift = None if problem else _common_shift(table, proof, placed)
    if shift is None:
        said = problem or "no single power of ten fits the plausible ranges of the columns that add up"
        proof.failures |= dict.fromkeys((n for n in names if table.column(n) is not None), said)
        return
    for name, place in placed.items():
        table.shift(table.must(name), place + shift)
    for one in system:
        _close(table, proof, one)


def _places(table: Working, system: tuple[Sum, ...]) -> tuple[dict[str, int], str]:
    """By how much each column is shifted against the first total, or what is in the way."""
    placed, values = {system[0].total: 0}, table.values()
    for one in system:
        empty = [name for name in (one.total, *one.parts) if table.column(name) is None]
        if empty:
            return {}, f"{one.total} cannot be added up: {empty[0]} is empty"
        parts = values[:, [table.must(name) for name in one.parts]]
        total = values[:, table.must(one.total)]
        is_whole = one.holds_in(table.months) & np.isfinite(total) & np.isfinite(parts).all(axis=1)
        shifts = level_by_sum(total[is_whole], parts[is_whole], has_small_parts=bool(one.small))
        if shifts is None:
            return {}, f"{one.total} is not the sum of its parts in {int(is_whole.sum())} months at any powers of ten"
        placed |= {name: placed[one.total] + int(shift) for name, shift in zip(one.parts, shifts, strict=True)}
    return placed, ""


def _common_shift(table: Working, proof: Proof, placed: dict[str, int]) -> int | None:
    """By how much all columns of a system are shifted: as the texts say, or else the plausible ranges."""
    said = {-place for name, place in placed.items() if name in proof.proofs}
    if said:
        return said.pop() if len(said) == 1 else None
    fitting: set[int] | None = None
    values = table.values()
    for name, place in placed.items():
        column = table.must(name)
        shifts = shifts_in_range(values[:, column] * 10.0**place, *table.series[column].plausible)
        fitting = shifts if fitting is None else fitting & shifts
    return fitting.pop() if fitting and len(fitting) == 1 else None


def _close(table: Working, proof: Proof, one: Sum) -> None:
    """Set what the sum fixes cell by cell, and say in which months it holds."""
    is_tested = is_addable(table, one)
    if one.small:
        _set_small_parts(table, one, is_tested)
    is_exact = is_tested & (sum_errors(table, one) <= EXACT)
    for month in np.flatnonzero(is_tested & ~is_exact):
        is_exact[month] = _mend(table, one, int(month))
    columns = [table.must(name) for name in (one.total, *one.parts)]
    small = [c for name in one.small if (c := table.column(name)) is not None]
    share = is_exact.sum() / max(is_tested.sum(), 1)
    for column in (*columns, *small):
        name = table.series[column].name
        if share < HOLDS_SHARE:
            proof.failures[name] = f"{one.total} adds up in {is_exact.sum()} of {is_tested.sum()} months only"
        else:
            table.proved[is_exact, column] = np.isfinite(table.log_mantissa[is_exact, column])
            proof.is_doubted[is_tested & ~is_exact, column] = True
            role = "its parts" if name == one.total else f"{one.total}"
            said = f"adds up with {role} in {is_exact.sum()} of {is_tested.sum()} months"
            proof.proofs[name] = f"{proof.proofs[name]}; {said}" if name in proof.proofs else said
    # Continuity says nothing about parts that jump: outside the tested months their level is a guess.
    for column in small:
        proof.is_doubted[~is_exact, column] = True


def is_addable(table: Working, one: Sum) -> Flags:
    """The months in which a sum should be exact and no cell of it is missing; a small part may be."""
    columns = [table.column(name) for name in (one.total, *one.parts)]
    if None in columns:
        return np.zeros(len(table.months), dtype=bool)
    there = np.isfinite(table.log_mantissa[:, [c for c in columns if c is not None]]).all(axis=1)
    return np.asarray(there & one.holds_in(table.months))


def sum_errors(table: Working, one: Sum) -> Floats:
    """The relative error of a sum, months; NaN where it cannot be added up."""
    total, parts = total_and_sum(table, one)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.abs(total - parts) / np.abs(total))


def total_and_sum(table: Working, one: Sum) -> tuple[Floats, Floats]:
    """A total and the sum of its parts, months; an empty cell of a small part means none."""
    values = table.values()
    small = [c for name in one.small if (c := table.column(name)) is not None]
    parts = values[:, [table.must(name) for name in one.parts]].sum(axis=1)
    return values[:, table.must(one.total)], parts + np.nan_to_num(values[:, small]).sum(axis=1)


def _set_small_parts(table: Working, one: Sum, is_tested: Flags) -> None:
    small = [c for name in one.small if (c := table.column(name)) is not None]
    values = table.values()
    total = values[:, table.must(one.total)]
    rest = np.where(is_tested, total - values[:, [table.must(name) for name in one.parts]].sum(axis=1), np.nan)
    ranges = [table.series[column].plausible for column in small]
    found = small_parts(rest, total, 10.0 ** table.log_mantissa[:, small], ranges)
    for place, column in enumerate(small):
        table.exponents.exponent[found.is_proved, column] = found.exponent[found.is_proved, place]


def _mend(table: Working, one: Sum, month: int) -> bool:
    """Shift the one cell of a month that makes its sum exact; only where exactly one shift of one cell does."""
    columns = [table.must(name) for name in (one.total, *one.parts)]
    open_columns = [c for c in columns if not np.isfinite(table.pinned[month, c]) and not table.proved[month, c]]
    before = table.exponents.exponent[month].copy()
    mended: list[npt.NDArray[np.int64]] = []
    for column in open_columns:
        for shift in _SHIFTS_TRIED:
            table.exponents.exponent[month, column] = before[column] + shift
            if sum_errors(table, one)[month] <= EXACT:
                mended.append(table.exponents.exponent[month].copy())
            table.exponents.exponent[month, column] = before[column]
    if len(mended) == 1:
        table.exponents.exponent[month] = mended[0]
    return len(mended) == 1
