"""A register that speaks REST and JSON: `POST endpoint {"run", "fields"}` with the consent token → `{"as_of", "fields"}`.

A slow one answers 202 with `Retry-After`, and is asked again with the same `X-Transaction-Id`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from shared.http import Outbound, OutboundError, OutboundTimeout
from wallet.providers.base import Order, Record, RegisterFailed, RegisterLater, RegisterMalformed, RegisterTimeout

RETRY_SECONDS, RETRY_SECONDS_MAX = 30, 3600


class RestRegister:
    """Calls the provider's endpoint; 404 says that the person is not in the register."""

    def __init__(self, http: Outbound, *, timeout_seconds: float, bytes_max: int) -> None:
        self._http = http
        self._timeout_seconds = timeout_seconds
        self._bytes_max = bytes_max

    def fetch(self, order: Order, kinds: Mapping[str, str]) -> Record:
        """Return what the register says; JSON has kinds of its own.  Raises: RegisterFailed and its kinds."""
        del kinds
        try:
            reply = self._http.request(
                "POST",
                order.endpoint,
                json={"run": order.run, "fields": list(order.fields)},
                headers={
                    "Authorization": f"DPoP {order.token}",
                    "DPoP": order.proof,
                    "Accept": "application/json",
                    "X-Transaction-Id": order.txn,
                },
                timeout_seconds=self._timeout_seconds,
                max_bytes=self._bytes_max,
            )
            if reply.status == 404:
                return Record(as_of="", values=None)
            if reply.status == 202:
                raise RegisterLater(_seconds(reply.headers.get("retry-after", "")))
            if reply.status != 200:
                raise RegisterFailed(f"status {reply.status}")
        except OutboundTimeout as error:
            raise RegisterTimeout("no answer in time") from error
        except OutboundError as error:
            raise RegisterFailed(type(error).__name__) from error
        try:
            answer: object = reply.json()
        except OutboundError as error:
            raise RegisterMalformed("not JSON") from error
        return read_answer(answer)


def _seconds(text: str) -> int:
    """Return when a slow register wants to be asked again, within sense; half a minute where it does not say."""
    seconds = int(text) if text.isascii() and text.isdecimal() and len(text) <= 6 else RETRY_SECONDS
    return min(max(seconds, 1), RETRY_SECONDS_MAX)


def authority_of(order: Order) -> dict[str, str]:
    """Return the headers by which a register knows that the gate may ask."""
    return {"Authorization": f"DPoP {order.token}", "DPoP": order.proof, "X-Transaction-Id": order.txn}


def read_answer(answer: object) -> Record:
    """Return the record of an answer of the agreed form.  Raises: RegisterMalformed."""
    if not isinstance(answer, dict) or answer.keys() != {"as_of", "fields"}:
        raise RegisterMalformed("members")
    as_of, values = answer["as_of"], answer["fields"]
    if not isinstance(as_of, str) or not isinstance(values, dict):
        raise RegisterMalformed("types")
    try:
        moment = datetime.fromisoformat(as_of)
    except ValueError:
        raise RegisterMalformed("as_of") from None
    if moment.tzinfo is None:
        raise RegisterMalformed("as_of has no zone")
    return Record(as_of=moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"), values=values)
