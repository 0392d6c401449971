"""Texts over SMPP 3.4: parts are submitted over connections that are kept open; receipts are read by a connection of their own.

SMPP has no idempotency key: a text whose answer is lost is tried again by the same provider and may arrive twice.
"""

import contextlib
import logging
import queue
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from smpplib import consts, exceptions
from smpplib.client import Client

from notify.providers.base import HandOver, ProviderError, ProviderRefused, ProviderUnavailable, RecipientRefused, Text
from notify.standards.smpp_receipt import read_receipt
from notify.standards.sms_parts import split
from notify.standards.statuses import Status

KEPT_CONNECTIONS_MAX = 8
ANSWERS_MAX = 100
RECEIPTS_MAX = 10_000
_NOT_NOW = frozenset({consts.SMPP_ESME_RTHROTTLED, consts.SMPP_ESME_RMSGQFUL, consts.SMPP_ESME_RSYSERR, consts.SMPP_ESME_RX_T_APPN})
_BAD_RECIPIENT = frozenset({consts.SMPP_ESME_RINVDSTADR, consts.SMPP_ESME_RINVDSTTON, consts.SMPP_ESME_RINVDSTNPI})
_LOST = (exceptions.ConnectionError, OSError)
Pdu = Any  # smpplib is published without types
logging.getLogger("smpp").setLevel(logging.ERROR)  # its own log holds numbers and texts


@dataclass(frozen=True)
class Account:
    """Where and as whom to bind."""

    host: str
    port: int
    system_id: str
    password: str
    tls: bool = False


class SmppSms:
    """A sender of texts over SMPP."""

    def __init__(self, account: Account, *, name: str, timeout_seconds: float = 15) -> None:
        self.name = name
        self._account = account
        self._timeout_seconds = timeout_seconds
        self._idle: queue.SimpleQueue[Client] = queue.SimpleQueue()

    def send(self, text: Text) -> HandOver:
        """Hand over one text in as many parts as it takes.  Raises: ProviderError."""
        try:
            parts = split(text.body, UUID(text.reference).int)
        except ValueError:
            raise ProviderRefused("the text cannot be carried") from None
        ids: list[str] = []
        with self._connection() as client:
            for body in parts.bodies:
                try:
                    ids.append(self._submit(client, text, body, parts.coding, joined=parts.has_header))
                except ProviderUnavailable as away:
                    away.may_have_taken |= bool(ids)  # who has the beginning is sent the rest
                    raise
        return HandOver(self.name, ids[0], parts=tuple(ids))

    def read_receipts(self, take: Callable[[str, Status], bool], *, seconds_idle: float = 1.0) -> int:
        """Read waiting receipts until none comes for a while; `take` says whether it kept one, else the SMSC keeps it for later.

        Returns how many were kept.  Raises: ProviderUnavailable.
        """
        kept = 0
        try:
            client = self._bound("bind_receiver")
            client._socket.settimeout(seconds_idle)
            with contextlib.suppress(TimeoutError), client:
                for _ in range(RECEIPTS_MAX):
                    kept += self._read_one(client, take)
        except _LOST as lost:
            raise ProviderUnavailable(type(lost).__name__) from None
        except exceptions.PDUError:
            raise ProviderUnavailable("bind refused") from None
        return kept

    def close(self) -> None:
        """End the connections that are kept open."""
        with contextlib.suppress(queue.Empty):
            while True:
                _drop(self._idle.get_nowait())

    def _read_one(self, client: Client, take: Callable[[str, Status], bool]) -> int:
        pdu = client.read_pdu()
        if pdu.command == "enquire_link":
            client._enquire_link_received(pdu)
        if pdu.command != "deliver_sm":
            return 0
        state = getattr(pdu, "message_state", None)
        identifier = getattr(pdu, "receipted_message_id", None) or b""
        found = read_receipt(
            bytes(pdu.short_message or b""),
            message_id=identifier.rstrip(b"\0").decode("ascii", "replace"),
            state=state if isinstance(state, int) else None,
        )
        kept = found is None or take(*found)  # what is no receipt is acknowledged and forgotten
        status = consts.SMPP_ESME_ROK if kept else consts.SMPP_ESME_RX_T_APPN
        client.message_received_handler = lambda **_pdu: status
        client._message_received(pdu)
        return int(kept and found is not None)

    @contextmanager
    def _connection(self) -> Iterator[Client]:
        """Lend a bound connection; one that broke is not used again."""
        try:
            client = self._idle.get_nowait()
        except queue.Empty:
            client = self._fresh()
        try:
            yield client
        except ProviderUnavailable:
            _drop(client)
            raise
        except ProviderError:
            self._give_back(client)
            raise
        else:
            self._give_back(client)

    def _give_back(self, client: Client) -> None:
        if self._idle.qsize() < KEPT_CONNECTIONS_MAX:
            self._idle.put(client)
        else:
            _drop(client)

    def _fresh(self) -> Client:
        try:
            return self._bound("bind_transmitter")
        except _LOST as lost:
            raise ProviderUnavailable(type(lost).__name__) from None
        except exceptions.PDUError:
            raise ProviderUnavailable("bind refused") from None

    def _bound(self, command: str) -> Client:
        account = self._account
        context = None
        if account.tls:
            import ssl

            context = ssl.create_default_context()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            client = Client(account.host, account.port, timeout=self._timeout_seconds, ssl_context=context, allow_unknown_opt_params=True)
        try:
            client.connect()
            getattr(client, command)(system_id=account.system_id, password=account.password)
        except BaseException:
            _drop(client)
            raise
        return client

    def _submit(self, client: Client, text: Text, body: bytes, coding: int, *, joined: bool) -> str:
        numeric = text.sender.lstrip("+").isdigit()
        try:
            asked = client.send_message(
                source_addr_ton=consts.SMPP_TON_INTL if numeric else consts.SMPP_TON_ALNUM,
                source_addr_npi=consts.SMPP_NPI_ISDN if numeric else consts.SMPP_NPI_UNK,
                source_addr=text.sender.lstrip("+"),
                dest_addr_ton=consts.SMPP_TON_INTL,
                dest_addr_npi=consts.SMPP_NPI_ISDN,
                destination_addr=text.to,
                short_message=body,
                data_coding=coding,
                esm_class=consts.SMPP_GSMFEAT_UDHI if joined else consts.SMPP_MSGMODE_DEFAULT,
                registered_delivery=True,
            )
            answer = self._answer(client, asked.sequence)
        except (*_LOST, exceptions.PDUError) as lost:
            raise ProviderUnavailable(type(lost).__name__, may_have_taken=True) from None
        if answer.status in _NOT_NOW:
            raise ProviderUnavailable(f"answered {answer.status}")
        if answer.status in _BAD_RECIPIENT:
            raise RecipientRefused(f"answered {answer.status}")
        if answer.status != consts.SMPP_ESME_ROK:
            raise ProviderRefused(f"answered {answer.status}")
        return bytes(answer.message_id or b"").decode("ascii", "replace")[:65]

    def _answer(self, client: Client, sequence: int) -> Pdu:
        for _ in range(ANSWERS_MAX):
            pdu = client.read_pdu()
            if pdu.sequence == sequence and pdu.command in {"submit_sm_resp", "generic_nack"}:
                return pdu
            if pdu.command == "enquire_link":
                client._enquire_link_received(pdu)
        raise OSError("no answer among many")


def _drop(client: Client) -> None:
    with contextlib.suppress(*_LOST, exceptions.PDUError):
        client.disconnect()
