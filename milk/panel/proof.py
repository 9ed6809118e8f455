"""What proves the level of each column, and each cell that an identity or a base year fixes."""

from dataclasses import dataclass, field

import numpy as np

from milk.panel.cells import Flags, Floats
from milk.panel.identities import BASE_YEARS, EXACT, SYSTEMS, Sum
from milk.panel.levels import (
    HOLDS_SHARE,
    MONTHS_BEYOND_PARTS,
    level_by_base,
    level_by_range,
    level_by_sum,
    level_near_100,
    shifts_in_range,
    small_parts,
)
from milk.panel.working import Working

_SHIFTS_TRIED = (-2, -1, 1, 2)


@dataclass
class Proof:
    """What was proved.

    Attributes:
        is_doubted: months x columns, cells that continuity, an identity that holds in other months, or the plausible
            range of their series leaves in doubt.
        proofs: name of a series -> what proves the level of its column.
        failures: name of a series -> why its column is unproved.
        placed: totals of the sums whose columns have their levels; without them an error of a sum means nothing.
    """

    is_doubted: Flags
    proofs: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    placed: set[str] = field(default_factory=set)


def prove(table: Working) -> Proof:
    """Find the level of every column, pin what is proved, and find the exponents of the rest again."""
    proof = Proof(np.zeros(table.length.shape, dtype=bool))
    _by_text(table, proof)
    _by_base_year(table, proof)
    for system in SYSTEMS:
        _by_sums(table, proof, system)
    _by_range(table, proof)
    table.find_again()
    proof.is_doubted |= table.exponents.is_doubted | (_is_implausible(table) & ~table.proved)
    return proof


def _is_implausible(table: Working) -> Flags:
    """Numbers outside the plausible range of their series; a zero has no power of ten to doubt."""
    low, high = (np.array([s.plausible[end] for s in table.series]) for end in (0, 1))
    size = np.abs(table.values())
    return np.isfinite(table.log_mantissa) & ((size < low) | (size > high))


def _by_text(table: Working, proof: Proof) -> None:
    for column, s in enumerate(table.series):
        kept = int(np.isfinite(table.pinned[:, column]).sum())
        numbers = int(np.isfinite(table.log_mantissa[:, column]).sum())
        if kept:
            proof.proofs[s.name] = f"the text says where the point is in {kept} of {numbers} cells"


def _by_base_year(table: Working, proof: Proof) -> None:
    for name, year in BASE_YEARS.items():
        column = table.column(name)
        if column is None or name in proof.proofs:
            continue
        is_base = np.asarray(table.months.year == year)
        base = table.values_of([column])[is_base, 0]
        is_complete = base.size == 12 and bool(np.isfinite(base).all())
        shift = level_by_base(base) if is_complete else level_near_100(table.sure_values(column))
        if shift is None:
            said = (
                f"the mean of {year} is" if is_complete else f"{year} is not whole in the file, and the middle is near"
            )
            proof.failures[name] = f"{said} 100 at no power of ten"
            continue
        table.shift(column, shift)
        table.proved[is_base, column] = is_complete & np.isfinite(table.log_mantissa[is_base, column])
        proof.proofs[name] = (
            f"the mean of {year} is {base.mean() * 10.0**shift:.6f}"
            if is_complete
            else f"the power of ten nearest to 100; {year} is not whole in the file"
        )


def _by_range(table: Working, proof: Proof) -> None:
    for column, s in enumerate(table.series):
        if table.column(s.name) is None or s.name in proof.proofs or s.name in proof.failures:
            continue
        shift = level_by_range(table.sure_values(column), *s.plausible)
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
    shift = None if problem else _common_shift(table, proof, system, placed)
    if shift is None:
        said = problem or "no single power of ten fits what the texts say and the ranges of the columns that add up"
        proof.failures |= dict.fromkeys((n for n in names if table.column(n) is not None), said)
        return
    for name, place in placed.items():
        table.shift(table.must(name), place + shift)
    for one in system:
        proof.placed.add(one.total)
        _close(table, proof, one)


def _places(table: Working, system: tuple[Sum, ...]) -> tuple[dict[str, int], str]:
    """By how much each column is shifted against the first total, or what is in the way."""
    placed = {system[0].total: 0}
    for one in system:
        empty = [name for name in (one.total, *one.parts) if table.column(name) is None]
        if empty:
            return {}, f"{one.total} cannot be added up: {empty[0]} is empty"
        values = table.values_of([table.must(name) for name in (one.total, *one.parts)])[is_addable(table, one)]
        needed = len(one.parts) + MONTHS_BEYOND_PARTS
        if len(values) < needed:
            said = f"{one.total} needs {needed} months in which it can be added up, the file has {len(values)}"
            return {}, said
        shifts = level_by_sum(values[:, 0], values[:, 1:], has_small_parts=bool(one.small))
        if shifts is None:
            return {}, f"{one.total} is not the sum of its parts in {len(values)} months at any powers of ten"
        placed |= {name: placed[one.total] + int(shift) for name, shift in zip(one.parts, shifts, strict=True)}
    return placed, ""


def _common_shift(table: Working, proof: Proof, system: tuple[Sum, ...], placed: dict[str, int]) -> int | None:
    """By how much all columns of a system are shifted: what the texts and the plausible ranges leave.

    Only the months that add up count. Elsewhere a column may be off by a power of ten from what it is in them.
    """
    is_tested = np.any([is_addable(table, one) for one in system], axis=0)
    fitting: set[int] | None = None
    for name, place in placed.items():
        column = table.must(name)
        is_sure = is_tested & ~table.exponents.is_doubted[:, column]
        shifts = shifts_in_range(table.values_of([column])[is_tested, 0] * 10.0**place, *table.series[column].plausible)
        # A literal cell says the level of the months that it is surely joined to.
        if name in proof.proofs and is_sure.sum() >= HOLDS_SHARE * is_tested.sum():
            shifts = {-place}
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
    small = _small_columns(table, one)
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
    if any(table.column(name) is None for name in (one.total, *one.parts)):
        return np.zeros(len(table.months), dtype=bool)
    there = table.cells.is_number[:, [table.must(name) for name in one.parts]].all(axis=1)
    has_total = np.isfinite(table.log_mantissa[:, table.must(one.total)])
    return np.asarray(there & has_total & one.holds_in(table.months))


def sum_errors(table: Working, one: Sum) -> Floats:
    """The relative error of a sum, months; NaN where it cannot be added up."""
    total, parts = total_and_sum(table, one)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.abs(total - parts) / np.abs(total))


def total_and_sum(table: Working, one: Sum) -> tuple[Floats, Floats]:
    """A total and the sum of its parts, months; an empty cell of a small part means none."""
    parts = table.values_of([table.must(name) for name in one.parts]).sum(axis=1)
    small = np.nan_to_num(table.values_of(_small_columns(table, one))).sum(axis=1)
    return table.values_of([table.must(one.total)])[:, 0], parts + small


def _small_columns(table: Working, one: Sum) -> list[int]:
    return [column for name in one.small if (column := table.column(name)) is not None]


def _set_small_parts(table: Working, one: Sum, is_tested: Flags) -> None:
    small = _small_columns(table, one)
    total = table.values_of([table.must(one.total)])[:, 0]
    rest = total - table.values_of([table.must(name) for name in one.parts]).sum(axis=1)
    ranges = [table.series[column].plausible for column in small]
    found = small_parts(np.where(is_tested, rest, np.nan), total, 10.0 ** table.log_mantissa[:, small], ranges)
    for place, column in enumerate(small):
        table.exponents.exponent[found.is_proved, column] = found.exponent[found.is_proved, place]


def _mend(table: Working, one: Sum, month: int) -> bool:
    """Shift the one cell of a month that makes its sum exact; only where exactly one shift of one cell does."""
    total, parts = (float(side[month]) for side in total_and_sum(table, one))
    mended = []
    for name in (one.total, *one.parts):
        column = table.must(name)
        if np.isfinite(table.pinned[month, column]) or table.proved[month, column]:
            continue
        value = float(table.values_of([column])[month, 0])
        for shift in _SHIFTS_TRIED:
            change = value * (10.0**shift - 1)
            new_total, new_parts = (total + change, parts) if name == one.total else (total, parts + change)
            if abs(new_total - new_parts) <= EXACT * abs(new_total):
                mended.append((column, shift))
    if len(mended) == 1:
        table.exponents.exponent[month, mended[0][0]] += mended[0][1]
    return len(mended) == 1
