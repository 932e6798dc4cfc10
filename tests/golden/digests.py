"""The weekly digest: in a channel, for one person, with nothing to tell, and with more deals than can be added up."""

from dataclasses import replace
from datetime import timedelta

from bot.deals.locations import Locations
from bot.schedule.digest.figures import Figures, Sent, Tally, Totals
from bot.schedule.digest.periods import Week
from bot.schedule.digest.report import Report
from tests.golden.scene import NEW_WEBSITE, NOW, PRINTER, REFERENCE, SUPPORT, TRAINING, Rendered, became, messages

_SAY = messages().digests
_BOTH = messages(locations=Locations("LOC", {"LOC": "Berlin", "PARIS": "Paris"})).digests
_WEEK = Week(NOW - timedelta(days=7), NOW)
_EARLIER = Week(NOW - timedelta(days=14), NOW - timedelta(days=7))
_BEFORE = Figures(
    Totals(Tally(10, 40_000.0), Tally(7, 11_000.0), Tally(225, 1_180_000.0)),
    {"New business": Totals(Tally(6, 31_000.0)), "Renewals": Totals(Tally(4, 9_000.0))},
    {"Max Power": Totals(Tally(5, 30_000.0)), "Kim Lee": Totals(Tally(5, 10_000.0))},
)


_STUCK = tuple(
    replace(deal, since=NOW - timedelta(days=90), stage_since=NOW - timedelta(days=days))
    for deal, days in ((SUPPORT, 64), (NEW_WEBSITE, 34), (PRINTER, 22))
)
_LOST = (became(TRAINING, "lost"), became(PRINTER, "lost"))
_FIGURES = Figures(
    totals=Totals(Tally(12, 48_000.0), Tally(5, 9_000.0), Tally(230, 1_200_000.0)),
    pipelines={
        "New business": Totals(Tally(8, 40_000.0), Tally(3, 7_000.0), Tally(120, 800_000.0)),
        "Renewals": Totals(Tally(4, 8_000.0), Tally(2, 2_000.0), Tally(110, 400_000.0)),
    },
    owners={
        "Max Power": Totals(Tally(7, 36_000.0), Tally(1, 1_000.0), Tally(90, 500_000.0)),
        "Kim Lee": Totals(Tally(5, 12_000.0), Tally(2, 5_000.0), Tally(80, 400_000.0)),
        "": Totals(lost=Tally(2, 3_000.0), open=Tally(60, 300_000.0)),
    },
    stuck=_STUCK,
    all_stuck=3,
    unreasoned=_LOST,
    all_unreasoned=2,
)
_REPORT = Report(_WEEK, NOW, {"LOC": _FIGURES}, Sent(_EARLIER, {"LOC": _BEFORE}))
_HUGE = Figures(
    totals=Totals(Tally(6_000, 5_400_000.0, at_least=True), Tally(90, 30_000.0), Tally(38_000, 9e6, at_least=True)),
    pipelines={f"Pipeline {number}": Totals(Tally(900 - number, 9_000.0 - number)) for number in range(9)},
    owners={f"Owner {number}": Totals(Tally(400 - number, 4_000.0 - number)) for number in range(12)},
    knows_all_open=False,
    stuck=tuple(replace(_STUCK[0], id=f"{number:020}", location_id="PARIS") for number in range(5)),
    all_stuck=12_345,
    unreasoned=_LOST * 2,
    all_unreasoned=88,
)

CASES: dict[str, Rendered] = {
    "digest": _SAY.posted(_REPORT),
    "digest-private": _SAY.shown(_REPORT, REFERENCE),
    "digest-first": _SAY.posted(replace(_REPORT, earlier=None)),
    "digest-without-deals": _SAY.posted(Report(_WEEK, NOW, {"LOC": Figures()})),
    "digest-huge": _BOTH.posted(Report(_WEEK, NOW, {"LOC": Figures(), "PARIS": _HUGE})),
    "digest-unread": _SAY.unread(REFERENCE),
}
