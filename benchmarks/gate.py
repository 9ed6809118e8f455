"""How often the gate admits a block that leads the price, and how often one that has nothing to do with it.

Prices of 276 months with a season, an autoregression and noise, 240 origins; a simple seasonal forecast as the
price-only one. A planted feature leads the price by three months and explains a quarter of the variance of its monthly
changes. Every scene is judged as a whole: all its blocks at four horizons, adjusted together.

Usage: .venv/bin/python benchmarks/gate.py [--seeds 100]
"""

import argparse
import time

import pandas as pd

from milk.evaluation.gate import HORIZONS
from milk.forecasting.baselines import SeasonalDrift
from milk.forecasting.blocks import block_design, corrections
from tests.builders import RULE, histories_of
from tests.milk.evaluation.simulated_blocks import Block, judged, simulated

NOISE = (Block("noise of 1"), Block("noise of 4", size=4))
SCENES = {
    "planted, of 1": (Block("planted", share=0.25), *NOISE),
    "planted, of 1, memory .6": (Block("planted", share=0.25, memory=0.6), *NOISE),
    "planted, of 4": (Block("planted", size=4, share=0.25), *NOISE),
    "noise": (*NOISE, Block("slow noise of 1", memory=0.9), Block("noise of 12", size=12)),
}


def report(scene: str, blocks: tuple[Block, ...], seeds: int) -> None:
    """The rows of one scene, one a block and one for any block of noise."""
    table = pd.concat([judged(seed, blocks).assign(seed=seed) for seed in range(seeds)], ignore_index=True)
    for block in blocks:
        own = table[table["block"] == block.name]
        by_horizon = own.groupby("horizon_months")
        figures = [f"{by_horizon['is_admitted'].sum()[h]} ({by_horizon['ratio'].mean()[h]:.3f})" for h in HORIZONS]
        any_horizon = own.groupby("seed")["is_admitted"].any().sum()
        print(f"| {scene} | {block.name} | {any_horizon} | {' | '.join(figures)} |", flush=True)
    noise = table[table["block"].isin([block.name for block in blocks if block.share == 0])]
    print(
        f"| {scene} | any noise | {noise.groupby('seed')['is_admitted'].any().sum()} |{' |' * len(HORIZONS)}",
        flush=True,
    )


def time_of_corrections(size: int) -> float:
    """Milliseconds of the corrections of one block, 240 origins x 12 steps; the fastest of five."""
    features, names = simulated(0, (Block("block", size=size),))
    histories = histories_of(features)
    log_price = SeasonalDrift().fit(histories).forecast(12).log_price
    design = block_design(features, histories, RULE, names["block"])
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        corrections(design, log_price, histories)
        taken.append(time.perf_counter() - start)
    return min(taken) * 1e3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What the gate for other data admits.")
    parser.add_argument("--seeds", type=int, default=100)
    seeds = parser.parse_args().seeds
    print("| features of a block | ms |\n|---|---|")
    for size in (1, 4, 8, 28):
        print(f"| {size} | {time_of_corrections(size):.0f} |")
    months = " | ".join(f"h={horizon} (ratio)" for horizon in HORIZONS)
    print(f"\nAdmitted in how many of {seeds} seeds.\n\n| scene | block | at any horizon | {months} |\n|{'---|' * 7}")
    for scene, blocks in SCENES.items():
        report(scene, blocks, seeds)


if __name__ == "__main__":
    main()
