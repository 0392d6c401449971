"""A browser without script, for looking at a team's own site: cookies, redirects, and no step beyond that site."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from identity.standards.redirect_uris import origin_of
from shared.http import Outbound

REDIRECTS = frozenset({301, 302, 303, 307, 308})
HOPS_MAX = 8
TIMEOUT_SECONDS, BYTES_MAX = 10.0, 1024 * 1024
_BETWEEN_COOKIES = re.compile(r",\s*(?=[^;,=\s]+=)")
"""Where one `Set-Cookie` ends and the next begins; a comma within a date is followed by no name."""


@dataclass(frozen=True)
class Arrival:
    """Where an address led: the last answer of the site, or `leads_to`, an address that is not the site's and was not opened."""

    status: int
    hops: int
    leads_to: str | None = None

    @property
    def is_shown(self) -> bool:
        """True when the address itself answered with a page."""
        return self.hops == 0 and 200 <= self.status < 300


class SiteVisitor:
    """One browser, at first without cookies."""

    def __init__(self, http: Outbound, origins: frozenset[str]) -> None:
        self._http = http
        self._origins = origins
        self._cookies: dict[str, dict[str, str]] = {}

    def open(self, url: str, form: Mapping[str, str] | None = None) -> Arrival:
        """Open an address, or send a form to it, and follow the site's redirects.  Raises: OutboundError."""
        method = "GET" if form is None else "POST"
        for hops in range(HOPS_MAX):
            if origin_of(url) not in self._origins:
                return Arrival(0, hops, url)
            jar = self._cookies.setdefault(urlsplit(url).hostname or "", {})
            headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())} if jar else {}
            reply = self._http.request(
                method,
                url,
                data=form if method == "POST" else None,
                headers={**headers, "Accept": "text/html", "Accept-Encoding": "identity"},
                timeout_seconds=TIMEOUT_SECONDS,
                max_bytes=BYTES_MAX,
            )
            self._keep(jar, reply.headers.get("set-cookie", ""))
            location = reply.headers.get("location")
            if reply.status not in REDIRECTS or not location:
                return Arrival(reply.status, hops)
            url = urljoin(url, location)
            method = method if reply.status in {307, 308} else "GET"
        return Arrival(reply.status, HOPS_MAX)

    @staticmethod
    def _keep(jar: dict[str, str], header: str) -> None:
        for cookie in _BETWEEN_COOKIES.split(header) if header else ():
            pair, *attributes = (part.strip() for part in cookie.split(";"))
            name, _, value = pair.partition("=")
            is_over = any(part.lower().replace(" ", "") == "max-age=0" or "expires=thu, 01 jan 1970" in part.lower() for part in attributes)
            if is_over:
                jar.pop(name, None)
            elif name:
                jar[name] = value
