"""Who is signed in to our pages: the person as the session has her, made of what the issuer says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlencode, urlsplit

from flask import g, request, session

from shared.context import Context, current_as
from shared.problems import Forbidden, NotAuthenticated
from shared.web.headers import allow
from shared.web.visitor import act_for, show_person
from shared.web.words import gettext_noop

ROLES_CLAIM = "urn:andamio:roles"
REPRESENTS_CLAIM = "urn:andamio:represents"
ACR_PREFIX = "urn:andamio:acr:"
PATH_CHARACTERS_MAX = 2000


@dataclass(frozen=True)
class Represented:
    """For whom the issuer says that a person acts by this sign-in; `kind` is company or person, `number` the RUT or RUN if told."""

    kind: str
    name: str
    number: str | None = None
    mandate_id: str = ""
    powers: tuple[str, ...] = ()
    joint: int = 1
    valid_until: str | None = None
    source: str = ""


@dataclass(frozen=True)
class Person:
    """Who signed in.  `sub` is this service's own name for the person; `run` is given only to services entitled to it."""

    sub: str
    name: str
    run: str | None = None
    acr: str = ""
    amr: tuple[str, ...] = ()
    auth_time: int = 0
    roles: tuple[str, ...] = ()
    represents: Represented | None = None

    @property
    def level(self) -> int:
        """The strength of the proof: 1 one factor, 2 two factors, 3 two that cannot be phished; 0 unknown."""
        text = self.acr.removeprefix(ACR_PREFIX)
        return int(text) if self.acr.startswith(ACR_PREFIX) and text in {"1", "2", "3"} else 0


class LoginNeeded(NotAuthenticated):
    """Nobody is signed in, or not strongly enough: the browser is sent to sign in and comes back."""

    def __init__(self, location: str) -> None:
        super().__init__(gettext_noop("Sign in to go on."))
        self.location = location


def is_own_path(path: str) -> bool:
    """Answer whether a path leads to a page of ours and nowhere else."""
    if not path.startswith("/") or path.startswith(("//", "/\\")) or len(path) > PATH_CHARACTERS_MAX:
        return False
    if any(ord(character) < 0x21 or ord(character) == 0x7F or character == "\\" for character in path):
        return False  # browsers drop or turn such characters, and read another address than we do
    parts = urlsplit(path)
    return not parts.scheme and not parts.netloc


def login_url(return_path: str, *, level: int = 0, max_age_seconds: int | None = None) -> str:
    """Return our address at which signing in begins."""
    query = {"next": return_path}
    if level:
        query["level"] = str(level)
    if max_age_seconds is not None:
        query["max_age"] = str(max_age_seconds)
    return "/login?" + urlencode(query)


def _send_to_login(level: int = 0, max_age_seconds: int | None = None) -> NoReturn:
    here = request.full_path.rstrip("?") if request.method in {"GET", "HEAD"} else "/"
    raise LoginNeeded(login_url(here if is_own_path(here) else "/", level=level, max_age_seconds=max_age_seconds))


def find_person() -> Person | None:
    """Return who is signed in, or None; the header of the page shows it."""
    known = session.get("person")
    if not isinstance(known, dict):
        return None
    try:
        person = Person(**{**known, "amr": tuple(known["amr"]), "roles": tuple(known["roles"]), "represents": _represented(known)})
    except (KeyError, TypeError):  # written by another version of the service
        session.pop("person")
        return None
    g.person = person
    show_person(person.name, sign_out_url="/logout")
    if person.represents:
        act_for(person.represents.name)
    parts = urlsplit(current_as(Context).settings.issuer)
    allow("form-action", f"{parts.scheme}://{parts.netloc}")  # signing out goes on to the issuer
    return person


def _represented(known: Mapping[str, Any]) -> Represented | None:
    kept = known.get("represents")
    return Represented(**{**kept, "powers": tuple(kept["powers"])}) if kept else None


def forget_represented() -> None:
    """Have the person go on for themselves, also at the next sign-in."""
    if isinstance(session.get("person"), dict):
        session["person"] = {**session["person"], "represents": None}


def current_person() -> Person:
    """Return who is signed in.  Raises: LoginNeeded."""
    return find_person() or _send_to_login()


def require_level(level: int, *, max_age_seconds: int | None = None) -> Person:
    """Return who is signed in with at least this strength, and this recently.  Raises: LoginNeeded, Forbidden.  Spec: RFC 9470."""
    person = current_person()
    age = current_as(Context).clock.now().timestamp() - person.auth_time
    if person.level < level or (max_age_seconds is not None and age > max_age_seconds):
        if person.level < level and session.get("level_tried") == level:
            session.pop("level_tried")  # asked and not reached: say so, rather than sending the browser round for ever
            raise Forbidden(gettext_noop("This needs a stronger way of signing in. Add one in your account."))
        _send_to_login(level, max_age_seconds)
    return person


def person_of(claims: Mapping[str, Any], userinfo: Mapping[str, Any]) -> Person:
    """Return a person as ID token and userinfo tell; what is not of the form they have is left out."""
    amr, roles = claims.get("amr"), userinfo.get(ROLES_CLAIM)
    auth_time = claims.get("auth_time")
    return Person(
        sub=claims["sub"],
        name=_name(userinfo.get("name")),
        run=_run(userinfo.get("RolUnico")),
        acr=str(claims.get("acr", "")),
        amr=tuple(str(method) for method in amr) if isinstance(amr, list) else (),
        auth_time=int(auth_time) if isinstance(auth_time, int | float) else 0,
        roles=tuple(str(role) for role in roles) if isinstance(roles, list) else (),
        represents=_whom(userinfo.get(REPRESENTS_CLAIM)),
    )


def _whom(claim: object) -> Represented | None:
    if not isinstance(claim, dict) or not isinstance(claim.get("name"), str) or not claim["name"]:
        return None
    powers, joint, until = claim.get("powers"), claim.get("powers_joint", 1), claim.get("valid_until")
    is_told = type(joint) is int and joint >= 1  # who does not say with how many acts for nobody
    return Represented(
        kind=str(claim.get("type", "")),
        name=claim["name"],
        number=_run(claim.get("id")),
        mandate_id=str(claim.get("mandate_id", "")),
        powers=tuple(str(power) for power in powers) if is_told and isinstance(powers, list) else (),
        joint=joint if is_told else 1,
        valid_until=until if isinstance(until, str) else None,
        source=str(claim.get("source", "")),
    )


def _name(claim: object) -> str:
    return claim if isinstance(claim, str) else ""


def _run(claim: object) -> str | None:
    """Read `{"numero": 12345678, "DV": "5", "tipo": "RUN"}` as `12345678-5`."""
    if not isinstance(claim, dict) or not isinstance(claim.get("numero"), int) or not isinstance(claim.get("DV"), str):
        return None
    return f"{claim['numero']}-{claim['DV']}"
