"""Builds what reads texts."""

from bot.commands.text.links import OurLocations
from bot.commands.text.parse import Parser
from bot.commands.text.vocabulary import Vocabulary
from bot.operations.settings import Settings


def build_parser(settings: Settings) -> Parser:
    """Build the parser of commands: with this installation's sub-accounts, statuses and words."""
    locations = settings.locations
    return Parser(
        OurLocations(locations.default, locations.others),
        settings.policy.statuses,
        Vocabulary({word: status for status, word in settings.status_words}),
    )
