"""The person of the present request, as the operations want to know her."""

import hashlib
from datetime import UTC, datetime
from typing import cast

from flask import g, request, session

from shared.crypto import sha256_hex
from shared.problems import Forbidden
from shared.run import InvalidRun, parse_run
from shared.web import gettext_noop
from shared.web.login import Person
from shared.web.sessions import WebSession
from wallet.operations.presence import Presence


def presence() -> Presence:
    """Return who sits there.  Raises: Forbidden when her sign-in gave no RUN."""
    person: Person = g.person
    try:
        found = str(parse_run(person.run or ""))
    except InvalidRun:
        raise Forbidden(gettext_noop("These pages need your RUN. Sign in with an account that has one.")) from None
    return Presence(
        run=found,
        sub=person.sub,
        acr=person.acr,
        amr=person.amr,
        auth_time=datetime.fromtimestamp(person.auth_time, UTC),
        session_hash=_session_hash(),
        user_agent_hash=hashlib.sha256(request.user_agent.string.encode()).hexdigest(),
        ip_prefix=_prefix(request.remote_addr or ""),
    )


def _session_hash() -> str:
    web_session = cast(WebSession, session._get_current_object())  # type: ignore[attr-defined]  # the proxy's own way to what it stands for
    return sha256_hex(web_session.session_id or "")


def _prefix(address: str) -> str:
    """Return the network of an address and not the address: /24, or /48 of IPv6."""
    if ":" in address:
        return ":".join(address.split(":")[:3]) + "::/48"
    return ".".join(address.split(".")[:3]) + ".0/24" if address else ""
