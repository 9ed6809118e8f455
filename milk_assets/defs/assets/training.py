"""Search, backtest, version, promotion."""

from dataclasses import asdict

import dagster as dg
import pandas as pd

from milk.accuracy_report.page import accuracy_page
from milk.evaluation.backtest import RECIPE, Choice
from milk.evaluation.gate import verdicts
from milk.evaluation.promotion import beats_last_value
from milk.evaluation.scores import scores_by_horizon, summary
from milk.home.documents import read_document
from milk.home.tables import frame_hash
from milk.models.card import card_markdown
from milk.models.version import ModelVersion
from milk.pictures import coverage_by_horizon, errors_by_horizon, search_results
from milk.publication.ledger import promoted_by
from milk.series import SERIES_ID, series_register
from milk.steps.promotion import load_champion, promote_staged
from milk.steps.provenance import is_synthetic
from milk.steps.staging import stage_version
from milk.steps.training import Params, Training, backtest_params, choose_params, own_backtest
from milk.tables import BACKTEST
from milk_assets.defs.failures import explained
from milk_assets.defs.metadata import OWNERS, markdown_table, picture, table_metadata
from milk_assets.defs.production import actor_of, production_metadata
from milk_assets.defs.resources import Clock, Workplace

GROUP = "training"
SETTINGS_SHOWN = 10


@dg.asset(group_name=GROUP, kinds={"json", "scikitlearn"}, owners=OWNERS, code_version="1", io_manager_key="params_io")
def params(workplace: Workplace, features: pd.DataFrame) -> dg.MaterializeResult[Params]:
    """The hyperparameters of the recipe, chosen on time-ordered folds, with the whole search table.

    Half of the criterion is the next month, half the year ahead, each as the ratio of RMSE to that of the last value.
    A block of other data (rain, exchange rate, activity ...) enters only where it beats the price alone in rolling
    origin and not by chance; `other_data` has the verdicts. The interval method is the one of the best interval score
    among those that covered what they say. No search sees an origin of the months on which versions are compared later.
    The same data give the same choice, and then nothing is searched again.
    """
    with explained():
        chosen = choose_params(
            features,
            price_rule=workplace.price_rule,
            evaluation_months=workplace.evaluation_months,
            former=read_document(workplace.home, "params"),
        )
    return dg.MaterializeResult(
        value=chosen,
        metadata={
            "dagster/row_count": len(chosen.choice.settings),
            **_told(chosen.choice),
            "search": picture(
                search_results(chosen.choice.settings, is_synthetic=is_synthetic(workplace.home)), "Search"
            ),
            "best_settings": markdown_table(chosen.choice.settings.head(SETTINGS_SHOWN).to_dict(orient="records")),
            "interval_methods": markdown_table(chosen.choice.methods.to_dict(orient="records")),
            "other_data": markdown_table(_verdicts(chosen.choice)),
            "gate": markdown_table(chosen.choice.gate.dropna(subset=["p_value"]).to_dict(orient="records")),
            "kept_for_comparison": f"{chosen.window.first} to {chosen.window.last}",
        },
        data_version=dg.DataVersion(chosen.key),
    )


@dg.asset(
    group_name=GROUP,
    kinds={"pandas", "deltalake"},
    owners=OWNERS,
    code_version="1",
    metadata=table_metadata(BACKTEST),
)
def backtest(workplace: Workplace, features: pd.DataFrame, params: Params) -> dg.MaterializeResult[pd.DataFrame]:
    """Rolling-origin forecasts of the recipe and of each baseline: one row for each model, target month and horizon.

    Twice: with the price known when its month ends, and with the price two months late. Every origin is fitted anew on
    what was known there; intervals come from errors made before it. This table is what every claim of accuracy rests
    on. Prices in CLP per litre.
    """
    with explained():
        table = backtest_params(features, params, price_rule=workplace.price_rule)
    own = own_backtest(table, workplace.price_rule)
    scores = scores_by_horizon(own)
    synthetic = is_synthetic(workplace.home)
    return dg.MaterializeResult(
        value=table,
        metadata={
            "dagster/row_count": len(table),
            **{name: float(value) for name, value in summary(scores, RECIPE).items()},
            "errors": picture(errors_by_horizon(scores, is_synthetic=synthetic), "Error by horizon"),
            "coverage": picture(coverage_by_horizon(scores, is_synthetic=synthetic), "Coverage by horizon"),
            "accuracy": dg.MetadataValue.md(_page(table, workplace, is_synthetic=synthetic)),
        },
        data_version=dg.DataVersion(frame_hash(table)),
    )


@dg.asset(group_name=GROUP, kinds={"json"}, owners=OWNERS, code_version="1", io_manager_key="staged_version_io")
def staging_model(
    workplace: Workplace, clock: Clock, features: pd.DataFrame, params: Params, backtest: pd.DataFrame
) -> dg.MaterializeResult[ModelVersion]:
    """The newest model version: the chosen recipe fitted to the newest data, with its card.

    An immutable folder of canonical JSON, named after its content: the same data and recipe give the same version. It
    is not in production before `prod_model` has judged it.
    """
    with explained():
        version = stage_version(workplace.home, _training(workplace, clock, features, params, backtest))
    return dg.MaterializeResult(
        value=version,
        metadata={
            "version_id": version.version_id,
            "sha256": version.sha256,
            "is_synthetic": bool(version.card["is_synthetic"]),
            "beats_last_value": beats_last_value(version.card["scores"]["recipe"]),
            "card": dg.MetadataValue.json(version.card),
            "card_as_page": dg.MetadataValue.md(card_markdown(version)),
            "model": dg.MetadataValue.json({k: v for k, v in version.model.items() if k != "training_distribution"}),
            "training_distribution": markdown_table(_distribution_rows(version)),
        },
        data_version=dg.DataVersion(version.version_id),
    )


@dg.asset(group_name=GROUP, kinds={"sqlite"}, owners=OWNERS, code_version="2", io_manager_key="ledger_io")
def prod_model(
    context: dg.AssetExecutionContext,
    workplace: Workplace,
    clock: Clock,
    features: pd.DataFrame,
    params: Params,
    backtest: pd.DataFrame,
    staging_model: ModelVersion,
) -> dg.MaterializeResult[ModelVersion]:
    """Which model version is in production, since when, by whom and why: the newest row of an append-only ledger.

    The staged version must beat the last value, next month and over the year, with intervals that hold what they say,
    on months that no search saw. Then it is promoted if it is better than the champion by more than chance, or not
    worse within a tolerance (3 % over ten years) and of newer data. With no champion and nothing that may replace it, a
    version that repeats the last value goes to production, and the ledger says so. A promotion acts from the next issue
    on. A person promotes and rolls back with `milk models`; a training does not bring back the version that a person
    took out.
    """
    training = _training(workplace, clock, features, params, backtest)
    actor = actor_of(context.run)
    with explained(), workplace.store() as store:
        promotion = promote_staged(
            workplace.home, store, staging_model, training, actor=actor, decided_at=training.created_at
        )
        champion = load_champion(workplace.home, store) or staging_model
        promoted = promoted_by(store, SERIES_ID)
    outcome = promotion.decision.outcome if promotion.decision else "nothing new: judged before"
    return dg.MaterializeResult(
        value=champion,
        metadata=production_metadata(promotion.champion, champion, promoted, outcome=outcome),
        data_version=dg.DataVersion(promotion.champion.champion_version_id),
    )


def _told(choice: Choice) -> dict[str, str | float | bool]:
    """The choice as the page shows it; where nothing could be searched, why."""
    told = choice.setting.parameters()
    told["half_lives_months"] = ", ".join(f"{months:g}" for months in choice.setting.half_lives_months)
    told |= {f"interval_{name}": value for name, value in asdict(choice.method).items()}
    is_searched = not choice.settings.empty
    unsearched = "not searched: too few months before the evaluation"
    said = float(choice.settings["criterion"].min()) if is_searched else unsearched
    return {**told, "settings_compared": len(choice.settings), "criterion": said}


def _verdicts(choice: Choice) -> list[dict[str, object]]:
    """What the gate said of each block, in words."""
    return [{"block": block, "verdict": said} for block, said in verdicts(choice.gate).items()]


def _distribution_rows(version: ModelVersion) -> list[dict[str, object]]:
    """What each feature looked like in training, one line each; the version holds it whole."""
    return [
        {
            "feature": name,
            "months": entry["count"],
            "mean": entry["mean"],
            "sd": entry["sd"],
            "5 %": entry["quantiles"]["q5"],
            "95 %": entry["quantiles"]["q95"],
            "share missing": entry["share_missing"],
        }
        for name, entry in sorted(version.model["training_distribution"].items())
    ]


def _page(table: pd.DataFrame, workplace: Workplace, *, is_synthetic: bool) -> str:
    """The accuracy in tables and sentences, the availability of the data itself first."""
    own = workplace.price_rule.lag_months
    lags = sorted({int(lag) for lag in table["price_lag_months"]}, key=lambda lag: lag != own)
    ordered = {lag: table[table["price_lag_months"] == lag].reset_index(drop=True) for lag in lags}
    unit = series_register().price.unit
    return accuracy_page(ordered, language="en", unit=unit, is_synthetic=is_synthetic, command="the asset backtest")


def _training(
    workplace: Workplace, clock: Clock, features: pd.DataFrame, params: Params, backtest: pd.DataFrame
) -> Training:
    synthetic, rule = is_synthetic(workplace.home), workplace.price_rule
    return Training(features, params, own_backtest(backtest, rule), rule, synthetic, clock.now())
