"""Reads the HTML of the demo page, and fails if it is not well-formed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"br", "hr", "input"})
"""The elements without an end tag that the page uses."""
BLOCKS = frozenset({"blockquote", "br", "dialog", "div", "h2", "h3", "label", "li", "option", "pre", "summary"})
"""The elements that are shown on a line of their own."""


@dataclass
class Node:
    """An element, with its contents."""

    tag: str
    attributes: dict[str, str]
    inside: "list[Node | str]" = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text in it; a block stands on a line of its own."""
        inner = "".join(each if isinstance(each, str) else each.text for each in self.inside)
        return f"\n{inner}\n" if self.tag in BLOCKS else inner

    def all(self, tag: str = "", **attributes: str) -> "list[Node]":
        """Find the elements in it with this tag and these attributes, in order; `data_view` is `data-view`."""
        wanted = {name.strip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [node for node in self._nodes() if tag in {"", node.tag} and wanted.items() <= node.attributes.items()]

    def one(self, tag: str = "", **attributes: str) -> "Node":
        """Find the only such element; fails if there are more or none."""
        (found,) = self.all(tag, **attributes)
        return found

    def _nodes(self) -> "Iterator[Node]":
        for each in self.inside:
            if isinstance(each, Node):
                yield each
                yield from each._nodes()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Node("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"<{tag}> has an attribute twice: {names}"
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert tag not in VOID
        assert self.open.pop().tag == tag, f"</{tag}> ends something else"

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"a declaration: {decl}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"an instruction: {data}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"a declaration: {data}")


def read(html: str) -> Node:
    """Read HTML into nodes. Raises `AssertionError` if an end tag is missing or does not fit."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    (whole,) = reader.open
    return whole
