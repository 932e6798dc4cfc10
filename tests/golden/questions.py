"""What the caller is asked before a command goes on, and a deal's card."""

from dataclasses import replace

from bot.deals.deal import Matches, Opportunity, Status
from bot.deals.outcome import Ambiguous, Cause, Effect, Failed, Guessed, Previewed, ReasonWanted, Trouble, Unconfirmed
from bot.deals.wish import Consent, Mixed, Reading, Wish
from bot.slack.messages import form
from tests.golden.scene import (
    ANA,
    NEW_WEBSITE,
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
_GLOBEX = entry(SUPPORT, Status.WON, wish=Wish("", Status.WON, name="globex"))
_LOSE = entry(PRINTER, Status.LOST, wish=Wish(PRINTER.id, Status.LOST, name="Printer service"))
_WON = became(NEW_WEBSITE, "won")
_HIDDEN = form.Origin("C0SALES", "")
_FORM = form.Form(_HIDDEN, statuses=(Status.OPEN, Status.WON, Status.LOST, Status.ABANDONED))


def _guess(typed: str, reading: Reading | Mixed, *found: tuple[Opportunity, ...]) -> Rendered:
    return _SAY.guesses.ask(Guessed(reading, tuple(Matches(deals, more=False) for deals in found)), typed, REFERENCE)


CASES: dict[str, Rendered] = {
    "which-deal": _SAY.outcome(Ambiguous((SUPPORT, TRAINING), more=False), _GLOBEX),
    "which-deal-of-many": _SAY.outcome(
        Ambiguous((SUPPORT, TRAINING, NEW_WEBSITE, PRINTER, became(TRAINING, "lost")), more=True), _GLOBEX
    ),
    "which-deal-not-open": _SAY.outcome(Ambiguous((became(SUPPORT, "lost"),), more=False), _GLOBEX),
    "which-card": _SAY.questions.which_card("globex", [SUPPORT, TRAINING], REFERENCE, more=False),
    "guess": _guess("initech win", Reading(("initech",), (Status.WON,)), (PRINTER,)),
    "guess-of-two-statuses": _guess("initech closed", Reading(("initech",), (Status.WON, Status.LOST)), (PRINTER,)),
    "guess-unknown-status": _guess(
        "initech hmpf", Reading((), (Status.WON, Status.LOST, Status.ABANDONED)), (PRINTER,)
    ),
    "guess-of-a-won-deal": _guess("lost acme", Reading(("acme",), (Status.LOST,)), (_WON,)),
    "guess-already-so": _guess("won acme", Reading(("acme",), (Status.WON,)), (_WON,)),
    "guess-which-deal": _guess("won globex", Reading(("globex",), (Status.WON,)), (SUPPORT, TRAINING)),
    "guess-several": _guess(
        "initech, acme won", Reading(("initech", "acme"), (Status.WON,)), (PRINTER,), (NEW_WEBSITE,)
    ),
    "guess-several-unclear": _guess(
        "initech, globex, hooli lost",
        Reading(("initech", "globex", "hooli"), (Status.LOST,)),
        *((PRINTER,), (SUPPORT, TRAINING), ()),
    ),
    "guess-two-statuses": _guess(
        "initech won, hooli and globex lost",
        Mixed(
            (
                Reading(("initech",), (Status.WON,)),
                Reading(("hooli",), (Status.LOST,)),
                Reading(("globex",), (Status.LOST,)),
            ),
            partly=True,
        ),
        *((PRINTER,), (), (SUPPORT, TRAINING)),
    ),
    "which-undo": _SAY.guesses.which_undo((record(NEW_WEBSITE, "won"),), "acme", REFERENCE),
    "nothing-to-undo": _SAY.guesses.which_undo((), "acme", REFERENCE),
    "which-reason": _SAY.outcome(ReasonWanted(REASONS), _LOSE),
    "which-reason-of-many": _SAY.outcome(
        ReasonWanted(tuple(replace(REASONS[0], id=f"r{n}", name=f"Reason {n}") for n in range(9))), _LOSE
    ),
    "which-reason-of-these": _SAY.outcome(
        ReasonWanted(REASONS), replace(_LOSE, wish=replace(_LOSE.wish, reason="weather"))
    ),
    "why-lost": _SAY.ask_why(REASONS, record(PRINTER, "lost")),
    "sure": _SAY.outcome(Unconfirmed(_WON), entry(NEW_WEBSITE, Status.LOST)),
    "sure-in-a-shared-channel": _SAY.outcome(
        Unconfirmed(NEW_WEBSITE),
        entry(NEW_WEBSITE, Status.WON, wish=Wish(NEW_WEBSITE.id, Status.WON, consent=Consent.SHARED)),
    ),
    "preview": _SAY.outcome(Previewed(NEW_WEBSITE), entry(NEW_WEBSITE, Status.WON)),
    "goes-on": _SAY.goes_on(),
    "answered-already": _SAY.questions.cannot_go_on(record(NEW_WEBSITE, "won"), REFERENCE),
    "question-forgotten": _SAY.questions.cannot_go_on(None, REFERENCE),
    "card": _SAY.cards.card(NEW_WEBSITE, [record(NEW_WEBSITE, "won")], REFERENCE),
    "card-of-a-won-deal": _SAY.cards.card(_WON, [], REFERENCE),
    "card-shared": _SAY.cards.shared_card(NEW_WEBSITE, ANA, REFERENCE),
    "no-card": _SAY.cards.no_card(
        Failed(Trouble(Cause.NO_MATCH), Effect.NOTHING), Wish("", Status.OPEN, name="initech wno"), REFERENCE
    ),
    "form": form.view(_FORM),
    "form-last-deal": form.view(replace(_FORM, deal=form.deal_for(replace(PRINTER, status="")), is_last=True)),
    "form-lost": form.view(
        replace(_FORM, deal=form.deal_for(PRINTER), status=Status.LOST, reasons=REASONS, lost_reason_id="r2")
    ),
}
