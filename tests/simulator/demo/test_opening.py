import _thread
import io
import threading
import webbrowser

import httpx
import pytest

from bot.simulator.demo.opening import browser, run


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "platform", "at_a_terminal", "has"),
    [
        ({}, "darwin", True, True),
        ({}, "win32", True, True),
        ({}, "linux", True, False),
        ({"DISPLAY": ":0"}, "linux", True, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True, True),
        ({"DISPLAY": ":0"}, "linux", False, False),
        ({"CI": "true"}, "darwin", True, False),
    ],
)
def test_a_browser_opens_only_where_a_person_sees_it(
    environ: dict[str, str], platform: str, at_a_terminal: bool, has: bool
) -> None:
    out = _Terminal() if at_a_terminal else io.StringIO()

    assert browser(environ, out, platform) is (webbrowser.open if has else None)


def test_the_page_is_there_when_the_browser_is_told_to_open_it() -> None:
    out, opened = io.StringIO(), dict[str, int]()

    def browse(address: str) -> None:
        opened[address] = httpx.get(address).status_code
        threading.Timer(0.2, _thread.interrupt_main).start()  # what Ctrl-C does

    run(out, opens=browse)

    ((address, status),) = opened.items()
    assert status == 200
    assert f"Open {address} and watch Ana win a deal." in out.getvalue()
