"""What a browser holds for us: cookies of its interactions, its session, and of a person's known device."""

from flask import Response, request

from identity.context import Identity
from identity.operations.sessions import Origin, find_session
from identity.operations.sign_in import Browser
from identity.standards import session_management
from identity.standards.devices import device_words
from shared.http import is_public_address
from shared.web.headers import FORGET

INTERACTION, SESSION, DEVICE, KIOSK = "identity-browser", "identity-sso", "identity-device", "identity-kiosk"
STATE = session_management.COOKIE
DEVICE_SECONDS = 365 * 24 * 3600


def cookie_name(identity: Identity, name: str) -> str:
    """Return a cookie's name: with the prefix that pins it to this host wherever people come over https."""
    return ("__Host-" if identity.settings.secure else "") + name


def read_cookie(identity: Identity, name: str) -> str | None:
    """Return what a cookie of this request holds; over-long ones are not ours."""
    value = request.cookies.get(cookie_name(identity, name))
    return value if value and len(value) <= 128 else None


def read_browser(identity: Identity) -> Browser:
    """Return what the present browser holds."""
    token = read_cookie(identity, SESSION)
    session = None
    if token:
        with identity.reading() as tx:
            session = find_session(identity, tx.connection, token)
    return Browser(read_cookie(identity, INTERACTION), read_cookie(identity, DEVICE), session, read_origin(identity))


def read_origin(identity: Identity) -> Origin:
    """Return where the present browser is; addresses of private networks count for nobody."""
    address = request.remote_addr if request.remote_addr and is_public_address(request.remote_addr) else ""
    header = identity.settings.place_header
    place = request.headers.get(header, "")[:80] if header else ""
    kiosk = read_cookie(identity, KIOSK) is not None
    return Origin(address, device_words(request.headers.get("User-Agent", "")), place, kiosk)


def set_cookie(identity: Identity, response: Response, name: str, value: str, *, max_age: int | None = None) -> None:
    """Set a cookie that scripts and other sites' posts do not get."""
    secure = identity.settings.secure
    response.set_cookie(cookie_name(identity, name), value, max_age=max_age, secure=secure, httponly=True, samesite="Lax", path="/")


def set_session_cookie(identity: Identity, response: Response, token: str) -> None:
    """Give the browser its session, and beside it the mark that the frame of session management compares (LO-11).

    The mark says nothing, and is the one cookie that a script, our own, may read; it is sent into frames of other sites.
    """
    set_cookie(identity, response, SESSION, token)
    if identity.settings.session_management:
        secure, mark = identity.settings.secure, session_management.browser_state(token)
        response.set_cookie(
            cookie_name(identity, STATE), mark, secure=secure, httponly=False, samesite="None" if secure else "Lax", path="/"
        )


def drop_session_cookie(identity: Identity, response: Response) -> None:
    """Have the browser forget its session."""
    secure = identity.settings.secure
    response.headers.update(FORGET)
    response.delete_cookie(cookie_name(identity, SESSION), secure=secure, httponly=True, samesite="Lax", path="/")
    if identity.settings.session_management:
        response.delete_cookie(cookie_name(identity, STATE), secure=secure, samesite="None" if secure else "Lax", path="/")
