"""A slow, obvious account of every interval method: one origin and step at a time, plain loops over plain numbers.

Written from the words of the methods, not from the code that it judges. Each question is answered at a row, from the
prices that this row knew.
"""

import math
from functools import cache

from milk.forecasting.histories import Floats, Histories
from milk.forecasting.intervals import IntervalMethod

LEVELS = (0.80, 0.95)


class Oracle:
    """Half widths and measured shares of the price of each month, or of the means from `first_step` on."""

    def __init__(
        self, log_price: Floats, histories: Histories, method: IntervalMethod, first_step: int | None = None
    ) -> None:
        self.log_price = log_price.tolist()
        self.known = histories.log_price.tolist()
        self.origins = histories.origins.tolist()
        self.first_month = histories.first.month
        self.method = method
        self.first_step = first_step
        self.errors = cache(self._errors)
        self.ratios = cache(self._ratios)
        self.widths = cache(self._widths)

    def error(self, origin: int, step: int, seen_from: int) -> float:
        """The absolute log error of one earlier forecast, its price known at `seen_from`."""
        months = [step] if self.first_step is None else list(range(self.first_step, step + 1))
        came = [math.exp(self.known[seen_from][self.origins[origin] + month]) for month in months]
        said = [math.exp(self.log_price[origin][month - 1]) for month in months]
        return abs(math.log(sum(came) / len(came)) - math.log(sum(said) / len(said)))

    def _errors(self, row: int, step: int) -> list[float]:
        """The errors known at a row, that of the first origin first."""
        if self.first_step is not None and step < self.first_step:
            return []
        return [self.error(origin, step, row) for origin in range(row - step + 1)]

    def sizes(self, errors: list[float]) -> list[float]:
        """The running size after each error."""
        sizes = []
        total = weight = 0.0
        for error in errors:
            total = self.method.decay * total + error
            weight = self.method.decay * weight + 1
            sizes.append(max(total / weight, 1e-12))
        return sizes

    def _ratios(self, row: int, step: int) -> dict[int, float]:
        """Of each origin its error, or the ratio of it to (a power of) the size known when it was forecast."""
        errors = self.errors(row, step)
        if self.method.name == "split":
            return dict(enumerate(errors))
        sizes = self.sizes(errors)
        ratios = {}
        for origin, error in enumerate(errors):
            newest_known_then = origin - step
            if newest_known_then >= 0:
                size = sizes[newest_known_then]
                ratios[origin] = (size if size < 1e-4 else error) / size**self.method.scaling
        return ratios

    def used(self, row: int, step: int) -> list[float]:
        """The ratios behind the interval, sorted."""
        newest = row - step
        ratios = self.ratios(row, step)
        chosen = [origin for origin in ratios if origin > newest - self.method.memory_months]
        if self.method.name == "neighbours":
            chosen = [origin for origin in chosen if self.are_neighbours(origin + step, row + step)]
        return sorted(ratios[origin] for origin in chosen)

    def are_neighbours(self, one: int, other: int) -> bool:
        """Whether two targets lie in the same calendar month or in neighbouring ones; January is beside December."""
        months = [(self.first_month - 1 + self.origins[0] + target) % 12 + 1 for target in (one, other)]
        return abs(months[0] - months[1]) in (0, 1, 11)

    def level(self, row: int, step: int, nominal: float) -> float:
        """The level after all hits and misses known at a row."""
        level = nominal
        for origin, error in enumerate(self.errors(row, step)):
            width = self.widths(origin)[step - 1].get(nominal)
            if width is not None:
                level += self.method.learning_rate * (nominal if error > width else nominal - 1)
            level = min(max(level, 0.5), 0.995)
        return level

    def _widths(self, row: int) -> list[dict[float, float]]:
        """For each step the half width of each level; nothing where there is no earlier error."""
        widest = dict.fromkeys(LEVELS, 0.0)
        widths: list[dict[float, float]] = []
        for step in range(1, len(self.log_price[row]) + 1):
            used = self.used(row, step)
            widths.append({})
            if not used:
                continue
            size = 1.0 if self.method.name == "split" else self.sizes(self.errors(row, step))[-1] ** self.method.scaling
            inner = 0.0
            for nominal in LEVELS:
                level = self.level(row, step, nominal) if self.method.name == "adaptive" else nominal
                rank = min(math.ceil(level * (len(used) + 1)), len(used))
                inner = max(inner, size * used[rank - 1], 1e-12)
                widest[nominal] = widths[-1][nominal] = max(widest[nominal], inner)
        return widths

    def measured(self, row: int, step: int, level: float) -> tuple[float, int]:
        """The share of the earlier intervals that held, and how many those are."""
        held = []
        for origin, error in list(enumerate(self.errors(row, step)))[-180:]:
            width = self.widths(origin)[step - 1].get(level)
            if width is not None:
                held.append(error <= width)
        return (sum(held) / len(held) if held else math.nan), len(held)
