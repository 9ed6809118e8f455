"""Put the decimal points of the macro table back, and prove it.

Every cell keeps its digits; only a power of ten is put back. The digits of each cell (`cells`) become a table that is
worked on (`working`): exponents by continuity (`exponents`), the level of each column (`levels`), what the identities
prove (`identities`, `proof`), and exponents again with all that is proved pinned. A block whose identities do not hold
is *unproved*: its values are left out rather than guessed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from milk.panel.cells import Flags
from milk.panel.identities import EXACT, SUMS
from milk.panel.proof import Proof, is_addable, prove, sum_errors, total_and_sum
from milk.panel.working import Working, working_table
from milk.series import Series

Status = Literal["literal", "restored", "missing", "unreadable", "uncertain"]
Verdict = Literal["proved", "unproved", "no number"]
STATUSES: Final[tuple[Status, ...]] = ("literal", "restored", "missing", "unreadable", "uncertain")


NO_NUMBER: Final = "it holds no number"


@dataclass(frozen=True)
class Restoration:
    """What came of a table, months x series.

    Attributes:
        values: the numbers; NaN where a cell is missing or unreadable, and in a block that is unproved.
        status: one of `STATUSES` for each cell.
        margin: by how much the best other exponent is worse, in units of log10; infinite where the text, an identity or
            a base year leaves no other, NaN where there is no number.
        columns: a row a series: `series, block, cells`, a count of each status, `worst_margin, worst_month, proof`.
        blocks: a row a block: `block, is_proved, reason`. One without a number has nothing that could be wrong: it is
            proved, for those who would leave its values out, and `verdicts` tells it apart.
        identities: a row for each identity and month tested, where its columns have their levels:
            `identity, month, total, sum, relative_error, is_exact`.
    """

    values: pd.DataFrame
    status: pd.DataFrame
    margin: pd.DataFrame
    columns: pd.DataFrame
    blocks: pd.DataFrame
    identities: pd.DataFrame

    @property
    def unproved(self) -> list[str]:
        """The blocks that are unproved."""
        return self.blocks.loc[~self.blocks["is_proved"], "block"].tolist()

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """What to say of each block."""
        return {
            str(block): "unproved" if not is_proved else "no number" if reason == NO_NUMBER else "proved"
            for block, is_proved, reason in self.blocks.itertuples(index=False)
        }


def restore(texts: pd.DataFrame, series: Sequence[Series]) -> Restoration:
    """Restore a macro table.

    Args:
        texts: months x series, the text as received, a column for each of `series`; NaN where a cell is empty. Months
            rise.
        series: what the columns are: block and plausible range of each; their order is that of what comes back.
    """
    texts = texts[[s.name for s in series]]
    table = working_table(texts, series)
    proof = prove(table)
    blocks = _blocks(table, proof)
    unproved = set(blocks.loc[~blocks["is_proved"], "block"])
    is_kept = np.array([s.block not in unproved for s in series], dtype=bool)
    status = _statuses(table, proof, is_kept)
    values = np.where(is_kept, table.values(), np.nan)
    return Restoration(
        values=pd.DataFrame(values, index=texts.index, columns=texts.columns),
        status=pd.DataFrame(status, index=texts.index, columns=texts.columns).astype("str"),
        margin=pd.DataFrame(
            np.where(table.cells.is_literal, np.inf, table.exponents.margin), index=texts.index, columns=texts.columns
        ),
        columns=_columns(table, proof, status),
        blocks=blocks,
        identities=_identities(table, proof),
    )


def _statuses(table: Working, proof: Proof, is_proved_block: Flags) -> npt.NDArray[np.object_]:
    """The status of each cell; in an unproved block every cell without its own point is uncertain."""
    cells = table.cells
    is_doubted = proof.is_doubted | ~is_proved_block
    return np.select(
        [cells.is_unreadable, ~cells.is_number, cells.is_literal, is_doubted],
        ["unreadable", "missing", "literal", "uncertain"],
        "restored",
    ).astype(object)


def _blocks(table: Working, proof: Proof) -> pd.DataFrame:
    """Whether each block is proved; one unproved column leaves its whole block so."""
    rows = []
    for block in dict.fromkeys(s.block for s in table.series):
        reasons = [
            f"{s.name}: {proof.failures[s.name]}" for s in table.series if s.block == block and s.name in proof.failures
        ]
        has_number = any(table.cells.is_number[:, c].any() for c, s in enumerate(table.series) if s.block == block)
        reason = "; ".join(dict.fromkeys(reasons)) if has_number else NO_NUMBER
        rows.append((block, not reasons, reason))
    return pd.DataFrame(rows, columns=["block", "is_proved", "reason"])


def _columns(table: Working, proof: Proof, status: npt.NDArray[np.object_]) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    for column, s in enumerate(table.series):
        margin = table.exponents.margin[:, column]
        is_open = np.isfinite(margin)
        worst = int(np.nanargmin(margin)) if is_open.any() else 0
        counts: dict[str, int] = {name: int((status[:, column] == name).sum()) for name in STATUSES}
        rows.append(
            {
                "series": s.name,
                "block": s.block,
                **counts,
                "worst_margin": float(margin[worst]) if is_open.any() else np.inf,
                "worst_month": f"{table.months[worst]:%Y-%m}" if is_open.any() else "",
                "proof": _proof_of(table, proof, s.name),
            }
        )
    return pd.DataFrame(rows)


def _identities(table: Working, proof: Proof) -> pd.DataFrame:
    rows = []
    for one in SUMS:
        is_tested = is_addable(table, one)
        if one.total in proof.placed and is_tested.any():
            total, parts = total_and_sum(table, one)
            error = sum_errors(table, one)
            rows.append(
                pd.DataFrame(
                    {
                        "identity": one.total,
                        "month": table.months[is_tested],
                        "total": total[is_tested],
                        "sum": parts[is_tested],
                        "relative_error": error[is_tested],
                        "is_exact": error[is_tested] <= EXACT,
                    }
                )
            )
    columns = ["identity", "month", "total", "sum", "relative_error", "is_exact"]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)


def _proof_of(table: Working, proof: Proof, name: str) -> str:
    if name in proof.failures:
        return f"unproved: {proof.failures[name]}"
    return proof.proofs[name] if table.column(name) is not None else "empty"
