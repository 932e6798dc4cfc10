"""Who may, and how the command is typed: denials, requests for access, help, histories, sub-accounts."""

from dataclasses import replace

from bot.access.rules import Allowed, Approved, Denied, Reason, Way
from bot.commands.request import Change, Misunderstood, Problem, ShowHistory
from bot.deals.deal import Status
from bot.deals.locations import Locations
from bot.deals.outcome import Cause, Effect, Result
from bot.deals.wish import Wish
from tests.golden.scene import (
    ANA,
    APPROVED,
    ASKED,
    BEN,
    DECLINED,
    KIM,
    NEW_WEBSITE,
    NOW,
    PRINTER,
    REFERENCE,
    Rendered,
    messages,
    record,
)

_SAY = messages()
_PEOPLE, _HELP = _SAY.people, messages(locations=Locations("LOC", {"LOC": "Berlin", "PARIS": "Paris"})).help
_WAYS = {way: Allowed(way, "S0SALES", Approved("U0KIM", NOW)) for way in Way}
_WORD = {Problem.TOO_MANY: "26", Problem.STATUS_NOT_OFFERED: "lost", Problem.NO_OPPORTUNITY: "won"}
_PAST = [
    record(NEW_WEBSITE, "won"),
    record(PRINTER, "lost", outcome=Cause.SERVER_ERROR, effect=Effect.NOTHING),
    record(NEW_WEBSITE, "open", undoes="17.key", before="won"),
    record(NEW_WEBSITE, "won", outcome=Result.ALREADY_SO, before="won"),
]

CASES: dict[str, Rendered] = {
    **{f"denied-{reason.replace('_', '-')}": _PEOPLE.denied(reason, BEN, REFERENCE, now=NOW) for reason in Reason},
    "denied-request-open": _PEOPLE.denied(Reason.NOT_ALLOWED, BEN, REFERENCE, now=NOW, request=ASKED),
    "denied-request-declined": _PEOPLE.denied(Reason.NOT_ALLOWED, BEN, REFERENCE, now=NOW, request=DECLINED),
    "denied-without-admins": messages(admins=()).people.denied(Reason.NOT_ALLOWED, BEN, REFERENCE, now=NOW),
    **{f"whoami-{way.value}": _PEOPLE.whoami(ANA, allowed, None, NOW) for way, allowed in _WAYS.items()},
    "whoami-denied": _PEOPLE.whoami(BEN, Denied(Reason.NOT_ALLOWED), None, NOW),
    "request-sent": _PEOPLE.request_sent(ASKED, replaces=True),
    "request-waits": _PEOPLE.request_waits(ASKED),
    "request-rests": _PEOPLE.request_rests(DECLINED),
    "has-access-already": _PEOPLE.let_in_already(REFERENCE),
    "approved": _PEOPLE.decision(APPROVED, Change((Wish("", Status.WON, name="acme corp"),))),
    "declined": _PEOPLE.decision(DECLINED, None),
    "approved-command-runs": _PEOPLE.runs(APPROVED),
    "admin-asked": _PEOPLE.asks_for_access(ASKED),
    "admin-approved": _PEOPLE.decided(APPROVED, KIM, now=True, replaces=True),
    "admin-declined": _PEOPLE.decided(DECLINED, KIM, now=True, replaces=True),
    "admin-decided-before": _PEOPLE.decided(DECLINED, BEN, now=False, replaces=True),
    "admin-unknown-request": _PEOPLE.unknown_request(REFERENCE),
    "admin-not-decided": _PEOPLE.not_decided(REFERENCE),
    "not-an-admin": _PEOPLE.not_an_admin(REFERENCE),
    "access": _PEOPLE.access([ASKED, replace(APPROVED, user_id="U0ANA")]),
    "access-empty": _PEOPLE.access([]),
    "help": _SAY.help.overview(),
    **{
        f"misunderstood-{problem.replace('_', '-')}": _SAY.help.misunderstood(
            Misunderstood(problem, _WORD.get(problem, "wno")), REFERENCE
        )
        for problem in Problem
    },
    "sub-account": _HELP.in_use("PARIS", REFERENCE),
    "sub-account-set": _HELP.uses("PARIS", KIM, REFERENCE),
    "sub-account-unknown": _HELP.no_such_location("london", REFERENCE),
    "history": _SAY.history.listing(_PAST, ShowHistory()),
    "history-of-a-deal": _SAY.history.listing(_PAST[:1], ShowHistory(opportunity_id=NEW_WEBSITE.id)),
    "history-empty": _SAY.history.listing([], ShowHistory()),
}
