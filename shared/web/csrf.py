"""Forms that only our own pages can send: a signed double-submit cookie, for signed-in people and others alike.

A random value stands in a cookie that scripts cannot read; the form carries a mark made of it with our key.  Another site
can make a browser send the cookie, but cannot make the mark.  The mark is masked anew in each page (BREACH), and the value
changes at sign-in and sign-out, so that a form from before does not work after.
Spec: OWASP Cross-Site Request Forgery Prevention, signed double-submit cookie.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable

from flask import Flask, Response, current_app, g, request
from markupsafe import Markup

from shared.crypto import constant_time_equal
from shared.problems import Problem
from shared.web.words import gettext_noop

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
VALUE_BYTES = 32
COOKIE_TEXT_MAX = 64


class FormExpired(Problem):
    """The form is not one of ours, or from before signing in."""

    slug = "form-expired"
    status = 403
    title = gettext_noop("This page was open too long")


class Csrf:
    """The key and the cookie of one app."""

    def __init__(self, key: Callable[[], bytes], *, service: str, secure: bool) -> None:
        self._key = key
        self.secure = secure
        self.cookie = ("__Host-" if secure else "") + f"{service}-form"

    def value(self) -> str:
        """Return the value of the present visitor, made now where there is none."""
        if "csrf_value" not in g:
            sent = request.cookies.get(self.cookie, "")
            g.csrf_is_new = not 40 <= len(sent) <= COOKIE_TEXT_MAX
            g.csrf_value = secrets.token_urlsafe(VALUE_BYTES) if g.csrf_is_new else sent
        value: str = g.csrf_value
        return value

    def renew(self) -> None:
        """Give the visitor a new value: forms from before stop working."""
        g.csrf_value, g.csrf_is_new = secrets.token_urlsafe(VALUE_BYTES), True

    def mark(self) -> str:
        """Return what a form carries, masked."""
        mask = secrets.token_bytes(32)
        return base64.urlsafe_b64encode(mask + _xor(mask, self._mac(self.value()))).decode().rstrip("=")

    def matches(self, mark: str) -> bool:
        """Answer whether a form's mark belongs to the cookie that came with it."""
        sent = request.cookies.get(self.cookie, "")
        try:
            raw = base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4)) if len(mark) <= 100 else b""
        except (binascii.Error, ValueError):
            return False
        return bool(sent) and len(raw) == 64 and constant_time_equal(_xor(raw[:32], raw[32:]), self._mac(sent))

    def save(self, response: Response) -> Response:
        """Set the cookie where its value is new."""
        if g.get("csrf_is_new"):
            response.set_cookie(self.cookie, g.csrf_value, secure=self.secure, httponly=True, samesite="Lax", path="/")
        return response

    def _mac(self, value: str) -> bytes:
        return hmac.new(self._key(), b"form:" + value.encode(), hashlib.sha256).digest()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _csrf() -> Csrf:
    csrf: Csrf = current_app.extensions["andamio-csrf"]
    return csrf


def csrf_field() -> Markup:
    """Return the hidden input of a form; in templates `csrf()`."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, _csrf().mark())


def check_csrf() -> None:
    """Refuse an unsafe request of a page whose form is not ours.  Raises: FormExpired."""
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    mark = request.headers.get(HEADER) or request.form.get(FIELD, "")
    if not _csrf().matches(mark):
        raise FormExpired(gettext_noop("Go back, load the page again and send the form once more."))


def renew_csrf() -> None:
    """Give the visitor a new value; called when somebody signs in or out."""
    _csrf().renew()


def install_csrf(app: Flask, key: Callable[[], bytes], *, service: str, secure: bool) -> None:
    """Give an app its form protection: `csrf()` in templates, the cookie on answers; `key` is asked for with the first form."""
    csrf = app.extensions["andamio-csrf"] = Csrf(key, service=service, secure=secure)
    app.jinja_env.globals["csrf"] = csrf_field
    app.after_request(csrf.save)
