"""A register that still speaks SOAP 1.1 or 1.2, behind the same Protocol.  Spec: WA-11; wallet contract §8.1.

The dataset's endpoint names it: `soap+https://host/path?action=urn:…#{namespace}Operation`.  The request is one element of that name
with a `<run>` and a `<field>` for each field; the answer's first element of each field's name, whatever its namespace, is its value.
XML from outside is read by defusedxml: no entities, no external documents.
"""

from collections.abc import Mapping
from datetime import UTC
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit
from xml.sax.saxutils import escape, quoteattr

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from shared.clock import Clock, rfc3339
from shared.http import Outbound, OutboundError, OutboundTimeout
from wallet.providers.base import Order, Record, RegisterFailed, RegisterMalformed, RegisterTimeout
from wallet.providers.rest import authority_of

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
NOT_FOUND = "person_not_found"


class SoapRegister:
    """Calls an operation, and turns its answer into fields; a fault whose code ends in `person_not_found` is no record."""

    def __init__(self, http: Outbound, clock: Clock, *, timeout_seconds: float, bytes_max: int) -> None:
        self._http, self._clock = http, clock
        self._timeout_seconds, self._bytes_max = timeout_seconds, bytes_max

    def fetch(self, order: Order, kinds: Mapping[str, str]) -> Record:
        """Return what the register says.  Raises: RegisterFailed and its kinds."""
        url, action, operation = read_endpoint(order.endpoint)
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{action}"', **authority_of(order)}
        try:
            reply = self._http.request(
                "POST",
                url,
                body=envelope(operation, order).encode(),
                headers=headers,
                timeout_seconds=self._timeout_seconds,
                max_bytes=self._bytes_max,
            )
        except OutboundTimeout as error:
            raise RegisterTimeout("no answer in time") from error
        except OutboundError as error:
            raise RegisterFailed(type(error).__name__) from error
        if reply.status not in {200, 500}:  # SOAP 1.1 sends its faults with 500
            raise RegisterFailed(f"status {reply.status}")
        found = read_envelope(reply.body, order.fields, kinds)
        return Record(as_of=rfc3339(self._clock.now().astimezone(UTC)), values=found)


def read_endpoint(endpoint: str) -> tuple[str, str, str]:
    """Return address, action and qualified operation of a `soap+https:` endpoint."""
    parts = urlsplit(endpoint.removeprefix("soap+"))
    action = parse_qs(parts.query).get("action", [""])[0]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")), action, unquote(parts.fragment)


def envelope(operation: str, order: Order) -> str:
    """Return the request: the values are escaped, the operation's name is the declaration's."""
    namespace, _, name = operation.removeprefix("{").rpartition("}")
    fields = "".join(f"<field>{escape(field)}</field>" for field in order.fields)
    body = f"<r:{name} xmlns:r={quoteattr(namespace)}><run>{escape(order.run)}</run>{fields}</r:{name}>"
    return f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{ENVELOPE}"><s:Body>{body}</s:Body></s:Envelope>'


def read_envelope(body: bytes, fields: tuple[str, ...], kinds: Mapping[str, str]) -> dict[str, object] | None:
    """Return the fields of an answer, None for a person it does not know.  Raises: RegisterFailed, RegisterMalformed."""
    try:
        root = fromstring(body)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise RegisterMalformed("not XML that is taken") from error
    texts: dict[str, str | None] = {}
    for element in root.iter():
        name = str(element.tag).rpartition("}")[2]
        if name in {"faultcode", "Value"} and str(element.text or "").strip().endswith(NOT_FOUND):
            return None
        if name == "Fault":
            code = "".join(str(text) for text in element.itertext())
            if NOT_FOUND in code:
                return None
            raise RegisterFailed("a fault")
        if name in fields and name not in texts:
            texts[name] = None if element.get(NIL) in {"true", "1"} else str(element.text or "").strip()
    return {name: _typed(text, kinds.get(name, "string")) for name, text in texts.items()}


def _typed(text: str | None, kind: str) -> object:
    if text is None or kind in {"string", "date"}:
        return text
    if kind == "boolean" and text in {"true", "1", "false", "0"}:
        return text in {"true", "1"}
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        raise RegisterMalformed("a value of another kind") from None


def is_soap(endpoint: str) -> bool:
    """True for an endpoint of this kind."""
    return endpoint.startswith(("soap+https:", "soap+http:"))
