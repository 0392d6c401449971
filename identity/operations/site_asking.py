"""Ask a team's site to sign somebody in, and answer it as our sign-in page would, or wrongly on purpose (§3.11)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select, update

from identity.context import Identity
from identity.errors import OAuthInvalidRequest
from identity.models.client_store import KnownClient
from identity.operations import sessions
from identity.operations.authorization_requests import AuthorizationRequest, find_client, read_request, read_return_address
from identity.operations.authorize import CODES, Need, issue_code, next_need
from identity.operations.faults import Fault
from identity.operations.pushed_requests import URN, find_pushed, open_request_object
from identity.operations.sessions import Origin
from identity.operations.signed_responses import sign_response
from identity.providers.site_visitor import Arrival, SiteVisitor
from identity.standards import acr, discovery
from identity.standards.redirect_uris import origin_of
from identity.standards.rfc6749 import add_to_query, decode_form, read_parameters
from identity.standards.site_findings import Seen
from shared.crypto import sha256_hex
from shared.problems import Problem

DEVICE = "Andamio"
TWO, STRONG = ("pwd", "otp"), ("hwk", "user")


class NotAsked(Exception):
    """The site did not ask as it should; `seen` and `detail` say what it did."""

    def __init__(self, seen: Seen, detail: str = "") -> None:
        super().__init__(seen)
        self.seen = seen
        self.detail = detail


@dataclass
class Site:
    """What is looked at: the client, its addresses, and the made-up person who signs in; `opened` are the sessions to be ended."""

    client: KnownClient
    person_id: UUID
    login_url: str
    page_url: str
    sign_out_url: str
    opened: list[UUID]

    @property
    def origins(self) -> frozenset[str]:
        """The only places that are visited."""
        return frozenset(origin_of(uri) for uri in self.client.redirect_uris)

    def visitor(self, identity: Identity) -> SiteVisitor:
        """A new browser."""
        return SiteVisitor(identity.http, self.origins)


def ask(identity: Identity, site: Site, visitor: SiteVisitor) -> AuthorizationRequest:
    """Have the site begin a sign-in and read what it asks.  Raises: NotAsked, OutboundError."""
    arrival = visitor.open(site.login_url)
    if arrival.leads_to is None:
        raise NotAsked(Seen.NOT_ASKED, str(arrival.status))
    if not leads_to(identity, arrival.leads_to, discovery.AUTHORIZE.path):
        raise NotAsked(Seen.ELSEWHERE, origin_of(arrival.leads_to)[:120])
    try:
        return _read(identity, site, urlsplit(arrival.leads_to).query)
    except Problem as error:
        raise NotAsked(Seen.REFUSED, (error.detail or error.title)[:200]) from None


def leads_to(identity: Identity, url: str, path: str) -> bool:
    """Answer whether an address is that endpoint of ours."""
    return url.partition("?")[0].rstrip("/") == identity.settings.issuer + path


def _read(identity: Identity, site: Site, query: str) -> AuthorizationRequest:
    """Read a request as the authorization endpoint does.  Raises: Problem."""
    parameters = read_parameters(decode_form(query.encode()))
    client = find_client(identity, parameters)
    if client.id != site.client.id:
        raise OAuthInvalidRequest("client_id is another client's")
    request_uri = parameters.get("request_uri")
    if request_uri is not None and request_uri.startswith(URN):
        return find_pushed(identity, client, request_uri)
    opened = open_request_object(identity, client, parameters)
    if client.must_push:
        raise OAuthInvalidRequest("this client pushes its requests")
    return read_request(identity, read_return_address(client, opened), opened)


def give_code(identity: Identity, site: Site, request: AuthorizationRequest, fault: Fault | None = None) -> str:
    """Sign the made-up person in and return a code; its ID token will have the fault.  Raises: NotAsked."""
    wanted = replace(request, prompts=())
    amr = STRONG if acr.PHISHING_RESISTANT in request.acr_values else TWO
    try:
        with identity.transaction() as tx:
            session, _ = sessions.begin_session(identity, tx, site.person_id, amr, before=None, origin=Origin(device=DEVICE))
            need = next_need(identity, tx.connection, site.client, wanted, session, asked_at=session.auth_time, consented=True)
            if need is not Need.NOTHING:
                raise NotAsked(Seen.NEEDS_MORE, need)
            code = issue_code(identity, tx, site.client, wanted, session)
            tx.connection.execute(update(CODES).where(CODES.c.code_hash == sha256_hex(code)).values(fault=fault))
    except Problem as error:
        raise NotAsked(Seen.REFUSED, (error.detail or error.title)[:200]) from None
    site.opened.append(session.id)
    return code


def answer(identity: Identity, visitor: SiteVisitor, request: AuthorizationRequest, values: Mapping[str, str]) -> Arrival:
    """Send the visitor back to the site with an answer, in the way that it asked for.  Raises: OutboundError."""
    state = {} if request.state is None else {"state": request.state}
    sent = {"iss": identity.settings.issuer, **state, **values}
    if request.response_mode in discovery.SIGNED_MODES:
        sent = {"response": sign_response(identity, request.client_id, sent)}
    if request.response_mode.startswith("form_post"):
        return visitor.open(request.redirect_uri, sent)
    return visitor.open(add_to_query(request.redirect_uri, sent))


def was_used(identity: Identity, code: str) -> bool:
    """Answer whether the site exchanged a code."""
    with identity.reading() as tx:
        query = select(CODES.c.used_at).where(CODES.c.code_hash == sha256_hex(code))
        return tx.connection.execute(query).scalar_one_or_none() is not None


def close(identity: Identity, site: Site) -> None:
    """End the sessions that were begun, with all that was granted in them."""
    with identity.transaction() as tx:
        for session_id in site.opened:
            sessions.end_by_id(identity, tx, site.person_id, session_id)
