"""The forms of settings: each function reads the text of a variable, or raises `ValueError` with what it should be."""

import re
from datetime import timedelta
from difflib import get_close_matches
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import parse_qsl

from pydantic import (
    AfterValidator,
    BeforeValidator,
    HttpUrl,
    SecretStr,
    TypeAdapter,
    ValidationError,
)

from bot.access.people import Owners
from bot.deals.deal import STATES, Status
from bot.deals.policy import Confirm
from bot.operations.environment import comma_separated, error_of_list, named
from bot.operations.times import period

LONGEST_NAME = 40
"""Characters of a sub-account's name, which is in every message."""


def matching(pattern: str, problem: str) -> AfterValidator:
    """Accept what matches the whole pattern; otherwise say the problem."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(problem)
        return value

    return AfterValidator(check)


def numeral(pattern: str, problem: str) -> BeforeValidator:
    """The same for the digits of a number."""

    def check(value: object) -> object:
        if not re.fullmatch(pattern, str(value)):
            raise ValueError(problem)
        return value

    return BeforeValidator(check)


def secret_beginning(prefix: str, where: str) -> AfterValidator:
    """Accept a secret that begins with `prefix`. `where`: where to copy it.

    People paste secrets with a line break, or the wrong one of several; the problem does not show the value.
    """

    def check(secret: SecretStr) -> SecretStr:
        value = secret.get_secret_value()
        if foreign := next((character for character in value if not character.isascii()), ""):
            raise ValueError(f"contains {named(foreign)}. Copy it again from {where}")
        if not value or not value.isprintable() or " " in value:
            raise ValueError(f"is empty, or contains a space or line break. Copy it again from {where}")
        if not value.startswith(prefix):
            raise ValueError(f"should start with {prefix}. Copy it from {where}")
        return secret

    return AfterValidator(check)


def signing_secrets(value: object) -> object:
    """One signing secret, or two while it is changed.

    Slack does not document their form. All that were seen have 32 letters and digits; a token or an address has not.
    """
    given = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    secrets = [part.strip() for part in given.split(",")]
    if len(secrets) > len({*secrets} - {""}) or len(secrets) > MOST_SIGNING_SECRETS:
        raise ValueError(
            "should be one signing secret, or two separated by a comma with the new one first. Copy them from Basic"
            " Information in your Slack app"
        )
    if not all(re.fullmatch(r"[A-Za-z0-9]{32}", secret) for secret in secrets):
        raise ValueError(
            f"should be 32 letters and digits, and no token or address. Copy it again from {SIGNING_SECRET_PLACE}"
        )
    return ",".join(secrets)


_THIS_MACHINE = r"localhost|127(\.[0-9]+){3}|\[::1\]"


def address(value: str) -> str:
    """Accept an https address, or http on this machine; drop a slash at the end."""
    problem = "should start with https:// (or http:// on this machine)"
    try:
        url = TypeAdapter(HttpUrl).validate_python(value)
    except ValidationError as error:
        raise ValueError(problem) from error
    if url.scheme == "http" and not re.fullmatch(_THIS_MACHINE, url.host or ""):
        raise ValueError(problem)  # on the way, everyone could read tokens and install links
    if url.username or url.password or url.query or url.fragment or re.search(r"[\s<>|]", value):
        raise ValueError(f"{problem}, with nothing after the path")
    return value.rstrip("/")


def time_span(value: object) -> object:
    """Read a number of minutes, hours or days; or 0."""
    found = timedelta() if value == "0" else period(str(value))
    if found is None:
        raise ValueError("should be a number of minutes, hours, or days, such as 30m, 24h, or 7d, or 0")
    return found


def whole_days(value: object) -> object:
    """Read a number of days."""
    if not re.fullmatch(r"[0-9]{1,5}", str(value)):
        raise ValueError("should be a number of days, or 0")
    return value


def state_names(value: object) -> object:
    """Read names of statuses."""
    known = {status.value: status for status in Status}
    asked = [part.lower() for part in value] if isinstance(value, list) else []
    if not asked or not set(asked) <= known.keys():
        raise error_of_list(
            f"should be one or more of {', '.join(STATES)}, separated by commas", asked, known.__contains__
        )
    return frozenset(known[name] for name in asked)


def confirmation(value: object) -> object:
    """Read a number of deals, statuses, both, or never."""
    parts = [part.lower() for part in value] if isinstance(value, list) else []
    if parts == ["never"]:
        return Confirm()
    numbers = [part for part in parts if re.fullmatch(r"[0-9]{1,2}", part)]
    statuses = [part for part in parts if part in STATES]
    if not parts or len(numbers) > 1 or len(numbers) + len(statuses) < len(parts):
        problem = "should be a number of deals, statuses, or both, such as 3,won. Or never"
        raise error_of_list(problem, parts, [*numbers, *statuses].__contains__)
    return Confirm(int(numbers[0]) if numbers else None, frozenset(map(Status, statuses)))


def status_channels(value: object) -> object:
    """Read pairs of a status and a channel."""
    entries = value if isinstance(value, list) else []
    pairs = [entry.partition("=") for entry in entries]
    found = {status.strip().lower(): channel.strip() for status, _, channel in pairs}
    if len(found) < len(pairs) or not all(map(_is_status_with_channel, entries)):
        problem = "should be statuses with channel IDs, such as won=C012AB3CD,lost=C034EF5GH. Use each status once"
        raise error_of_list(problem, entries, _is_status_with_channel)
    return frozenset((Status(status), channel) for status, channel in found.items())


def _is_status_with_channel(entry: str) -> bool:
    status, _, channel = entry.partition("=")
    return status.strip().lower() in STATES and is_channel(channel.strip())


def added_words(value: object) -> object:
    """Read pairs of a status and a further word for it, of one or two words."""
    entries = value if isinstance(value, list) else []
    pairs = [entry.partition("=") for entry in entries]
    found = {" ".join(word.casefold().split()): status.strip().lower() for status, _, word in pairs}
    if len(found) < len(pairs) or not all(map(_is_status_with_word, entries)):
        problem = "should be statuses with a word for each, such as won=gewonnen,lost=verloren. Use each word once"
        raise error_of_list(problem, entries, _is_status_with_word)
    return frozenset((Status(status), word) for word, status in found.items())


def _is_status_with_word(entry: str) -> bool:
    status, _, word = entry.partition("=")
    return status.strip().lower() in STATES and 0 < len(word.split()) <= WORDS_OF_A_STATUS


def owner_pairs(value: object) -> object:
    """Read pairs of a Slack user's id and a HighLevel user's; see `Owners`."""
    entries = value if isinstance(value, list) else []
    try:
        return tuple(Owners.read(entries).users.items())
    except ValueError as error:
        problem = "should be Slack member IDs with a HighLevel user ID for each, such as U012AB3CD=a1B2c3D4"
        raise error_of_list(f"{problem}. Use each person once", entries, _is_owner_pair) from error


def _is_owner_pair(entry: str) -> bool:
    try:
        Owners.read([entry])
    except ValueError:
        return False
    return True


def named_locations(value: object) -> object:
    """Read pairs of a sub-account's id and name."""
    entries = value if isinstance(value, list) else []
    pairs = [entry.partition("=") for entry in entries]
    found = {location_id.strip(): " ".join(name.split()) for location_id, _, name in pairs}
    named_once = {name.casefold() for name in found.values()}
    if not all(map(_is_named_location, entries)) or not len(named_once) == len(found) == len(pairs):
        problem = "should be sub-account IDs with a unique name for each, such as abc123=Berlin,def456=Paris"
        raise error_of_list(problem, entries, _is_named_location)
    return tuple(found.items())


def _is_named_location(entry: str) -> bool:
    location_id, _, name = entry.partition("=")
    fits = 0 < len(" ".join(name.split())) <= LONGEST_NAME
    return fits and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", location_id.strip()) is not None


def is_channel(value: str) -> bool:
    """Whether the text has the form of a channel's id, and is not a direct message's."""
    return re.fullmatch(r"[CG][A-Z0-9]{2,}", value) is not None


def database_address(value: str) -> str:
    """Accept a URL that can be read in one way only: a password has `@` as %40 and `/` as %2F.

    A parameter that PostgreSQL's client does not know would be refused only when the database is opened.
    """
    on_server = re.fullmatch(_POSTGRESQL, value)
    if not on_server and not re.fullmatch(_SQLITE, value):
        raise ValueError(
            "should be sqlite:/// plus a path, or postgresql:// with a user, host, and database"
            " (in the password, write @ as %40 and / as %2F)"
        )
    for name, _ in parse_qsl(on_server["query"] or "" if on_server else "", keep_blank_values=True):
        if not re.fullmatch(LIBPQ_PARAMETERS, name):
            near = [SSL[name]] if name in SSL else get_close_matches(name, LIBPQ_PARAMETERS.split("|"), n=1)
            advice = f"Write {near[0]} if you mean that" if near else "Remove it"
            raise ValueError(f"has the parameter “{name}”, which PostgreSQL doesn't know. {advice}")
    return value


def listening_address(value: str) -> str:
    """Accept an IP address, or a host's name: a `HOST` that a shell sets for itself is often neither."""
    try:
        return str(ip_address(value))
    except ValueError:
        if len(value) <= LONGEST_HOST and re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", value) and not value[-1].isdecimal():
            return value
    raise ValueError("should be an address to listen on, such as 0.0.0.0, without a port")


_SQLITE = r"sqlite:///[^?]+"

_POSTGRESQL = (
    r"postgres(ql)?://(?=[^/])([^\s/@]*@)?(\[[0-9a-fA-F:.]+\]|[^\s/@:\[\]]*)(:[0-9]+)?/[^\s@?]+(\?(?P<query>\S*))?"
)


def encryption_keys(value: object) -> object:
    """Read keys of `Vault`, which would load a library to check them: here their form is enough."""
    keys = comma_separated(value.get_secret_value() if isinstance(value, SecretStr) else value)
    if not isinstance(keys, list) or not keys or not all(re.fullmatch(KEY, str(key)) for key in keys):
        raise ValueError(f"should be one key, or several separated by commas. Make one with: {MAKE_A_KEY}")
    return ",".join(keys)


def scope_list(value: object) -> object:
    """Read OAuth scopes, with commas or spaces between them."""
    scopes = str(value).replace(",", " ").split()
    if not scopes or not all(map(_is_scope, scopes)):
        raise error_of_list(
            "should be scopes such as opportunities.write, separated by commas or spaces", scopes, _is_scope
        )
    return scopes


def _is_scope(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_./-]+", text) is not None


def long_token(secret: SecretStr) -> SecretStr:
    """Accept a token that cannot be guessed: nothing else protects what it opens, and an operator may make it up."""
    if not re.fullmatch(rf"[!-~]{{{SHORTEST_TOKEN},}}", secret.get_secret_value()):
        raise ValueError(
            f"should be at least {SHORTEST_TOKEN} characters with no spaces. Make one with: {MAKE_A_TOKEN}"
        )
    return secret


LONGEST_HOST = 253

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
"""A part of a host's name: https://www.rfc-editor.org/rfc/rfc1123#section-2.1 ."""

LIBPQ_PARAMETERS = (
    r"application_name|channel_binding|client_encoding|connect_timeout|dbname|fallback_application_name"
    r"|gssdelegation|gssencmode|gsslib|host|hostaddr|keepalives|keepalives_count|keepalives_idle"
    r"|keepalives_interval|krbsrvname|load_balance_hosts|max_protocol_version|min_protocol_version"
    r"|oauth_client_id|oauth_client_secret|oauth_issuer|oauth_scope|options|passfile|password|port"
    r"|replication|require_auth|requirepeer|scram_client_key|scram_server_key|service"
    r"|ssl_max_protocol_version|ssl_min_protocol_version|sslcert|sslcertmode|sslcompression|sslcrl"
    r"|sslcrldir|sslkey|sslkeylogfile|sslmode|sslnegotiation|sslpassword|sslrootcert|sslsni"
    r"|target_session_attrs|tcp_user_timeout|user"
)
"""https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS"""

SSL = {"ssl": "sslmode=require", "tls": "sslmode=require"}
"""What other programs call libpq's parameter."""

CURRENCIES = (
    r"AED|AFN|ALL|AMD|ANG|AOA|ARS|AUD|AWG|AZN|BAM|BBD|BDT|BGN|BHD|BIF|BMD|BND|BOB|BRL|BSD|BTN|BWP|BYN|BZD|CAD|CDF|CHF"
    r"|CLP|CNY|COP|CRC|CUP|CVE|CZK|DJF|DKK|DOP|DZD|EGP|ERN|ETB|EUR|FJD|FKP|GBP|GEL|GHS|GIP|GMD|GNF|GTQ|GYD|HKD|HNL|HTG"
    r"|HUF|IDR|ILS|INR|IQD|IRR|ISK|JMD|JOD|JPY|KES|KGS|KHR|KMF|KPW|KRW|KWD|KYD|KZT|LAK|LBP|LKR|LRD|LSL|LYD|MAD|MDL|MGA"
    r"|MKD|MMK|MNT|MOP|MRU|MUR|MVR|MWK|MXN|MYR|MZN|NAD|NGN|NIO|NOK|NPR|NZD|OMR|PAB|PEN|PGK|PHP|PKR|PLN|PYG|QAR|RON|RSD"
    r"|RUB|RWF|SAR|SBD|SCR|SDG|SEK|SGD|SHP|SLE|SOS|SRD|SSP|STN|SVC|SYP|SZL|THB|TJS|TMT|TND|TOP|TRY|TTD|TWD|TZS|UAH|UGX"
    r"|USD|UYU|UZS|VES|VND|VUV|WST|XAF|XCD|XCG|XOF|XPF|YER|ZAR|ZMW|ZWG"
)
"""The codes of money that people have: https://www.iso.org/iso-4217-currency-codes.html ."""

SIGNING_SECRET_PLACE = "Basic Information > App Credentials > Signing Secret in your Slack app"  # noqa: S105 - a place

WORDS_OF_A_STATUS = 2
"""Words that may mean a status together: `closed won`."""

MOST_SIGNING_SECRETS = 2
"""The new one and the old one, while the secret is changed."""

KEY = r"[A-Za-z0-9_-]{43}="
"""The form of a Fernet key: 32 bytes in URL-safe base64."""

SHORTEST_TOKEN = 20
"""Characters."""

MAKE_A_TOKEN = "python -c 'import secrets; print(secrets.token_urlsafe())'"  # noqa: S105 - how to make one

MAKE_A_KEY = "python -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'"

Url = Annotated[str, AfterValidator(address)]

UserId = Annotated[
    str,
    matching(
        r"[UW][A-Z0-9]{2,}", "should be Slack member IDs such as U012AB3CD (profile > three dots > Copy member ID)"
    ),
]

GroupId = Annotated[
    str,
    matching(
        r"S[A-Z0-9]{2,}", "should be Slack user group IDs such as S012AB3CD (People > User groups > Copy group ID)"
    ),
]

ChannelId = Annotated[
    str,
    matching(
        r"[CGD][A-Z0-9]{2,}", "should be Slack channel IDs such as C012AB3CD (channel name > About, at the bottom)"
    ),
]
