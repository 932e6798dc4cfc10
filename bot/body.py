"""The body of an HTTP request that asks, as late as can be, whether it may be sent."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable


class AskingBody:
    """A JSON body, for httpx, that asks whether it may be sent, each time that it is about to be.

    aiohttp takes the first piece when it has a connection, and writes the head of the request together with it. So a
    refusal writes nothing; aiohttp then closes the connection.
    """

    def __init__(self, value: object, may_send: Callable[[], Awaitable[None]]) -> None:
        self._content = json.dumps(value, separators=(",", ":")).encode()
        self._may_send = may_send
        self.headers = {"Content-Type": "application/json", "Content-Length": str(len(self._content))}
        """That the request must have."""
        self.refused: Exception | None = None
        """What `may_send` raised. The transport raises an error of its own in its place."""
        self.taken = False
        """Whether it was taken at least once. If not, nothing was sent."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The body, in one piece."""
        try:
            await self._may_send()
        except Exception as error:
            self.refused = error
            raise
        self.taken = True
        yield self._content
