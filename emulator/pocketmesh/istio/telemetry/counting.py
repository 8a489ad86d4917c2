"""Counters and histograms, and the page that Prometheus reads. Numbers are kept here, the page's form is
the client library's."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from pocketmesh.istio.telemetry.labels import Labels

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_Key = tuple[tuple[str, str], ...]

MILLISECONDS: Final = (0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1e3, 2.5e3, 5e3, 1e4, 3e4, 6e4, 3e5, 6e5, 1.8e6)
BYTES: Final = (0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1e3, 2.5e3, 5e3, 1e4, 3e4, 6e4, 3e5, 6e5, 1.8e6)


class Counter:
    """A number for each set of labels, which only grows. Its name is without `_total`."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self._values: defaultdict[_Key, float] = defaultdict(float)

    def add(self, labels: Labels, amount: float = 1) -> None:
        """Counts `amount` more."""
        self._values[tuple(labels.items())] += amount

    def metric(self) -> Metric:
        """What Prometheus reads."""
        from prometheus_client.core import CounterMetricFamily

        found = CounterMetricFamily(self.name, self.text)
        for key, value in self._values.items():
            found.add_sample(f"{self.name}_total", dict(key), value)
        return found


class Gauge:
    """A number for each set of labels that is what it is."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self._values: dict[_Key, float] = {}

    def set(self, labels: Labels, value: float) -> None:
        self._values[tuple(labels.items())] = value

    def metric(self) -> Metric:
        """What Prometheus reads."""
        from prometheus_client.core import GaugeMetricFamily

        found = GaugeMetricFamily(self.name, self.text)
        for key, value in self._values.items():
            found.add_sample(self.name, dict(key), value)
        return found


class Histogram:
    """How many observations are at most as high as each bound."""

    def __init__(self, name: str, text: str, bounds: Sequence[float]) -> None:
        self.name = name
        self.text = text
        self._bounds = bounds
        self._counts: dict[_Key, list[int]] = {}
        self._sums: defaultdict[_Key, float] = defaultdict(float)

    def add(self, labels: Labels, value: float) -> None:
        """Takes in one observation."""
        key = tuple(labels.items())
        counts = self._counts.setdefault(key, [0] * (len(self._bounds) + 1))
        counts[bisect_left(self._bounds, value)] += 1
        self._sums[key] += value

    def metric(self) -> Metric:
        """What Prometheus reads."""
        from prometheus_client.core import HistogramMetricFamily

        found = HistogramMetricFamily(self.name, self.text)
        for key, counts in self._counts.items():
            labels = dict(key)
            for bound, total in self._buckets(counts):
                found.add_sample(f"{self.name}_bucket", {**labels, "le": bound}, total)
            found.add_sample(f"{self.name}_count", labels, sum(counts))
            found.add_sample(f"{self.name}_sum", labels, self._sums[key])
        return found

    def _buckets(self, counts: Sequence[int]) -> Iterator[tuple[str, float]]:
        total = 0
        for bound, count in zip((*self._bounds, float("inf")), counts, strict=True):
            total += count
            yield "+Inf" if bound == float("inf") else f"{bound:g}", total


def page(series: Sequence[Counter | Gauge | Histogram]) -> bytes:
    """The text that Prometheus reads."""
    from prometheus_client import CollectorRegistry, generate_latest

    class Series:
        def collect(self) -> Iterator[Metric]:
            return (one.metric() for one in series)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Series())
    return generate_latest(registry)
