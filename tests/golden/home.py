"""The Home tab: deals, last changes, and why there are none."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.access.people import Unknown
from bot.access.rules import Denied, Reason
from bot.deals.deal import Opportunity
from bot.deals.locations import Locations
from bot.deals.outcome import Cause, Trouble
from bot.slack.messages.home.contents import Contents, Gap, Reader, Refused
from tests.golden.scene import (
    ANA,
    ASKED,
    BEN,
    NEW_WEBSITE,
    NOW,
    PRINTER,
    REFERENCE,
    SUPPORT,
    Rendered,
    messages,
    record,
)

_READER = Reader(ANA.user_id, REFERENCE, NOW)
_HOME = messages().home
_TWO = messages(locations=Locations("LOC", {"LOC": "Berlin", "PARIS": "Paris"})).home


def _still(deal: Opportunity, days: float) -> Opportunity:
    return replace(deal, since=None, stage_since=NOW - timedelta(days=days))


_DEALS = (_still(SUPPORT, 34), _still(NEW_WEBSITE, 3), _still(PRINTER, 0.2))
_MANY = tuple(
    _still(replace(NEW_WEBSITE, id=f"{number:020}", name=f"Deal {number}"), 40 - number) for number in range(24)
)
_WON, _LOST = record(NEW_WEBSITE, "won"), record(PRINTER, "lost", key="18.key")
_FULL = Contents(deals=_DEALS, changes=(_WON, _LOST), undoable=frozenset({"17.key"}))


def _gap(why: Unknown | Trouble, location_id: str = "") -> Mapping[str, Any]:
    return _HOME.tab(Contents(gaps=(Gap(location_id, why),), changes=(_WON,)), _READER)


CASES: dict[str, Rendered] = {
    "home-loading": _HOME.loading(),
    "home": _HOME.tab(_FULL, _READER),
    "home-empty": _HOME.tab(Contents(), _READER),
    "home-under-way": _HOME.tab(replace(_FULL, under_way={NEW_WEBSITE.id: "won"}), _READER),
    "home-page-2": _HOME.tab(Contents(deals=_MANY, more=True, page=1), _READER),
    "home-other-channels": _HOME.tab(replace(_FULL, can_mark=False), _READER),
    "home-no-history": _HOME.tab(replace(_FULL, changes=None), _READER),
    "home-of-two-sub-accounts": _TWO.tab(replace(_FULL, gaps=(Gap("PARIS", Trouble(Cause.NO_ANSWER)),)), _READER),
    "home-unknown-in-two-sub-accounts": _TWO.tab(
        Contents(gaps=(Gap("LOC", Unknown.EMAIL_HIDDEN), Gap("PARIS", Unknown.EMAIL_HIDDEN))), _READER
    ),
    **{f"home-unknown-{why.value.replace('_', '-')}": _gap(why) for why in Unknown},
    "home-highlevel-down": _gap(Trouble(Cause.SERVER_ERROR)),
    "home-highlevel-refuses": _gap(Trouble(Cause.TOKEN_INVALID)),
    "home-out-of-time": _gap(Trouble(Cause.OUT_OF_TIME)),
    "home-broken": _HOME.broken(_READER, page=2),
    "home-denied": _HOME.refused(Refused(Denied(Reason.NOT_ALLOWED)), BEN, _READER),
    "home-denied-request-open": _HOME.refused(Refused(Denied(Reason.NOT_ALLOWED), ASKED), BEN, _READER),
    "home-denied-guest": _HOME.refused(Refused(Denied(Reason.GUEST)), replace(BEN, channel_id=""), _READER),
    "home-denied-passing": _HOME.refused(Refused(Denied(Reason.WORKSPACE_UNKNOWN)), BEN, _READER),
}
