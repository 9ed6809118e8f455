"""How often an event of known probability may happen by chance: the exact band of the binomial distribution."""

import math


def binomial_band(trials: int, probability: float, *, level: float) -> tuple[int, int]:
    """The counts that chance explains.

    Summed term by term, each from its logarithm, so that six hundred months overflow nothing.

    Args:
        trials: how often it could happen; independent.
        probability: with which it happens each time, between 0 and 1, both excluded.
        level: probability of the band, such as .998: at most half of the rest lies beyond either end.

    Returns:
        The smallest and the largest count inside.

    Raises:
        ValueError: an argument lies outside of its range.
    """
    if trials < 0 or not 0 < probability < 1 or not 0 < level < 1:
        raise ValueError(f"There is no band of {trials} trials with probability {probability} at level {level}.")
    tail = (1 - level) / 2
    terms = [_term(trials, count, probability) for count in range(trials + 1)]
    return _inner_end(terms, tail), trials - _inner_end(terms[::-1], tail)


def _inner_end(terms: list[float], tail: float) -> int:
    """How many counts from one end are too rare together."""
    total = 0.0
    for count, term in enumerate(terms):
        total += term
        if total > tail:
            return count
    return len(terms) - 1


def _term(trials: int, count: int, probability: float) -> float:
    ways = math.lgamma(trials + 1) - math.lgamma(count + 1) - math.lgamma(trials - count + 1)
    return math.exp(ways + count * math.log(probability) + (trials - count) * math.log1p(-probability))
