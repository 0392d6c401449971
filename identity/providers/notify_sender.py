"""Messages through notify's public API, like any service of the suite.  Spec: notify-api §2, §4."""

from joserfc import jwt
from joserfc.jwk import OctKey

from identity.providers.base import SenderAway
from shared.clock import Clock
from shared.http import Outbound, OutboundError
from shared.settings import Secret

UUID_LENGTH = 36
TIMEOUT_SECONDS = 5


class NotifySender:
    """Sends by two templates, each with the places `subject` and `body`; `api_key` is `name-service id-secret`."""

    def __init__(self, http: Outbound, clock: Clock, *, url: str, api_key: Secret, email_template: str, sms_template: str) -> None:
        self._http = http
        self._clock = clock
        self._url = url
        key = api_key.reveal()
        self._service_id, self._secret = key[-2 * UUID_LENGTH - 1 : -UUID_LENGTH - 1], key[-UUID_LENGTH:]
        self._templates = {"email": email_template, "sms": sms_template}

    def send_email(self, to: str, subject: str, body: str, reference: str) -> None:
        """Have an email sent.  Raises: SenderAway."""
        self._post("email", {"email_address": to, "reference": reference}, {"subject": subject, "body": body})

    def send_sms(self, to: str, body: str, reference: str) -> None:
        """Have a text message sent.  Raises: SenderAway."""
        self._post("sms", {"phone_number": to, "reference": reference}, {"body": body})

    def _post(self, channel: str, body: dict[str, object], values: dict[str, str]) -> None:
        if not self._secret:
            raise SenderAway("no key for notify is set")
        document = {**body, "template_id": self._templates[channel], "personalisation": values}
        headers = {"Authorization": "Bearer " + self._token()}
        try:
            reply = self._http.request(
                "POST", f"{self._url}/v2/notifications/{channel}", json=document, headers=headers, timeout_seconds=TIMEOUT_SECONDS
            )
        except OutboundError as error:
            raise SenderAway(type(error).__name__) from None
        if reply.status != 201:
            raise SenderAway(f"notify answered {reply.status}")

    def _token(self) -> str:
        claims = {"iss": self._service_id, "iat": int(self._clock.now().timestamp())}
        return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, OctKey.import_key(self._secret), algorithms=["HS256"])
