"""Who looks at the demo page, and at which part of it, as the page's address says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from bot.simulator.demo import stage

DIRECT = "direct"
"""The channel, in an address of the page, that is the viewer's direct message with the bot."""
HOME = "home"
"""In its place, the app's Home tab."""
CHANNELS = {
    **{channel: f"{'' if channel.startswith('G') else '# '}{name}" for channel, name in stage.CHANNELS.items()},
    DIRECT: "Opp Status",
}
"""The channels of the page, by their names in an address; a private one has no `#`."""


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """Who looks at the page, at which channel and which thread in it, and at the traffic of which act."""

    user: str
    channel: str
    """A channel's id; the viewer's own id is the direct message with the bot."""
    about: str
    """The number of an act, or a reference; if neither fits, the latest act is shown."""
    thread: str = ""
    """The `ts` of the message whose thread is open beside the channel; empty for none."""
    is_home: bool = False
    """Whether the app's Home tab is shown instead of a channel; `channel` is the direct message then."""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Viewpoint":
        """Read it from an address; anything that makes no sense becomes Ana, in the public channel."""
        user = query.get("user", "")
        user = user if user in stage.PEOPLE.values() else stage.ALLOWED
        channel = query.get("channel", "")
        known = channel if channel in stage.CHANNELS else stage.SALES
        thread = query.get("thread", "")
        is_ts = re.fullmatch(r"[0-9]{1,12}\.[0-9]{6}", thread)
        about, is_home = query.get("about", ""), channel == HOME
        if is_home or channel == DIRECT:
            known = user
        return cls(user, known, about, thread if is_ts and not is_home else "", is_home)

    @property
    def channel_in_address(self) -> str:
        """The channel's name in an address."""
        if self.channel != self.user:
            return self.channel
        return HOME if self.is_home else DIRECT

    @property
    def in_sidebar(self) -> str:
        """The name of the entry of the side bar that is shown."""
        return DIRECT if self.channel == self.user else self.channel

    @property
    def title(self) -> str:
        """What the shown entry of the side bar is called."""
        return CHANNELS[self.in_sidebar]

    def address(self, about: int) -> str:
        """The address of the page as this viewer sees it, with the traffic of this act."""
        thread = {"thread": self.thread} if self.thread else {}
        return "?" + urlencode({"user": self.user, "channel": self.channel_in_address, **thread, "about": about})

    def beside(self, thread: str) -> str:
        """The address of the page with the thread of the message with this `ts`."""
        return self.elsewhere() + "&" + urlencode({"thread": thread})

    def elsewhere(self, *, user: str | None = None, channel: str | None = None) -> str:
        """The address of the page as another person sees it, or of another of the channels."""
        return "?" + urlencode({"user": user or self.user, "channel": channel or self.channel_in_address})
