from bot.commands.instrumentation import UNWATCHED


def test_where_nobody_measures_nothing_is_noted() -> None:
    UNWATCHED.commanded("changed")
    UNWATCHED.acknowledged("command", 0.1)
    UNWATCHED.replied("channel", 1.0)
    UNWATCHED.called("L", "GET", 200)

    assert vars(UNWATCHED) == {}
