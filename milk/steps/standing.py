"""What was issued stays: new rows against those that a table holds, for thousands of series at once."""

import json

import pandas as pd

from milk.home.layout import Home
from milk.home.tables import Months, has_table, read_table
from milk.months import Month
from milk.publication.rows import said_versions

_ISSUE = ["issue_month", "series_id"]


def standing_or_new(home: Home, table: str, rows: pd.DataFrame) -> tuple[pd.DataFrame, set[Month]]:
    """For each issue month the rows that stand or the new ones, and the months whose rows are new.

    What was issued stays where the new rows say the same (when they were made is no part of that), and where a forecast
    issued in time would give way to a hindcast: a later run must not wipe out what somebody may have relied on.
    """
    new_months = rows["issue_month"].unique()
    if rows.empty or not has_table(home, table):
        return rows, {Month.of(month) for month in new_months}
    span = Months("issue_month", rows["issue_month"].min(), rows["issue_month"].max())
    standing = read_table(home, table, months=span)
    standing = standing[standing["issue_month"].isin(new_months)]
    new, old = _contents(rows), _contents(standing)
    both = new.reindex(old.index.intersection(new.index))
    same = old.loc[both.index]
    is_same = (both["content"] == same["content"]) & (both["rows"] == same["rows"])
    kept = both.index[is_same | (same["is_live"] & both["is_hindcast"])]
    # A series that has no new rows keeps what was issued of it, too.
    stays = pd.MultiIndex.from_frame(standing[_ISSUE]).isin(kept.union(old.index.difference(new.index)))
    gives_way = pd.MultiIndex.from_frame(rows[_ISSUE]).isin(kept)
    changed = {Month.of(month) for month in rows[~gives_way]["issue_month"].unique()}
    whole = pd.concat([part for part in (standing[stays], rows[~gives_way]) if len(part)], ignore_index=True)
    return whole.sort_values([*_ISSUE, "target_month"], ignore_index=True), changed


def _contents(rows: pd.DataFrame) -> pd.DataFrame:
    """What the rows of each series and issue month say, as a number, how many there are, and of which kind.

    Without when they were made, and without the last digits in which two machines differ. All at once, and for each
    row one hash: thousands of series would take minutes one by one.
    """
    said = rows.drop(columns="issued_at")
    held = said["data_versions"].unique()
    texts = {text: json.dumps(said_versions(json.loads(text)), sort_keys=True) for text in held}
    said["data_versions"] = said["data_versions"].map(texts)
    numbers = said.select_dtypes("float64").columns
    said[numbers] = said[numbers].round(9)
    content = pd.util.hash_pandas_object(said, index=False)
    marked = rows[_ISSUE].assign(
        content=content, rows=1, is_live=rows["kind"] == "live", is_hindcast=rows["kind"] == "hindcast"
    )
    # A sum knows no order, as Delta promises none.
    summed = marked.groupby(_ISSUE)
    return summed.agg(
        content=("content", "sum"), rows=("rows", "sum"), is_live=("is_live", "all"), is_hindcast=("is_hindcast", "all")
    )
