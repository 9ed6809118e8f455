"""Rows for the tests, and many processes at once."""

import datetime as dt
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from milk.publication.ledger import PromotionRow

NOON = dt.datetime(2014, 10, 2, 12, tzinfo=dt.UTC)


def promoted(
    version: str, *, previous: str | None = None, run_id: str | None = None, series: str = "s"
) -> PromotionRow:
    return PromotionRow(
        series_id=series,
        version_id=version,
        sha256=f"sha-{version}",
        decided_at=NOON,
        actor_kind="person",
        actor="ana",
        decision="promoted",
        reason="It was better.",
        numbers={"mae": 0.1, "champion_mae": 0.2, "test": "Diebold-Mariano"},
        champion_version_id=version,
        champion_sha256=f"sha-{version}",
        previous_version_id=previous,
        data_cutoff=NOON - dt.timedelta(days=1),
        run_id=run_id,
    )


def kept(champion: str, *, considered: str, run_id: str | None = None) -> PromotionRow:
    return PromotionRow(
        series_id="s",
        version_id=considered,
        sha256=f"sha-{considered}",
        decided_at=NOON,
        actor_kind="run",
        actor="monthly",
        decision="kept",
        reason="It was no better.",
        numbers={},
        champion_version_id=champion,
        champion_sha256=f"sha-{champion}",
        previous_version_id=champion,
        data_cutoff=NOON,
        run_id=run_id,
    )


_barrier: Any = None


def _keep_barrier(barrier: Any) -> None:  # noqa: ANN401 - the type of a spawned barrier has no public name
    global _barrier
    _barrier = barrier


def _call_together(function: Callable[..., str], arguments: tuple[str, ...]) -> str:
    _barrier.wait(timeout=60)
    return function(*arguments)


def in_processes(function: Callable[..., str], calls: list[tuple[str, ...]]) -> list[str]:
    """Call a function once a process, all at the same moment; new processes, since a fork would share connections."""
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(len(calls))
    with ProcessPoolExecutor(len(calls), spawn, initializer=_keep_barrier, initargs=(barrier,)) as pool:
        return [future.result() for future in [pool.submit(_call_together, function, call) for call in calls]]
