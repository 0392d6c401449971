"""Who may use notify's routes: a service with its API key, or a provider with its proof."""

from dataclasses import replace
from typing import cast

from flask import g, request

from notify.context import current
from notify.errors import KeyNotAllowed
from notify.operations.authentication import Holder, authenticate
from notify.operations.mail_reports import PROVIDER as MAIL_SYSTEM
from notify.operations.once import Once
from notify.operations.receipt_addresses import (
    SECRET_HEADER,
    has_nobodys_token,
    has_secret,
    has_token,
    is_of_a_printer,
    letter_teller,
    provider_of,
)
from notify.standards.mailbox_address import InvalidMailboxAddress, mailbox_address
from notify.standards.network_formats import event_reference
from notify.standards.statuses import Channel
from shared.access import Access, Scope
from shared.bodies import read_json
from shared.problems import Forbidden, InvalidRequest, NotAuthenticated

PORTAL_SCOPE, PERSON_HEADER = "notify:portal", "Andamio-Person"


class MailboxReader(Scope):
    """An app that a person signed in to, or the citizen portal, which names the person that is signed in there."""

    def __init__(self) -> None:
        super().__init__("notify:mailbox")

    def describe(self) -> str:
        """Return the rule as documents show it."""
        return f"access token with scope notify:mailbox, or {PORTAL_SCOPE} and the header {PERSON_HEADER}"

    def check(self) -> None:
        """Leave the Caller in `g.caller`.  Raises: NotAuthenticated, Forbidden, InvalidRequest, Unavailable."""
        Scope().check()
        if PORTAL_SCOPE not in g.caller.scopes:
            super().check()
            return
        try:
            person = mailbox_address(request.headers.get(PERSON_HEADER, ""))
        except InvalidMailboxAddress:
            raise InvalidRequest(f"Name the person's RUN in the header {PERSON_HEADER}.") from None
        g.caller = replace(g.caller, subject=person, claims={**g.caller.claims, "run": person.partition(":")[2]})


class ServiceKey(Access):
    """A service with a token made of one of its API keys.  Spec: notify-api §2."""

    name = "API key of a service"
    bearer = "A JWT signed with an API key of the service (notify-api §2)."

    def check(self) -> None:
        """Leave the Holder in `g.holder`.  Raises: TokenMissing, TokenRefused."""
        g.holder = authenticate(current(), request.headers.get("Authorization"))


class WritingKey(ServiceKey):
    """A service with a token of a key that is not a test key: what it does lasts."""

    name = "API key of a service, not a test key"

    def check(self) -> None:
        """Leave the Holder in `g.holder`.  Raises: TokenMissing, TokenRefused, KeyNotAllowed."""
        super().check()
        if holder().key.kind == "test":
            raise KeyNotAllowed("A test key cannot change this")


class ProviderProof(Access):
    """A provider of texts with its secret, or with its token of the message it speaks of.  Spec: notify-api §19."""

    name = "provider's secret or receipt token"

    def check(self) -> None:
        """Leave the receipt in `g.receipt`, and in `g.channel` whether it is the provider's own, None where it is not known who was asked.

        Raises: NotAuthenticated, InvalidRequest.
        """
        body = read_json(max_bytes=8 * 1024)
        if not isinstance(body, dict) or not all(isinstance(body.get(name), str) for name in ("reference", "status")):
            raise InvalidRequest("A receipt is a JSON object with reference and status.")
        secret, provider = request.headers.get(SECRET_HEADER), str((request.view_args or {})["provider"])
        token = request.args.get("token") if secret is None else None
        if has_secret(current(), secret, Channel.SMS, provider) or has_token(current(), token, Channel.SMS, provider, body["reference"]):
            g.channel = Channel.SMS
        elif has_nobodys_token(current(), token, Channel.SMS, body["reference"]):
            g.channel = None
        else:
            raise NotAuthenticated("Send the secret agreed on, or use the address that came with the message.")
        g.receipt = body


class LetterEventProof(Access):
    """A printer with its token of the letter it speaks of.  Spec: notify-api §19."""

    name = "token of one letter"

    def check(self) -> None:
        """Leave the event in `g.event`, the printer in `g.printer`, and `g.channel` as for texts.

        Raises: NotAuthenticated, InvalidRequest.
        """
        body = read_json(max_bytes=64 * 1024)
        if not isinstance(body, dict):
            raise InvalidRequest("An event is a JSON object.")
        token, printer = letter_teller(request.args.get("token", ""))
        reference = event_reference(body)
        is_known = has_token(current(), token, Channel.LETTER, printer, reference) if printer else False
        if not is_known and (printer or not has_nobodys_token(current(), token, Channel.LETTER, reference)):
            raise NotAuthenticated("Use the address that came with the letter.")
        g.event, g.printer, g.channel = body, printer or "print", Channel.LETTER if printer else None


class MailSecret(Access):
    """Our own mail system with its secret.  Spec: notify-api §19."""

    name = "mail system's secret"

    def check(self) -> None:
        """Raises: NotAuthenticated."""
        if not has_secret(current(), request.headers.get(SECRET_HEADER), Channel.EMAIL, MAIL_SYSTEM):
            raise NotAuthenticated("Send the secret agreed on.")


class PrinterSecret(Access):
    """A printer with its secret.  Spec: notify-api §19."""

    name = "printer's secret"

    def check(self) -> None:
        """Leave the secret in `g.secret`.  Raises: NotAuthenticated."""
        g.secret = request.headers.get(SECRET_HEADER)
        if not is_of_a_printer(current(), g.secret):
            raise NotAuthenticated("Send the secret agreed on.")


class NetworkPassword(Access):
    """An SMS network with the password agreed on, by basic authentication.  Spec: notify-api §19."""

    name = "network's password"

    def __init__(self, network: str) -> None:
        self._network = network

    def check(self) -> None:
        """Leave the provider in `g.provider`.  Raises: NotAuthenticated without a password, Forbidden with a wrong one."""
        given = request.authorization
        if given is None or given.type != "basic":
            raise NotAuthenticated("Authenticate with the password agreed on.", headers={"WWW-Authenticate": "Basic"})
        g.provider = provider_of(current(), self._network)
        if not has_secret(current(), given.password, Channel.SMS, g.provider):
            raise Forbidden("The password is not the one agreed on.")


def holder() -> Holder:
    """Give who calls, as ServiceKey left it."""
    return cast(Holder, g.holder)


def base_url() -> str:
    """Give the address that the caller used, without a slash at its end; `request.url_root` costs as much as checking a token."""
    return f"{request.scheme}://{request.host}"


def once_of_request() -> Once | None:
    """Give the caller's `Idempotency-Key` for this request, None where there is none.  Raises: MessageRefused."""
    key = request.headers.get("Idempotency-Key")
    return Once.read(holder().service.id, request.path, key, request.get_data()) if key is not None else None
