"""What holds across runs: a step does not read an asset of which a blocking check stands red.

Dagster's blocking checks stop what hangs below them in the same run only. In a later run the asset below would be made
of what failed; so whatever reads a stored asset asks here first. A red check stands until the asset is made anew or the
check passes when it is run again. Warnings never count, and a check itself may read what it found red, or it could
never be evaluated again.
"""

from functools import cache

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from milk_assets.defs.checks import all_checks

KIND = "RedCheck"
_ENDED = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}


@cache
def blocking_checks() -> dict[dg.AssetKey, tuple[dg.AssetCheckKey, ...]]:
    """The blocking checks of each asset. The job of a run knows those that it runs only, so they are listed here."""
    keys = [spec.key for definition in all_checks() for spec in definition.check_specs if spec.blocking]
    return {asset: tuple(key for key in keys if key.asset_key == asset) for asset in {key.asset_key for key in keys}}


def refuse_red_input(context: dg.InputContext) -> None:
    """See that nothing red is read to make an asset of it.

    Raises:
        Failure: a blocking check of the asset that is to be read stands red.
    """
    # Without a name it is read from outside a run, by a person; a step without an asset of its own is a check.
    if context.has_input_name and context.step_context.get_output_asset_keys():
        refuse_red(context.instance, context.asset_key)


def refuse_red(instance: dg.DagsterInstance, asset: dg.AssetKey) -> None:
    """See that no blocking check of an asset stands red.

    Raises:
        Failure: one does; the message says which, what it found and what to do.
    """
    for key in blocking_checks().get(asset, ()):
        red = _standing_failure(instance, key)
        if red is not None:
            run_id, said = red
            name = asset.to_user_string()
            raise dg.Failure(
                description=f"{name} is not fit to be used: its check {key.name} failed in run {run_id}. It said: "
                f"{said.rstrip('.')}. Mend the source and materialise {name} again; where the mended thing is not "
                f"{name} itself, it is enough that the check passes when it is run again.",
                metadata={"kind": KIND, "asset": name, "check": key.name, "run": run_id},
                allow_retries=False,
            )


def _standing_failure(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> tuple[str, str] | None:
    """The run and the words in which a check failed last, unless it passed or its asset was made anew since."""
    # Not marked public. Of all records of the check the newest that ended: one that was planned in a run that died
    # must not cover up the failure before it.
    found = instance.event_log_storage.get_asset_check_execution_history(key, limit=1, status=_ENDED)
    evaluation = found[0].evaluation if found else None
    if evaluation is None or evaluation.passed or evaluation.severity != dg.AssetCheckSeverity.ERROR:
        return None
    run_id = found[0].run_id
    made = instance.fetch_materializations(key.asset_key, limit=1).records
    target = evaluation.target_materialization_data
    if made and made[0].run_id != run_id and (target is None or target.storage_id < made[0].storage_id):
        return None
    return run_id, evaluation.description or "nothing"
