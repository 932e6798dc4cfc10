"""How a request proves that it may: a private integration token."""

from collections.abc import Generator

import httpx


class PrivateIntegration(httpx.Auth):
    """Attaches a private integration token. It does not expire by itself and cannot be refreshed.

    https://help.gohighlevel.com/support/solutions/articles/155000003054
    """

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request with the token, once."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request
