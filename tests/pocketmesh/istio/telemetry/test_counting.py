"""Numbers as Prometheus reads them."""

from __future__ import annotations

from pocketmesh.istio.telemetry.counting import Counter, Histogram, page


def lines(*series: Counter | Histogram) -> list[str]:
    return [line for line in page(series).decode().splitlines() if not line.startswith("#")]


def test_a_counter_grows_for_each_set_of_labels() -> None:
    counter = Counter("istio_requests", "text")
    counter.add({"code": "200"})
    counter.add({"code": "200"})
    counter.add({"code": "503"}, 3)
    assert lines(counter) == ['istio_requests_total{code="200"} 2.0', 'istio_requests_total{code="503"} 3.0']


def test_a_histogram_counts_what_is_at_most_as_high_as_each_bound() -> None:
    histogram = Histogram("took", "text", (1, 10))
    for value in (1, 5, 99):
        histogram.add({"code": "200"}, value)
    assert lines(histogram) == [
        'took_bucket{code="200",le="1"} 1.0',
        'took_bucket{code="200",le="10"} 2.0',
        'took_bucket{code="200",le="+Inf"} 3.0',
        'took_count{code="200"} 3.0',
        'took_sum{code="200"} 105.0',
    ]


def test_what_was_never_counted_has_no_line() -> None:
    assert lines(Counter("never", "text"), Histogram("nor", "text", (1,))) == []
