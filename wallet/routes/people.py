"""The person of the present request, for herself or for another, as the operations want to know her."""

import hashlib
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

from flask import g, request, session

from shared.crypto import sha256_hex
from shared.problems import Forbidden, Problem
from shared.run import InvalidRun, parse_run
from shared.web import act_for, gettext_noop
from shared.web.person import Person, Represented, forget_represented, require_level
from shared.web.sessions import WebSession
from shared.web.signed_in import Citizen
from wallet.context import current
from wallet.errors import NotForDelegates, PowerLost, PowerMissing
from wallet.operations import accounts
from wallet.operations.delegations import acting_for, note_use
from wallet.operations.presence import Presence
from wallet.operations.represented import SignedInFor, take_mandate

STOP_URL = "/acting/stop"


class Holder(Citizen):
    """A signed-in person, for herself or for another by a delegation in force; the page's band says for whom (U13)."""

    def check(self) -> None:
        """Leave the Presence in `g.presence`, or send the browser to sign in.  Raises: Forbidden, PowerLost."""
        super().check()
        g.presence = _presence()
        _check_account(g.presence)
        if g.presence.acting is not None:
            act_for(g.presence.acting.name, stop_url=STOP_URL)


class Herself(Holder):
    """A signed-in person for herself alone: what no delegate may do for her."""

    name = "signed-in person, for herself"

    def check(self) -> None:
        """Leave the Presence in `g.presence`.  Raises: NotForDelegates besides."""
        super().check()
        if g.presence.acting is not None:
            raise NotForDelegates(gettext_noop("Stop acting for another first."))


def _check_account(person: Presence) -> None:
    """Let an account in that identity trusts: what it told us of counts at the next page.  Raises: Forbidden, LoginNeeded."""
    wallet = current()
    account = accounts.find(wallet, person.sub)
    if account is None:
        accounts.remember(wallet, person)
        return
    if account.disabled_at is not None:
        raise Forbidden(gettext_noop("Your account is not active. Ask for help at the number below."))
    if account.signed_out_before is not None and person.auth_time < account.signed_out_before:
        require_level(0, max_age_seconds=int((wallet.clock.now() - account.signed_out_before).total_seconds()))


def presence() -> Presence:
    """Return who sits there; what a delegate looks at and does goes to the principal's log (D8)."""
    found: Presence = g.presence
    if found.acting is not None and not g.get("is_noted"):
        g.is_noted = True
        note_use(current(), found, request.endpoint or "")
    return found


def begin(delegation_id: UUID | None) -> None:
    """Act by a delegation from the next page on, or for oneself again."""
    session["acting"] = str(delegation_id) if delegation_id else None
    if delegation_id is None:
        forget_represented()


def _presence() -> Presence:
    """Return who sits there.  Raises: Forbidden, PowerLost when she acts by a power that ended (D7)."""
    own = _own(g.person)
    return own if session.get("acting") is None else _acting(own)


def _own(person: Person) -> Presence:
    """Return a signed-in person for herself.  Raises: Forbidden when her sign-in gave no RUN."""
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
        name=person.name,
        mandate_id=person.represents.mandate_id if person.represents else None,
    )


def take_sign_in(person: Person) -> None:
    """Act from now on for whom identity says, right after signing in; for nobody whom an earlier sign-in named.

    Raises: Forbidden without a RUN, PowerMissing for a mandate that gives nothing here.
    """
    if person.represents is None:
        return
    try:
        begin(take_mandate(current(), _own(person), _told(person.represents)))
    except Problem:
        begin(None)
        raise


def _told(whom: Represented) -> SignedInFor:
    """Return a mandate in our own terms.  Raises: PowerMissing when it does not say for whom, or says it in no way known."""
    try:
        number = str(parse_run(whom.number or ""))
        until = datetime.fromisoformat(whom.valid_until).astimezone(UTC) if whom.valid_until else None
    except ValueError:
        raise PowerMissing(gettext_noop("Your power to act for another does not go so far.")) from None
    return SignedInFor(
        mandate_id=whom.mandate_id,
        principal=f"{'cl-rut' if whom.kind == 'company' else 'cl-run'}:{number}",
        name=whom.name[:200],
        source=whom.source,
        powers=whom.powers,
        joint=whom.joint,
        valid_until=until,
    )


def _acting(own: Presence) -> Presence:
    try:
        return own.for_another(acting_for(current(), own, UUID(str(session["acting"]))))
    except PowerLost:
        begin(None)
        raise


def _session_hash() -> str:
    web_session = cast(WebSession, session._get_current_object())  # type: ignore[attr-defined]  # the proxy's own way to what it stands for
    return sha256_hex(web_session.session_id or "")


def _prefix(address: str) -> str:
    """Return the network of an address and not the address: /24, or /48 of IPv6."""
    if ":" in address:
        return ":".join(address.split(":")[:3]) + "::/48"
    return ".".join(address.split(".")[:3]) + ".0/24" if address else ""
