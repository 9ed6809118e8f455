"""Restoring the files that the program was made for: the sample, whose truth is known, and the original where it is."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from milk.panel.relations import relation_errors
from milk.panel.restore import Restoration, restore
from milk.panel.restored import drop_before_first_valid_month, wide_texts
from milk.series import series_register
from milk.sources.faults import count_by_kind
from milk.sources.files import SOURCE_FILES, DataFolder
from milk.sources.sample import MACRO_FILE, SEED, Sample, generate
from milk.sources.text import Parsed
from tests.milk.panel.damage import Marked, marked, numbers_of

REAL = Path(__file__).parents[3] / ".." / "shared" / "data" / "chile"
real = pytest.mark.skipif(not REAL.is_dir(), reason="the original files are not in ../shared/data/chile")

REGISTER = series_register().of_source("central_bank")
BLOCKS = {s.block for s in REGISTER}
RIGHT_SHARE = 0.999
OTHER_SEEDS = (1, 2)
GDP_SUMS = {"gdp_clp_bn", "gdp_factor_cost_clp_bn", "gdp_mining_clp_bn", "gdp_manufacturing_clp_bn"}
CUTS = pd.date_range("2000-12", "2026-12", freq="24MS")
CHANGED_BY_LATER_MONTHS: frozenset[str] = frozenset()
"""Columns whose restored changes depend on months that come later, and so are of no use at earlier origins: none."""


def parse(content: bytes) -> Parsed:
    return SOURCE_FILES["central_bank"].parse(content)


def texts_of(content: bytes) -> pd.DataFrame:
    kept, _ = drop_before_first_valid_month(parse(content).observations, REGISTER)
    return wide_texts(kept, REGISTER)


@cache
def sample_of(seed: int) -> Sample:
    return generate(seed)


@cache
def sample_texts(seed: int = SEED) -> pd.DataFrame:
    return texts_of(sample_of(seed).files[MACRO_FILE])


@cache
def real_content() -> bytes:
    content = DataFolder(REAL).fetch("central_bank")
    assert content is not None
    return content


@cache
def real_texts() -> pd.DataFrame:
    return texts_of(real_content())


@cache
def restored_sample() -> Restoration:
    return restore(sample_texts(), REGISTER)


@cache
def restored_real() -> Restoration:
    return restore(real_texts(), REGISTER)


def marked_sample(seed: int) -> Marked:
    texts = sample_texts(seed)
    truth = {
        s.name: pd.Series({pd.Timestamp(m.first_day): float(v) for m, v in sample_of(seed).truth[s.name].items()})
        for s in REGISTER
    }
    return marked(texts, REGISTER, pd.DataFrame(truth).reindex(texts.index))


@pytest.mark.parametrize("seed", [SEED, *OTHER_SEEDS])
def test_the_sample_is_restored_or_said_to_be_uncertain(seed: int) -> None:
    result = marked_sample(seed)
    assert result.restored.unproved == []
    assert set(result.restored.blocks["block"]) == BLOCKS
    assert result.cells == sum(len(sample_of(seed).truth[s.name]) for s in REGISTER)
    assert not result.silent.to_numpy().any(), str(result)
    assert result.left_out == 0
    assert result.wrong.to_numpy().sum() <= (1 - RIGHT_SHARE) * result.cells, str(result)
    # To call all uncertain would be no repair.
    assert result.flagged <= (1 - RIGHT_SHARE) * result.cells, str(result)


def test_what_the_sample_must_add_up_to() -> None:
    result = restored_sample()
    assert result.identities["is_exact"].all()
    assert relation_errors(numbers_of(result))["holds"].all()


@real
def test_the_accounts_of_the_original_add_up_in_the_exact_years() -> None:
    identities = restored_real().identities
    gdp = identities[identities["identity"] != "employed_thousand"]
    assert set(gdp["identity"]) == GDP_SUMS
    assert (gdp.groupby("identity").size() == 24).all()
    assert set(gdp["month"].dt.year) == {2013, 2014}
    assert gdp["relative_error"].max() <= 1e-8


@real
def test_employment_of_the_original_adds_up_in_every_month() -> None:
    identities = restored_real().identities
    employment = identities[identities["identity"] == "employed_thousand"]
    branches = real_texts()["employed_agriculture_thousand"].notna()
    assert len(employment) == branches.sum() > 50
    assert employment["relative_error"].max() <= 1e-8


@real
def test_all_blocks_of_the_original_are_proved() -> None:
    result = restored_real()
    assert set(result.blocks["block"]) == BLOCKS
    assert result.unproved == []
    assert (result.status != "uncertain").all(axis=None)
    numbers = (real_texts().notna() & (result.status != "unreadable")).to_numpy()
    assert (np.isfinite(numbers_of(result).to_numpy()) == numbers).all()


@real
def test_what_holds_roughly_in_the_original() -> None:
    assert relation_errors(numbers_of(restored_real()))["holds"].all()


@real
def test_faults_of_the_original_are_counted() -> None:
    """The counts are taken from the bytes themselves, by other means than the parser's."""
    lines = real_content().decode().splitlines()[1:]
    periods = [line.split(",")[0] for line in lines]
    impossible = [period for period in periods if not 1 <= int(period[5:7]) <= 12]
    possible = [period for period in periods if period not in impossible]
    letters = sum(cell == "a" for line in lines for cell in line.split(","))
    counts = count_by_kind(parse(real_content()).faults)
    wanted = {
        "impossible month": len(impossible),
        "repeated month": len(possible) - len(set(possible)),
        "unreadable cell": letters,
    }
    assert counts == {kind: count for kind, count in wanted.items() if count}


def log_changes(values: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(np.log10(values.abs())).diff()


def restored_numbers(result: Restoration) -> pd.DataFrame:
    """What a forecast may use: numbers that are not in doubt."""
    numbers = numbers_of(result)
    return numbers.where((result.status != "uncertain") & (numbers != 0))


def changed_columns(result: Restoration, texts: pd.DataFrame, cut: pd.Timestamp) -> dict[str, int]:
    """How many changes against the previous month differ, by column, where the file ends earlier."""
    whole = log_changes(restored_numbers(result).loc[:cut])
    early = log_changes(restored_numbers(restore(texts.loc[:cut], REGISTER)))
    differs = ((whole - early).abs() > 1e-6).sum()
    return {str(name): int(count) for name, count in differs.items() if count}


@pytest.mark.parametrize("cut", CUTS, ids=[f"{cut:%Y-%m}" for cut in CUTS])
def test_later_months_of_the_sample_change_nothing_before(cut: pd.Timestamp) -> None:
    assert changed_columns(restored_sample(), sample_texts(), cut).keys() <= CHANGED_BY_LATER_MONTHS


@real
@pytest.mark.parametrize("cut", CUTS[:9], ids=[f"{cut:%Y-%m}" for cut in CUTS[:9]])
def test_later_months_of_the_original_change_nothing_before(cut: pd.Timestamp) -> None:
    assert changed_columns(restored_real(), real_texts(), cut).keys() <= CHANGED_BY_LATER_MONTHS
