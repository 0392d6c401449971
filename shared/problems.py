"""Refusals are answers: a kind, a status, a sentence for the caller.  Spec: RFC 9457.

```
Problem                 a kind of refusal; each has a page docs/problems/<slug>.md
├── InvalidRequest      400  the request cannot be read as asked
├── NotAuthenticated    401  no proof of who calls, or not a valid one
├── Forbidden           403  the caller is known and may not
├── NotFound            404  nothing there for this caller
├── MethodNotAllowed    405  the address takes other methods
├── Conflict            409  the object is in another state than this asks for
├── TooLarge            413  the body is over the limit
├── UnsupportedMedia    415  the body is not of a type this takes
├── TooManyRequests     429  wait `Retry-After` seconds
├── InternalError       500  our fault; the text of the fault never leaves
└── Unavailable         503  something this needs is away; wait `Retry-After` seconds
```
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


class Problem(Exception):
    """A refusal with a kind.

    `detail` is for the caller: no secret, no personal value, no text of another exception.
    `extra` members are added to the problem document.
    """

    slug: ClassVar[str] = "internal-error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str = "", *, headers: Mapping[str, str] | None = None, **extra: object) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra


class InvalidRequest(Problem):
    """The request cannot be read as asked; `errors` names the fields."""

    slug = "invalid-request"
    status = 400
    title = "The request is not valid"


class NotAuthenticated(Problem):
    """No proof of who calls, or not a valid one."""

    slug = "not-authenticated"
    status = 401
    title = "Proof of who you are is needed"


class Forbidden(Problem):
    """The caller is known and may not do this."""

    slug = "forbidden"
    status = 403
    title = "This is not allowed"


class NotFound(Problem):
    """Nothing is here for this caller."""

    slug = "not-found"
    status = 404
    title = "Nothing was found here"


class MethodNotAllowed(Problem):
    """The address takes other methods."""

    slug = "method-not-allowed"
    status = 405
    title = "This address does not take that method"


class Conflict(Problem):
    """The object is in another state than this asks for."""

    slug = "conflict"
    status = 409
    title = "This does not fit the present state"


class TooLarge(Problem):
    """The body is over the limit."""

    slug = "too-large"
    status = 413
    title = "What was sent is too large"


class UnsupportedMedia(Problem):
    """The body is not of a type this takes."""

    slug = "unsupported-media-type"
    status = 415
    title = "What was sent is not of a type this takes"


@dataclass(frozen=True)
class Wait:
    """When there is room again, and in what limit: `most` in `window_seconds`."""

    most: int
    window_seconds: int
    seconds: int

    def headers(self) -> dict[str, str]:
        """Say it.  Spec: RFC 9110 §10.2.3; draft-ietf-httpapi-ratelimit-headers, in the form that is in wide use."""
        return {
            "Retry-After": str(self.seconds),
            "RateLimit-Limit": str(self.most),
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": str(self.seconds),
            "RateLimit-Policy": f"{self.most};w={self.window_seconds}",
        }


class TooManyRequests(Problem):
    """Too many in too short a time; `Retry-After` says how long to wait."""

    slug = "too-many-requests"
    status = 429
    title = "Too many requests"

    def __init__(self, detail: str = "", *, retry_after_seconds: int = 1, **extra: object) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_seconds)}, **extra)


class InternalError(Problem):
    """Our fault; the text of the fault never leaves."""

    slug = "internal-error"
    status = 500
    title = "Something went wrong on our side"


class Unavailable(Problem):
    """Something this needs is away; `Retry-After` says how long to wait."""

    slug = "unavailable"
    status = 503
    title = "This is not available just now"

    def __init__(self, detail: str = "", *, retry_after_seconds: int = 5, **extra: object) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_seconds)}, **extra)


BY_STATUS: dict[int, type[Problem]] = {
    kind.status: kind
    for kind in (
        InvalidRequest,
        NotAuthenticated,
        Forbidden,
        NotFound,
        MethodNotAllowed,
        Conflict,
        TooLarge,
        UnsupportedMedia,
        TooManyRequests,
        InternalError,
        Unavailable,
    )
}
"""The general kind for a status, for refusals that the framework makes."""
