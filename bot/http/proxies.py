"""Which servers are reached through a proxy: one policy for all requests to others. No I/O."""

import ipaddress
import re
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxy that requests go through, and the servers that are reached without it."""

    url: str = ""
    """The proxy's address, without name and password; empty if all servers are reached without one."""
    authorization: str = field(default="", repr=False)
    """The header `Proxy-Authorization`; empty without name and password."""
    source: str = ""
    """The variable that names the proxy."""
    exceptions: str = ""
    """Hosts that are reached without it, as NO_PROXY lists them: names, which mean all that end in them too; or `*`."""

    @classmethod
    def read(cls, address: str, source: str = "", exceptions: str = "") -> Self:
        """Read the address of a proxy, with a name and a password in it or not. Raises `ValueError`.

        Without a scheme it counts as http, as for curl.
        """
        try:
            url = urlsplit(address if "://" in address else f"http://{address}")
            is_one = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
        except ValueError as error:  # brackets or a port that cannot be read
            raise ValueError(PROBLEM) from error
        if not is_one or url.path.strip("/") or url.query or url.fragment or not re.fullmatch(r"[!-~]+", address):
            raise ValueError(PROBLEM)
        name, password = unquote(url.username or ""), unquote(url.password or "")
        credentials = f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}" if name or password else ""
        return cls(f"{url.scheme}://{url.netloc.rpartition('@')[2]}", credentials, source, exceptions)

    def lead_to(self, url: str) -> bool:
        """Whether the server at this address is reached through the proxy. This machine never is."""
        if not self.url:
            return False
        asked = urlsplit(url)
        host = asked.hostname or ""
        return not _is_this_machine(host) and not self._excepts(host, f"{host}:{asked.port or 443}")

    def arguments(self, url: str) -> dict[str, Any]:
        """What aiohttp is told for a request to this address.

        Name and password are a header, because aiohttp shows an address with them in its errors.
        """
        if not self.lead_to(url):
            return {"proxy": None}
        return {"proxy": self.url, "proxy_headers": self.headers}

    def _excepts(self, host: str, with_port: str) -> bool:
        names = re.split(r"[,\s]+", self.exceptions.lower())
        ends = [end for each in names if (end := each.removeprefix("*").lstrip("."))]
        return "*" in names or any(f".{each}".endswith(f".{end}") for each in (host, with_port) for end in ends)

    @property
    def headers(self) -> dict[str, str]:
        """The headers for the proxy alone."""
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}


PROBLEM = "should be a proxy's address, such as http://proxy.example:3128 (http or https, not SOCKS)"


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
