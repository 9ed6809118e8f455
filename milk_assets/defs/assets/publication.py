"""What others read."""

import warnings
from collections.abc import Iterator
from typing import Any

import dagster as dg
import sqlalchemy as sa

from milk.models.canonical import canonical_json, sha256_hex
from milk.months import Month
from milk.publication.publish import Published
from milk.publication.read import issue_records
from milk.series import SERIES_ID
from milk.steps.online import forget_old_requests
from milk.steps.publication import MonthsPublished, publish_months
from milk_assets.defs.failures import explained
from milk_assets.defs.metadata import OWNERS, markdown_table
from milk_assets.defs.resources import Clock, Workplace
from milk_assets.defs.series import publication_of_series

GROUP = "publication"
NAME = "published_predictions"
SERVED_CHECK = "served_as_forecast"
ISSUES_SHOWN = 12


def published_predictions_asset(partitions: dg.MonthlyPartitionsDefinition) -> dg.AssetsDefinition:
    """The asset `published_predictions` over the given months."""
    with warnings.catch_warnings():
        # `backfill_policy` is marked beta; it is what makes a long backfill one run, and a test holds it to that.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return _asset(partitions)


def _asset(partitions: dg.MonthlyPartitionsDefinition) -> dg.AssetsDefinition:
    @dg.asset(
        name=NAME,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=["batch_predictions", "raw_milk_price", "prod_model"],
        group_name=GROUP,
        kinds={"sql"},
        owners=OWNERS,
        code_version="1",
        output_required=False,
        check_specs=[
            dg.AssetCheckSpec(
                SERVED_CHECK,
                asset=NAME,
                description="Read back from the store after the commit: each month of this run is there, under its "
                "revision, with the very content that was forecast.",
            )
        ],
    )
    def published_predictions(
        context: dg.AssetExecutionContext, workplace: Workplace, clock: Clock
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetMaterialization | dg.AssetCheckResult]:
        """What the reader serves of an issue month: forecasts with intervals and causes, and what belongs to them.

        One SQL transaction brings an issue together with the observed prices, the card and the scores of its model, and
        the register of series. Publication only adds: the same content again writes nothing, other content is a further
        revision with its reason, and a hindcast never takes the place of a live forecast. The serving sensor starts
        this by itself whenever `batch_predictions` has something newer; read it at `GET /predictions`.

        Further series are published first, some hundred of them in a transaction, and the reference last: where its
        issue is published, those of all are.
        """
        months = [Month.parse(key) for key in context.partition_keys]
        with explained(), workplace.store() as store:
            made = publish_months(workplace.home, store, months, published_at=clock.now(), run_id=context.run.run_id)
            check = _read_back(store, made.published)
            forgotten = forget_old_requests(store, days=workplace.online_retention_days, now=clock.now())
        context.log.info("Requests to the online route: %s.", forgotten)
        yield from _events(made, check)

    return published_predictions


def _events(
    made: MonthsPublished, check: dg.AssetCheckResult
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetMaterialization | dg.AssetCheckResult]:
    published = made.published
    if published is not None and not made.refused:
        hashes = [issue.content_sha256 for issue in published.issues]
        hashes += [made.further.content_sha256] if made.further.series else []
        yield dg.MaterializeResult(
            metadata=_metadata(published) | publication_of_series(made.further),
            data_version=dg.DataVersion(sha256_hex(canonical_json(hashes))),
            check_results=[check],
        )
        return
    # The months that were published are recorded one by one, so that only the others stay behind.
    for issue in published.issues if published else ():
        yield dg.AssetMaterialization(NAME, partition=str(issue.issue_month), metadata=_metadata(published))
    reasons = "\n".join(f"{month}: {reason}" for month, reason in sorted(made.refused.items()))
    said = f"These months were not published; the others of this run were.\n{reasons}"
    yield dg.AssetCheckResult(check_name=SERVED_CHECK, passed=False, description=said)
    raise dg.Failure(description=said, allow_retries=False)


def _read_back(store: sa.Engine, published: Published | None) -> dg.AssetCheckResult:
    """Whether a reader that asks now gets what was forecast."""
    records = {(r.issue_month, r.revision): r.content_sha256 for r in issue_records(store, SERIES_ID)}
    wrong = [
        str(issue.issue_month)
        for issue in (published.issues if published else ())
        if records.get((issue.issue_month, issue.revision)) != issue.content_sha256
    ]
    said = f"The store gives something else for {', '.join(wrong)}." if wrong else "The store gives what was forecast."
    return dg.AssetCheckResult(check_name=SERVED_CHECK, passed=not wrong, description=said)


def _metadata(published: Published | None) -> dict[str, Any]:
    if published is None:
        return {}
    outcomes = [issue.outcome for issue in published.issues]
    newest = sorted(published.issues, key=lambda issue: issue.issue_month, reverse=True)[:ISSUES_SHOWN]
    return {
        "publication": published.publication_id if published.publication_id is not None else "nothing new",
        "issues": len(published.issues),
        "added": outcomes.count("added"),
        "unchanged": outcomes.count("unchanged"),
        "hindcasts_beside_live": outcomes.count("beside"),
        "observed_prices_added": published.observed,
        "model_cards_added": published.cards,
        "newest_issues": markdown_table(
            [{"month": i.issue_month, "revision": i.revision, "outcome": i.outcome, "reason": i.reason} for i in newest]
        ),
    }
