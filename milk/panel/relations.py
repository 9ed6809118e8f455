"""What holds roughly among restored columns, and so bears witness to their orders of magnitude.

These prove no cell: the sums of chained volumes drift apart by about 1 % after the reference years, and the weights of
an index are rounded to three decimals. A tenfold error in any large column breaks them, in a small one it may not.
"""

from dataclasses import dataclass
from typing import Final

import pandas as pd

from milk.panel.identities import SUMS

CHAINING_TOLERANCE = 0.02


@dataclass(frozen=True, slots=True)
class Relation:
    """A series against a weighted sum of others.

    Attributes:
        name: what holds, in words.
        left: name of a series.
        right: weights of the series it is compared with.
        tolerance: largest relative deviation believed.
        is_constant_ratio: the ratio of the two sides need only be constant: it is compared with its median.
    """

    name: str
    left: str
    right: dict[str, float]
    tolerance: float
    is_constant_ratio: bool = False


RELATIONS: Final = (
    Relation("GDP moves with Imacec", "gdp_clp_bn", {"imacec_index": 1.0}, 0.002, is_constant_ratio=True),
    Relation(
        "industrial production = .445 mining + .451 manufacturing + .104 utilities",
        "industrial_production_index",
        {
            "industrial_production_mining_index": 0.445,
            "industrial_production_manufacturing_index": 0.451,
            "industrial_production_utilities_index": 0.104,
        },
        0.01,
    ),
    Relation(
        "retail sales = .808 non-durables + .192 durables",
        "retail_sales_index",
        {"retail_sales_non_durables_index": 0.808, "retail_sales_durables_index": 0.192},
        0.01,
    ),
    *(
        Relation(f"{one.total} = its parts, nearly", one.total, dict.fromkeys(one.parts, 1.0), CHAINING_TOLERANCE)
        for one in SUMS
        if not one.small
    ),
)


def relation_errors(values: pd.DataFrame) -> pd.DataFrame:
    """How far each relation is off in each month that has all its values.

    Args:
        values: months x series, the numbers restored.

    Returns:
        `relation, month, relative_error, tolerance, holds`; no row where a series is empty or not there.
    """
    names = {name for relation in RELATIONS for name in (relation.left, *relation.right)}
    every = values.reindex(columns=[*values.columns, *sorted(names - set(values.columns))])
    return pd.concat([_errors(every, relation) for relation in RELATIONS], ignore_index=True)


def _errors(values: pd.DataFrame, relation: Relation) -> pd.DataFrame:
    right = pd.concat([values[name] * weight for name, weight in relation.right.items()], axis=1).sum(
        axis=1, skipna=False
    )
    ratio = (values[relation.left] / right).dropna()
    if relation.is_constant_ratio:
        ratio = ratio / ratio.median()
    error = (ratio - 1).abs()
    return pd.DataFrame(
        {
            "relation": pd.Series(relation.name, index=range(len(error)), dtype="str"),
            "month": pd.Series(error.index.to_numpy(), dtype="datetime64[us]"),
            "relative_error": error.to_numpy(dtype="float64"),
            "tolerance": relation.tolerance,
            "holds": error.to_numpy(dtype="float64") <= relation.tolerance,
        }
    )
