from __future__ import annotations

from cex.networking.metrics import NO_METRICS, InMemoryMetrics, Metrics, Observed


def use(metrics: Metrics) -> None:
    metrics.count("requests", exchange="mexc", outcome="200")
    metrics.count("requests", 2, outcome="500", exchange="mexc")
    metrics.count("requests", exchange="gateio", outcome="200")
    metrics.observe("seconds", 0.5, exchange="mexc")
    metrics.observe("seconds", 0.1, exchange="mexc")
    metrics.gauge("left", 3, pool="ip")
    metrics.gauge("left", 2, pool="ip")


def test_figures_are_kept_by_name_and_labels() -> None:
    metrics = InMemoryMetrics()
    use(metrics)
    assert metrics.counted("requests", exchange="mexc", outcome="500") == 2
    assert metrics.counted("requests", exchange="mexc") == 3
    assert metrics.counted("requests") == 4
    assert metrics.counted("nothing") == 0
    assert metrics.observed("seconds", exchange="mexc") == Observed(count=2, total=0.6, least=0.1, most=0.5)
    assert metrics.observed("seconds").count == 0
    assert metrics.gauged("left", pool="ip") == 2
    assert metrics.gauged("left") is None


def test_no_metrics_takes_everything_and_keeps_nothing() -> None:
    use(NO_METRICS)
    assert not hasattr(NO_METRICS, "__dict__")
