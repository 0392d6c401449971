"""A shop and its payers over plain connections: as little of the machine's time as may be is spent on asking."""

import http.client
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from deploy.errors import CannotStart

CARD = {
    "cardNo": "4242424242424242",
    "expiryMonth": "11",
    "expiryYear": "29",
    "cardholderName": "José Ñancupil",
    "cvc": "123",
    "addressCountry": "CL",
    "addressLine1": "Los Aromos 12",
    "addressCity": "Quilpalín",
    "addressPostcode": "2430000",
    "email": "jose@example.cl",
}


@dataclass
class Line:
    """One connection to the service, kept open, with the cookies of one browser."""

    netloc: str
    cookies: dict[str, str] = field(default_factory=dict)
    _connection: http.client.HTTPConnection | None = None

    def send(self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Return status, body and Location of one exchange."""
        self._connection = self._connection or http.client.HTTPConnection(self.netloc, timeout=30)
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        self._connection.request(method, path, body.encode() or None, {**cookie, **(headers or {})})
        response = self._connection.getresponse()
        text = response.read().decode()
        for value in response.headers.get_all("Set-Cookie") or []:
            name, _, rest = value.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        return response.status, text, response.headers.get("Location", "")

    def follow(self, method: str, path: str, form: dict[str, str] | None = None) -> str:
        """Return the page at the end of the redirects that stay with us."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
        status, text, location = self.send(method, path, urlencode(form or {}), headers)
        while status in {302, 303} and location.startswith("/"):
            status, text, location = self.send("GET", location)
        if status not in {200, 302, 303}:
            raise CannotStart(f"{method} {path} was answered {status}")
        return text


@dataclass(frozen=True)
class Shop:
    """What the load is made with."""

    netloc: str
    key: str
    back: str

    def create(self, line: Line) -> dict[str, Any]:  # a payment, read by key
        """Create one payment."""
        body = json.dumps({"amount": 3500, "reference": "bench", "description": "Certificado", "return_url": self.back})
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        status, text, _ = line.send("POST", "/v1/payments", body, headers)
        if status != 201:
            raise CannotStart(f"create was answered {status}")
        made: dict[str, Any] = json.loads(text)
        return made

    def pay(self) -> None:
        """Walk one payer through: create, open, type the card, confirm."""
        line = Line(self.netloc)
        made = self.create(line)
        page = line.follow("GET", urlsplit(made["_links"]["next_url"]["href"]).path)
        base = f"/card_details/{made['payment_id']}"
        page = line.follow("POST", base, CARD | {"csrf_token": _mark(page)})
        line.follow("POST", f"{base}/confirm", {"csrf_token": _mark(page)})


def _mark(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    if found is None:
        raise CannotStart("a page of the payer has no form")
    return found[1]
