import httpx
import pytest

from bot.highlevel.auth import PrivateIntegration

TOKEN = "pit-not-a-token"


def _request() -> httpx.Request:
    return httpx.Request("GET", "http://127.0.0.1/opportunities/x", headers={"Version": "2021-07-28"})


def test_the_token_is_sent_as_a_bearer() -> None:
    request = next(PrivateIntegration(TOKEN).auth_flow(_request()))
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.headers["Version"] == "2021-07-28"


@pytest.mark.parametrize("status", [200, 401, 403])
def test_a_request_is_sent_once_whatever_the_answer(status: int) -> None:
    flow = PrivateIntegration(TOKEN).auth_flow(_request())
    next(flow)
    with pytest.raises(StopIteration):
        flow.send(httpx.Response(status))


def test_the_token_is_not_shown_by_repr() -> None:
    assert TOKEN not in repr(PrivateIntegration(TOKEN))
