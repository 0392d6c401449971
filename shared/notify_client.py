"""Messages through notify's public API, as any service of the suite sends them.  Spec: notify-api §2, §4."""

from collections.abc import Mapping

from joserfc import jwt
from joserfc.jwk import OctKey

from shared.clock import Clock
from shared.http import Outbound, OutboundError
from shared.settings import Secret

UUID_LENGTH = 36
TIMEOUT_SECONDS = 5
CREATED = 201
PASSING = frozenset({401, 403, 408, 429})
"""Refusals that end when a key is put right, or with time."""


class NotifyAway(Exception):
    """The message was not taken; try again later."""


class NotifyRefused(Exception):
    """The message will never be taken as it is; to send it again changes nothing."""


def read_key(key: str) -> tuple[str, str]:
    """Return the id of the service and the secret of a key, `name-service id-secret`; what is no key gives neither."""
    return key[-2 * UUID_LENGTH - 1 : -UUID_LENGTH - 1], key[-UUID_LENGTH:]


class NotifyClient:
    """Sends with the key of a service at notify; `api_key` is `name-service id-secret`."""

    def __init__(self, http: Outbound, clock: Clock, *, url: str, api_key: Secret) -> None:
        self._http, self._clock, self._url = http, clock, url
        self._service_id, self._secret = read_key(api_key.reveal())

    def send(self, channel: str, document: Mapping[str, object], *, idempotency_key: str = "") -> None:
        """Have one message sent by a channel; two calls with one key send one message.  Raises: NotifyAway, NotifyRefused."""
        if not self._secret:
            raise NotifyAway("no key for notify is set")
        claims = {"iss": self._service_id, "iat": int(self._clock.now().timestamp())}
        token = jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, OctKey.import_key(self._secret), algorithms=["HS256"])
        url, headers = f"{self._url}/v2/notifications/{channel}", {"Authorization": "Bearer " + token}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        try:
            reply = self._http.request("POST", url, json=dict(document), headers=headers, timeout_seconds=TIMEOUT_SECONDS)
        except OutboundError as error:
            raise NotifyAway(type(error).__name__) from None
        if 400 <= reply.status < 500 and reply.status not in PASSING:
            raise NotifyRefused(f"notify answered {reply.status}")
        if reply.status != CREATED:
            raise NotifyAway(f"notify answered {reply.status}")
