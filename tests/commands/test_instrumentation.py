from bot.commands.instrumentation import NO_METRICS


def test_without_metrics_nothing_is_kept() -> None:
    NO_METRICS.commanded("changed")
    NO_METRICS.acknowledged("command", 0.1)
    NO_METRICS.replied("channel", 1.0)
    NO_METRICS.called("L", "GET", 200)
    NO_METRICS.stood_still(7.0)

    assert vars(NO_METRICS) == {}
