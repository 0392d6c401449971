"""A bucket of an S3-compatible store, by path (`https://host/bucket/folder`).  Calls go through the guard of `shared.http`.

Only the signature is botocore's (AWS Signature Version 4); it is loaded by the processes that use a bucket.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from itertools import takewhile
from urllib.parse import quote, urlencode, urlsplit
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException, ElementTree

from shared.http import Outbound, OutboundError, Reply

TIMEOUT_SECONDS = 15.0
BYTES_MAX = 64 * 1024 * 1024
DELETED_AT_ONCE = LISTED_AT_ONCE = 1000
_XML = "{http://s3.amazonaws.com/doc/2006-03-01/}"


class BucketAway(Exception):
    """The store does not answer, or refuses us: whoever asked tries again later."""


class Bucket:
    """Objects by name.  Thread-safe."""

    def __init__(self, http: Outbound, url: str, *, region: str, key_id: str, secret: str) -> None:
        """`url` is the bucket's address; what follows the bucket's name is put before each object's."""
        parts = urlsplit(url)
        bucket, _, folder = parts.path.strip("/").partition("/")
        self._root, self._folder = f"{parts.scheme}://{parts.netloc}/{bucket}", f"{folder}/" if folder else ""
        self._http, self._region, self._key_id, self._secret = http, region, key_id, secret

    def put(self, name: str, content: bytes) -> None:
        """Keep an object, in the place of one of the same name.  Raises: BucketAway."""
        self._call("PUT", name, body=content)

    def get(self, name: str) -> bytes | None:
        """Give an object; None where there is none.  Raises: BucketAway."""
        reply = self._call("GET", name)
        return None if reply.status == HTTPStatus.NOT_FOUND else reply.body

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects; those that are not there are no fault.  Raises: BucketAway."""
        every = list(names)
        for begin in range(0, len(every), DELETED_AT_ONCE):
            some = every[begin : begin + DELETED_AT_ONCE]
            keys = "".join(f"<Object><Key>{escape(self._folder + name)}</Key></Object>" for name in some)
            body = f"<Delete><Quiet>true</Quiet>{keys}</Delete>".encode()
            digest = hashlib.md5(body, usedforsecurity=False).digest()  # what the protocol asks for, against broken transfers
            reply = self._call("POST", query={"delete": ""}, body=body, headers={"Content-MD5": base64.b64encode(digest).decode()})
            if _read(reply).find(f"{_XML}Error") is not None:
                raise BucketAway("the store did not delete everything")

    def names(self, prefix: str, *, after: str = "", before: str) -> Iterator[str]:
        """Give the names that begin with a prefix and stand between two others, in order.  Raises: BucketAway."""
        return takewhile(lambda name: name < before, self._listed(prefix, after))

    def _listed(self, prefix: str, after: str) -> Iterator[str]:
        query = {"list-type": "2", "max-keys": str(LISTED_AT_ONCE), "prefix": self._folder + prefix}
        query |= {"start-after": self._folder + after} if after else {}
        while True:
            page = _read(self._call("GET", query=query))
            for key in page.iter(f"{_XML}Key"):
                yield str(key.text).removeprefix(self._folder)
            token = page.findtext(f"{_XML}NextContinuationToken")
            if not token:
                return
            query["continuation-token"] = token

    def _call(
        self, method: str, name: str = "", *, query: dict[str, str] | None = None, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Reply:
        url = self._root + (f"/{quote(self._folder + name)}" if name else "") + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        try:
            signed = self._signed(method, url, body, headers or {})
            reply = self._http.request(method, url, body=body or None, headers=signed, timeout_seconds=TIMEOUT_SECONDS, max_bytes=BYTES_MAX)
        except OutboundError as error:
            raise BucketAway(f"the store cannot be asked: {type(error).__name__}") from None
        is_missing = reply.status == HTTPStatus.NOT_FOUND and method == "GET" and bool(name) and b"NoSuchBucket" not in reply.body
        if not is_missing and not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            raise BucketAway(f"the store answered {reply.status}")
        return reply

    def _signed(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> dict[str, str]:
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        request = AWSRequest(method, url, headers=headers, data=body)
        S3SigV4Auth(Credentials(self._key_id, self._secret), "s3", self._region).add_auth(request)
        return {name: str(value) for name, value in request.headers.items()}


def _read(reply: Reply) -> Element:
    """Raises: BucketAway for what is no XML, or hostile."""
    try:
        read: Element = ElementTree.fromstring(reply.body)
    except (ParseError, DefusedXmlException):
        raise BucketAway("the store's answer cannot be read") from None
    return read
