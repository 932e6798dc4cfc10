"""Whose deal it is: refusals, what the owner is asked and told, and what the person who asked is told."""

from dataclasses import replace
from typing import Any

from bot.commands.record import Record
from bot.deals.deal import Status
from bot.deals.outcome import AskedOwner, Cause, Effect, NotYours, Objection, Result, Withheld
from tests.golden.scene import KIM, NEW_WEBSITE, PRINTER, SUPPORT, Rendered, entry, messages, record

_SAY = messages()
_BEN = "U0BEN"
_WITHHELD = replace(
    record(PRINTER, "won", outcome=Result.NOT_YOURS, withheld=Withheld.OWNED, deal_owner=_BEN), after="open"
)
_ASKED = replace(record(NEW_WEBSITE, "won", outcome=Result.ASKED_OWNER, deal_owner=_BEN), after="open")
_ASKED_TO_REOPEN = replace(_ASKED, status="open", before="lost", after="lost", public=False, channel_id="D0ANA")
_BY_KIM = entry(SUPPORT, Status.WON, KIM)


def _refused(why: Withheld, owner: str = "") -> Rendered:
    refused = NotYours(NEW_WEBSITE, Objection(why, stops=True, owner=owner))
    return _SAY.outcome(refused, entry(NEW_WEBSITE, Status.WON))


def _yes(**more: Any) -> Record:  # noqa: ANN401 - the fields of a record
    return replace(record(NEW_WEBSITE, "won", user_id=_BEN), **more)


CASES: dict[str, Rendered] = {
    **{f"not-yours-{why.replace('_', '-')}": _refused(why) for why in Withheld},
    "not-yours-ask-the-owner": _refused(Withheld.OWNED, _BEN),
    "owner-asked": _SAY.outcome(AskedOwner(NEW_WEBSITE, _BEN), entry(NEW_WEBSITE, Status.WON)),
    "owner-is-asked": _SAY.to_owner(replace(_ASKED, note="They signed yesterday.")),
    "owner-is-asked-to-reopen": _SAY.to_owner(_ASKED_TO_REOPEN),
    "owner-said-yes": _SAY.owners.goes_on(_ASKED),
    "owner-said-not-now": _SAY.owners.left(_ASKED),
    "owner-is-told": _SAY.to_owner(record(NEW_WEBSITE, "won", withheld=Withheld.OWNED, deal_owner=_BEN)),
    "owner-is-told-of-a-reopening": _SAY.to_owner(record(PRINTER, "open", before="lost", deal_owner=_BEN)),
    "owner-is-told-of-a-reason": _SAY.to_owner(record(PRINTER, "lost", before="lost", deal_owner=_BEN)),
    "owner-did-as-asked": _SAY.to_asker(record(NEW_WEBSITE, "won", user_id=_BEN), _ASKED),
    "owner-said-yes-to-what-was-so": _SAY.to_asker(_yes(outcome=Result.ALREADY_SO), _ASKED),
    "owner-said-yes-too-late": _SAY.to_asker(_yes(outcome=Result.OVERTAKEN), _ASKED),
    "owner-said-yes-and-highlevel-failed": _SAY.to_asker(_yes(outcome=Cause.NO_ANSWER, effect=Effect.NOTHING), _ASKED),
    "owner-said-yes-and-it-may-be-done": _SAY.to_asker(_yes(outcome=Cause.NO_ANSWER, effect=Effect.UNKNOWN), _ASKED),
    "owner-cannot-be-asked": _SAY.unasked(_ASKED),
    "owner-declined": _SAY.owners.declined(_ASKED, _BEN),
    "several-not-yours": _SAY.several(
        [
            _WITHHELD,
            *(
                replace(_WITHHELD, key=f"17.key#{at:02}", withheld=why, deal_owner=None)
                for at, why in enumerate(Withheld, start=1)
            ),
        ],
        _BY_KIM,
        [],
        [],
    ),
    "several-owners-asked": _SAY.several([_ASKED, replace(_ASKED, key="17.key#01")], _BY_KIM, [], []),
}
