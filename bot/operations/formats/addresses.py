"""The forms of settings that are addresses: of servers, of the database, of this bot."""

import re
from difflib import get_close_matches
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import parse_qsl

from pydantic import AfterValidator, HttpUrl, TypeAdapter, ValidationError

_THIS_MACHINE = r"localhost|127(\.[0-9]+){3}|\[::1\]"


LONGEST_HOST = 253


_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
"""A part of a host's name: https://www.rfc-editor.org/rfc/rfc1123#section-2.1 ."""


_SQLITE = r"sqlite:///[^?]+"


_POSTGRESQL = (
    r"postgres(ql)?://(?=[^/])([^\s/@]*@)?(\[[0-9a-fA-F:.]+\]|[^\s/@:\[\]]*)(:[0-9]+)?/[^\s@?]+(\?(?P<query>\S*))?"
)


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


Url = Annotated[str, AfterValidator(address)]
