"""Kinds of refusal in the v2 contract: each has the word (`kind`) and the texts the published clients know.

```
Refusal
├── TokenMissing 401, TokenRefused 403           AuthError
├── MessageNotValid 400                          ValidationError
├── RecipientNotValid 400                        InvalidPhoneError, InvalidEmailError
├── MessageRefused 400, LetterNotAllowed 403     BadRequestError
├── SendingPaused 403                            BadRequestError
├── CannotCancel 400                             BadRequestError
├── TemplateChanged 409                          ConflictError
├── KeyNotAllowed 403                            AuthError
├── PdfNotReady 400                              PDFNotReadyError
├── NotificationNotFound 404                     NoResultFound
└── RateLimitExceeded, DailyLimitExceeded 429    RateLimitError, TooManyRequestsError
```
Spec: notify-api §2, §3.
"""

from typing import ClassVar

from shared.problems import NotFound, Problem, TooManyRequests, Wait


class Refusal(Problem):
    """A refusal with one or several entries, as `{"error": kind, "message": text}`."""

    kind: ClassVar[str] = "BadRequestError"

    def __init__(self, *messages: str, wait: Wait | None = None) -> None:
        super().__init__(messages[0], headers=wait.headers() if wait else {})
        self.messages = messages

    def entries(self) -> list[dict[str, object]]:
        """Give the list of the envelope."""
        return [{"error": self.kind, "message": message} for message in self.messages]


class TokenMissing(Refusal):
    """The request carries no token of an API key."""

    slug, status, title, kind = "api-token-missing", 401, "A token made with an API key is needed", "AuthError"


class TokenRefused(Refusal):
    """The token is not one that a live API key of an active service made just now."""

    slug, status, title, kind = "api-token-refused", 403, "The token was refused", "AuthError"


class MessageNotValid(Refusal):
    """Fields are missing, of another type, or not what they are named for."""

    slug, status, title, kind = "message-not-valid", 400, "Some fields of the message are not right", "ValidationError"


class QrTooLong(MessageNotValid):
    """A letter's QR line holds more than a printed code can."""

    def __init__(self, data: str, bytes_n: int, bytes_max: int) -> None:
        super().__init__("Cannot create a usable QR code - the link is too long")
        self._about: dict[str, object] = {"data": data, "num_bytes": bytes_n, "max_bytes": bytes_max}

    def entries(self) -> list[dict[str, object]]:
        """Give the one entry with its sizes."""
        return [entry | self._about for entry in super().entries()]


class RecipientNotValid(Refusal):
    """The recipient cannot be reached this way; `kind` names the channel."""

    slug, status, title = "recipient-not-valid", 400, "The recipient is not valid"


class PhoneNotValid(RecipientNotValid):
    """The phone number cannot be sent a text."""

    kind = "InvalidPhoneError"


class MessageRefused(Refusal):
    """A rule of the service, the template or the API key forbids this message."""

    slug, status, title, kind = "message-refused", 400, "The message was refused", "BadRequestError"


class LetterNotAllowed(MessageRefused):
    """Letters need a live service and a key that is not limited to the team."""

    slug, status, title = "letter-not-allowed", 403, "Letters cannot be sent with this key"


class SendingPaused(MessageRefused):
    """Too many of the service's e-mails bounced or were called unwanted; the operator lets it go on."""

    slug, status, title = "sending-paused", 403, "The e-mails of this service are paused"


class TemplateChanged(Refusal):
    """The template is no longer what the editor saw: changed by another, or archived."""

    slug, status, title, kind = "template-changed", 409, "The template has changed meanwhile", "ConflictError"


class KeyNotAllowed(Refusal):
    """The type of key may not do this: a test key has no lasting effect."""

    slug, status, title, kind = "key-not-allowed", 403, "This type of key may not do this", "AuthError"


class BulkNotPossible(Refusal):
    """The job is in another state than this asks for."""

    slug, status, title, kind = "bulk-not-possible", 409, "The job is in another state", "ConflictError"


class CannotCancel(MessageRefused):
    """The message has left, or is about to."""

    slug, status, title = "cannot-cancel", 400, "The message cannot be cancelled any more"


class PdfNotReady(Refusal):
    """The letter is accepted and not yet rendered."""

    slug, status, title, kind = "pdf-not-ready", 400, "The PDF is not ready", "PDFNotReadyError"


class NotificationNotFound(Refusal):
    """The service has nothing of that id (any more)."""

    slug, status, title, kind = "notification-not-found", 404, "No result found", "NoResultFound"

    def __init__(self) -> None:
        super().__init__("No result found")


class RateLimitExceeded(Refusal):
    """Too many messages in a minute with this type of key."""

    slug, status, title, kind = "rate-limit-exceeded", 429, "Too many messages in a short time", "RateLimitError"


class DailyLimitExceeded(Refusal):
    """The service has used up today's allowance of a channel."""

    slug, status, title, kind = "daily-limit-exceeded", 429, "Today's allowance is used up", "TooManyRequestsError"


class DocumentRefused(Problem):
    """The link's key, or the address given, does not open the file.  Spec: notify-api §9."""

    slug, status, title = "document-refused", 403, "The file cannot be opened with this"

    def __init__(self, detail: str, *, status_code: int) -> None:
        super().__init__(detail)
        self.status_code = status_code


class DocumentNotFound(NotFound):
    """No file is here (any more)."""

    slug, title = "document-not-found", "The file was not found"


class DocumentExpired(Problem):
    """The file was kept as long as its sender asked."""

    slug, status, title = "document-expired", 410, "The file is no longer available"


class TooManyTries(TooManyRequests):
    """Too many addresses were tried with one link."""

    slug, title = "too-many-tries", "Too many tries"

    def __init__(self, seconds: int) -> None:
        super().__init__("Too many tries with this link.", retry_after_seconds=seconds)


class UnsubscribeLinkNotValid(NotFound):
    """The link is not one of ours, or a year old."""

    slug, title = "unsubscribe-link-not-valid", "The link does not work"
