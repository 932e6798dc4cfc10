"""Instrumentation that keeps what it is told."""

from bot.commands.instrumentation import Instrumentation


class Notebook(Instrumentation):
    def __init__(self) -> None:
        self.outcomes: list[str] = []
        self.kinds: list[tuple[str, float]] = []
        self.ways: list[tuple[str, float]] = []

    def commanded(self, outcome: str) -> None:
        self.outcomes.append(outcome)

    def acknowledged(self, kind: str, seconds: float) -> None:
        self.kinds.append((kind, seconds))

    def replied(self, way: str, seconds: float) -> None:
        self.ways.append((way, seconds))
