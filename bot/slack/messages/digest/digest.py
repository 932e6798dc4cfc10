"""The weekly digest: totals, a chart, and what wants a look, with something to press. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.commands.reply import Message
from bot.deals.deal import Opportunity, Status
from bot.deals.policy import Policy
from bot.schedule.digest.figures import Figures, Tally, Totals
from bot.schedule.digest.report import Report
from bot.slack.actions import MARK, Mark
from bot.slack.block_kit import blocks, inputs, mrkdwn
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.charts import bar_chart
from bot.slack.block_kit.mrkdwn import plain
from bot.slack.messages.deals.marking import offers, status_choice
from bot.slack.messages.deals.reminding import remind_in_a_week
from bot.slack.messages.deals.row import deal_lines
from bot.slack.messages.pieces import SHORT, Installation, in_sections, notification, private, reference_line
from bot.slack.messages.questions import leaving
from bot.slack.messages.tables import CHEER, VERB
from bot.slack.wording import days, dotted

GROUPS_SHOWN = 6
"""Pipelines, and owners, that have a line of their own; as many have bars in the chart."""
OTHERS = "Others"
"""The deals without an owner, and those of owners and pipelines whose names cannot be read."""
SERIES: Mapping[Status, str] = {Status.WON: "Won", Status.LOST: "Lost"}


@dataclass(frozen=True, slots=True)
class DigestMessages:
    """The digest, in a channel or for one person."""

    installation: Installation
    policy: Policy

    def posted(self, report: Report) -> Message:
        """The digest as the channel sees it."""
        return self._message(report, public=True)

    def shown(self, report: Report, reference: str) -> Message:
        """The digest for the person who asked for it."""
        told = self._message(report, public=False)
        return replace(told, blocks=(*told.blocks, blocks.context(reference_line(reference))))

    def unread(self, reference: str) -> Message:
        """Tell the person that HighLevel did not give the figures."""
        lines = ("⚠️ HighLevel didn't give me the numbers for your digest.", "Nothing changed. Try again in a minute.")
        return private(reference, *lines)

    def _message(self, report: Report, *, public: bool) -> Message:
        figures, before = report.figures, report.before or Figures()
        totals = self._totals(figures.totals, report.before)
        cheer = f"{CHEER} " if figures.totals.won.count else ""
        by_pipeline = self._groups("By pipeline", figures.pipelines, before.pipelines)
        by_owner = self._groups("By owner", figures.owners, before.owners)
        unreasoned = self._unreasoned(figures.unreasoned, figures.all_unreasoned)
        stuck = self._stuck_title(len(figures.stuck), figures.all_stuck)
        small = self._small_print(report)
        shown: list[Block] = [
            blocks.section(cheer + "\n".join(totals)),
            blocks.context(small),
            *self._chart(figures.pipelines, figures.owners),
            *map(blocks.section, (*by_pipeline, *by_owner, *unreasoned)),
            *([blocks.section(stuck)] if stuck else ()),
        ]
        for deal in figures.stuck:
            shown += self._stuck(deal, report.now)
        stuck_lines = [line for deal in figures.stuck for line in deal_lines(deal, report.now, *self._mine)]
        said = notification(*totals, small, *by_pipeline, *by_owner, *unreasoned, stuck, *stuck_lines)
        return Message(said, tuple(shown), public)

    @property
    def _mine(self) -> tuple[Installation, Policy]:
        return self.installation, self.policy

    # --- totals -----------------------------------------------------------------------------------------------------

    def _totals(self, totals: Totals, before: Figures | None) -> Sequence[str]:
        """Won, lost and open, each with what it was in the digest before, where there is one."""
        earlier = before.totals if before else Totals()
        told = (
            ("won", totals.won, earlier.won),
            ("lost", totals.lost, earlier.lost),
            ("open", totals.open, earlier.open),
        )
        was = [f" (was {self._tally('', than)})" if before else "" for _, _, than in told]
        return [f"*{self._tally(word, tally)}*{than}" for (word, tally, _), than in zip(told, was, strict=True)]

    def _tally(self, word: str, tally: Tally) -> str:
        """A number of deals and their value: `12 won, $48,000`."""
        value = self.installation.money(round(tally.value, 2))
        worth = f"at least {value}" if value and tally.at_least else value
        return ", ".join(filter(None, (f"{tally.count:,} {word}".rstrip(), worth)))

    def _small_print(self, report: Report) -> str:
        figures, week = report.figures, report.week
        names = [plain(self.installation.locations.mentioned(each)) for each in report.parts]
        then = report.earlier.week.until if report.earlier and report.before else None
        partly = "At least: only the most valuable deals are added up." if _is_partial(figures.totals) else ""
        whose = "" if figures.knows_all_open else "Open deals are too many to split up."
        return dotted(
            f"{mrkdwn.date(week.since)} to {mrkdwn.date(week.until)}",
            f"compared with the digest of {mrkdwn.date(then)}" if then else "",
            ", ".join(filter(None, names)),
            partly,
            whose,
        )

    # --- by pipeline and owner --------------------------------------------------------------------------------------

    def _groups(self, title: str, groups: Mapping[str, Totals], before: Mapping[str, Totals]) -> Sequence[str]:
        """A paragraph with a line for each group; none if there is only one, which the totals have told of.

        `before`: the groups in the digest before, as far as they were in it.
        """
        if len(groups) < 2:  # noqa: PLR2004 - one group is no division
            return ()
        ordered = _ordered(groups)
        lines = [self._group(name, totals, before.get(name)) for name, totals in ordered[:GROUPS_SHOWN]]
        if len(ordered) > GROUPS_SHOWN:
            lines.append(f"_and {len(ordered) - GROUPS_SHOWN:,} more_")
        first, *more = in_sections(lines)
        return (f"*{title}*\n{first}", *more)

    def _group(self, name: str, totals: Totals, before: Totals | None) -> str:
        """A group, and how many it had won before."""
        was = f" (was {before.won.count:,})" if before else ""
        won = f"{self._tally('won', totals.won)}{was}" if totals.won.count or (before and before.won.count) else ""
        rest = (("lost", totals.lost), ("open", totals.open))
        told = (self._tally(word, tally) for word, tally in rest if tally.count)
        return dotted(f"*{plain(name or OTHERS)}*", won, *told)

    def _chart(self, pipelines: Mapping[str, Totals], owners: Mapping[str, Totals]) -> Sequence[Block]:
        """What was won and lost by pipeline; by owner where there is one pipeline. None where nothing was."""
        by, groups = ("pipeline", pipelines) if len(pipelines) > 1 else ("owner", owners)
        closed = [(name, each) for name, each in _ordered(groups) if each.won.count or each.lost.count][:GROUPS_SHOWN]
        if not closed:
            return ()
        has_values = any(each.won.value or each.lost.value for _, each in closed)
        unit = f"value{self.installation.currency and f' in {self.installation.currency}'}" if has_values else "deals"
        tallies = {Status.WON: [each.won for _, each in closed], Status.LOST: [each.lost for _, each in closed]}
        series = {
            name: [max(tally.value, 0.0) if has_values else tally.count for tally in tallies[status]]
            for status, name in SERIES.items()
        }
        return (bar_chart(f"Won and lost by {by}, {unit}", [name or OTHERS for name, _ in closed], series),)

    # --- what wants a look ------------------------------------------------------------------------------------------

    def _unreasoned(self, deals: Sequence[Opportunity], count: int) -> Sequence[str]:
        if not deals:
            return ()
        lines = [self._line(deal) for deal in deals]
        if count > len(deals):
            lines.append(f"_and {count - len(deals):,} more_")
        return (f"*Lost without a reason: {count:,}*", *in_sections(lines))

    def _line(self, deal: Opportunity) -> str:
        name = mrkdwn.link(self.installation.url(deal.id, deal.location_id), deal.name or deal.id, SHORT)
        where = plain(self.installation.locations.mentioned(deal.location_id))
        return dotted(f"*{name}*", self.installation.customer(deal), self.installation.money(deal.value), where)

    def _stuck_title(self, shown: int, count: int) -> str:
        """How many deals are stuck; empty for none."""
        if not shown:
            return ""
        some = f" The {shown} that are stuck longest:" if count > shown else ""
        what = "1 open deal hasn't" if count == 1 else f"{count:,} open deals haven't"
        return f"*{what} moved for {days(self.policy.stuck_days)} or more.*{some}"

    def _stuck(self, deal: Opportunity, now: datetime) -> Sequence[Block]:
        """A stuck deal, and a row of buttons."""
        lines = blocks.section("\n".join(deal_lines(deal, now, *self._mine)))
        row = [each for status in offers(deal, self.policy) if (each := self._button(deal, status))]
        row += remind_in_a_week(deal, self.installation)
        return (lines, blocks.actions(*row)) if row else (lines,)

    def _button(self, deal: Opportunity, status: Status) -> Block | None:
        """A button that gives the deal a status. The digest stays: there is more in it to press."""
        choice = status_choice(deal, status, self.installation, self.policy)
        value = Mark((deal.id,), status, choice.consent, choice.location_id, stays=True).value
        asks = deal.status in self.policy.confirm.leaving
        confirm = leaving(deal, status) if asks else None
        return (
            blocks.button(VERB[status], f"{MARK}_{status}", value, confirm=confirm) if inputs.is_value(value) else None
        )


def _ordered(groups: Mapping[str, Totals]) -> Sequence[tuple[str, Totals]]:
    """The groups with what they won, what they lost and what is open: most first, and those without a name last."""

    def weight(item: tuple[str, Totals]) -> tuple[bool, float, int, int, int]:
        name, each = item
        return (not name, -each.won.value, -each.won.count, -each.lost.count, -each.open.count)

    return sorted(groups.items(), key=weight)


def _is_partial(totals: Totals) -> bool:
    return any(tally.at_least and tally.value for tally in (totals.won, totals.lost, totals.open))
