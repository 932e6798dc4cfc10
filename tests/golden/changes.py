"""What became of a change: of one deal, of several, and of an undo."""

from dataclasses import replace

from bot.commands.record import UndoRefusal
from bot.commands.reply import Message
from bot.deals.deal import Status
from bot.deals.outcome import AlreadySo, Cause, Changed, Effect, Overtaken, Result, Trouble
from bot.deals.wish import Consent, Wish
from tests.golden.scene import (
    ANA,
    KIM,
    NEW_WEBSITE,
    NOW,
    PRINTER,
    REASONS,
    REFERENCE,
    SUPPORT,
    TRAINING,
    Rendered,
    became,
    entry,
    messages,
    record,
)

_SAY = messages()
_WON = Changed(NEW_WEBSITE, became(NEW_WEBSITE, "won"))
_LOST = became(PRINTER, "lost", lost_reason_id="r1", lost_reason="Too expensive")
_UNDOES = entry(NEW_WEBSITE, Status.OPEN, KIM, undoes="17.key", message_ts="17.1")
_TWO = [record(SUPPORT, "won"), record(TRAINING, "won", key="17.key#01")]
_BY_KIM = entry(SUPPORT, Status.WON, KIM)
_ASKED = [replace(each, outcome=Result.UNCONFIRMED, after="open") for each in _TWO]
_FAILED = record(PRINTER, "won", outcome=Cause.SERVER_ERROR, effect=Effect.NOTHING)
_LACKS = [replace(each, outcome=Result.REASON_WANTED, status="lost", after=None) for each in _TWO]
_BACK = [replace(each, status="open", before="won", after="open", undoes=each.key) for each in _TWO]
_TYPED_UNDO = replace(_UNDOES, message_ts="")
_GIVES = entry(PRINTER, Status.LOST, amends="17.key", asked_privately=True)
_CORRECTS = entry(NEW_WEBSITE, Status.WON)
_BOTH_LOST = [replace(each, status="lost", after="lost", batch="17.key") for each in _TWO]
_BOTH_GIVEN = [replace(each, before="lost", amends=each.key, lost_reason_id="r1") for each in _BOTH_LOST]
_GIVES_BOTH = entry(
    SUPPORT, Status.LOST, KIM, wish=Wish(SUPPORT.id, Status.LOST, "r1"), amends="17.key", batch="18.key"
)


def _aside(message: Message) -> Message:
    """What the caller alone reads."""
    assert message.aside is not None
    return message.aside


def _otherwise(message: Message) -> Message:
    """What is said where it can take no message's place."""
    assert message.otherwise is not None
    return message.otherwise


_UNDONE = _SAY.outcome(Changed(became(NEW_WEBSITE, "won"), NEW_WEBSITE), _TYPED_UNDO, record(NEW_WEBSITE, "won"))
_CORRECTED = _SAY.amended(
    Changed(became(NEW_WEBSITE, "lost"), became(NEW_WEBSITE, "won")), _CORRECTS, record(NEW_WEBSITE, "lost")
)
_BOTH_AMENDED = _SAY.several_amended(_BOTH_GIVEN, _GIVES_BOTH, _BOTH_LOST, REASONS)

CASES: dict[str, Rendered] = {
    "won": _SAY.outcome(_WON, entry(NEW_WEBSITE, Status.WON)),
    "won-with-a-note": _SAY.outcome(
        _WON, entry(NEW_WEBSITE, Status.WON, note="Signed this morning. Kickoff on Monday.")
    ),
    "won-slowly": _SAY.outcome(replace(_WON, despite=Trouble(Cause.NO_ANSWER)), entry(NEW_WEBSITE, Status.WON)),
    "lost": _SAY.outcome(Changed(PRINTER, _LOST), entry(PRINTER, Status.LOST)),
    "lost-reason-only-in-slack": _SAY.outcome(
        Changed(PRINTER, became(PRINTER, "lost")),
        entry(PRINTER, Status.LOST, wish=Wish(PRINTER.id, Status.LOST, reason="budget frozen")),
    ),
    "lost-reason-added": _SAY.outcome(Changed(became(PRINTER, "lost"), _LOST), entry(PRINTER, Status.LOST)),
    "abandoned": _SAY.outcome(Changed(PRINTER, became(PRINTER, "abandoned")), entry(PRINTER, Status.ABANDONED)),
    "reopened": _SAY.outcome(Changed(_LOST, PRINTER), entry(PRINTER, Status.OPEN)),
    "undone": _SAY.outcome(Changed(became(NEW_WEBSITE, "won"), NEW_WEBSITE), _UNDOES, record(NEW_WEBSITE, "won")),
    "undone-told-to-the-caller": _aside(_UNDONE),
    "lost-reason-in-place": _SAY.amended(Changed(became(PRINTER, "lost"), _LOST), _GIVES, record(PRINTER, "lost")),
    "corrected": _CORRECTED,
    "corrected-told-to-the-caller": _aside(_CORRECTED),
    "already-so": _SAY.outcome(AlreadySo(became(NEW_WEBSITE, "won")), entry(NEW_WEBSITE, Status.WON)),
    "undo-overtaken": _SAY.outcome(Overtaken(became(NEW_WEBSITE, "lost")), _UNDOES, record(NEW_WEBSITE, "won")),
    "several-won": _SAY.several(_TWO, _BY_KIM, [], []),
    "several-with-a-problem": _SAY.several(
        [*_TWO, replace(record(NEW_WEBSITE, "won"), outcome=Result.ALREADY_SO), _FAILED], _BY_KIM, [], []
    ),
    "several-asked": _SAY.several(_ASKED, _BY_KIM, [], []),
    "several-asked-in-a-shared-channel": _SAY.several(
        _ASKED, entry(SUPPORT, Status.WON, KIM, wish=Wish(SUPPORT.id, Status.WON, consent=Consent.SHARED)), [], []
    ),
    "several-previewed": _SAY.several([replace(each, outcome=Result.PREVIEWED) for each in _ASKED], _BY_KIM, [], []),
    "several-lack-a-reason": _SAY.several(_LACKS, entry(SUPPORT, Status.LOST, KIM), [], REASONS),
    "several-failed": _SAY.several([_FAILED, replace(_FAILED, effect=Effect.UNKNOWN)], _BY_KIM, [], []),
    "several-undone": _SAY.several(_BACK, replace(_UNDOES, batch="17.key"), _TWO, []),
    "several-undone-told-to-the-caller": _aside(_SAY.several(_BACK, replace(_TYPED_UNDO, batch="17.key"), _TWO, [])),
    "several-lost-reason-in-place": _BOTH_AMENDED,
    "several-lost-reason-added": _otherwise(_BOTH_AMENDED),
    **{
        f"cannot-undo-{refusal.replace('_', '-')}": _SAY.outcomes.cannot_undo(
            refusal,
            record(NEW_WEBSITE, "won"),
            record(NEW_WEBSITE, "open", user_id="U0KIM", finished_at=NOW),
            ANA,
            REFERENCE,
        )
        for refusal in UndoRefusal
    },
}
