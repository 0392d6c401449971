"""Signing in to our pages by OpenID Connect: `/login`, `/login/callback`, `/logout`, and the issuer's word that it is over.

A service with such pages registers `login_blueprint(scopes=("profile", "run"))`; its pages carry the rules `Citizen()` or
`Staff(…)` of shared.access, which call `current_person()`.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, cast
from urllib.parse import urlencode, urlsplit

import structlog
from flask import Flask, Response, current_app, g, make_response, redirect, request, session
from flask.typing import ResponseReturnValue

from shared.access import PUBLIC, PUBLIC_PAGE
from shared.context import Context
from shared.crypto import sha256_hex
from shared.problems import Forbidden, InvalidRequest, NotAuthenticated, Problem, Unavailable
from shared.routes import Routes
from shared.web.csrf import renew_csrf
from shared.web.headers import allow
from shared.web.openid import Answer, BadAnswer, IssuerAway, OpenIdClient, Question
from shared.web.sessions import WebSession, end_sessions_of_login
from shared.web.visitor import act_for, show_person
from shared.web.words import gettext_noop, language

log = structlog.get_logger("andamio.login")

ROLES_CLAIM = "urn:andamio:roles"
REPRESENTS_CLAIM, REPRESENT = "urn:andamio:represents", "represent"
ACR_PREFIX = "urn:andamio:acr:"
QUESTIONS_MAX = 5
QUESTION_SECONDS = 3600
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


class LoginFailed(Problem):
    """The browser came back without a proof that we can take."""

    slug = "login-failed"
    status = 400
    title = gettext_noop("Signing in did not work")


class LoginRefused(Problem):
    """The person did not sign in, or did not agree."""

    slug = "login-refused"
    status = 403
    title = gettext_noop("You did not sign in")


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
    parts = urlsplit(_context().settings.issuer)
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
    age = _context().clock.now().timestamp() - person.auth_time
    if person.level < level or (max_age_seconds is not None and age > max_age_seconds):
        if person.level < level and session.get("level_tried") == level:
            session.pop("level_tried")  # asked and not reached: say so, rather than sending the browser round for ever
            raise Forbidden(gettext_noop("This needs a stronger way of signing in. Add one in your account."))
        _send_to_login(level, max_age_seconds)
    return person


def _context() -> Context:
    context: Context = current_app.extensions["andamio"].context
    return context


def _client() -> OpenIdClient:
    client: OpenIdClient = current_app.extensions["andamio-login"]
    return client


def _web_session() -> WebSession:
    return cast(WebSession, session._get_current_object())  # type: ignore[attr-defined]  # the proxy's own way to what it stands for


def _issuer_away(error: IssuerAway) -> Unavailable:
    log.warning("issuer away", why=str(error))
    return Unavailable(gettext_noop("Signing in is not possible just now."))


def _failed(why: str) -> LoginFailed:
    log.warning("login failed", check=why)
    return LoginFailed(gettext_noop("Start again from the page you came from."))


def begin() -> ResponseReturnValue:
    """Send the browser to the issuer."""
    return_path = request.args.get("next", "/")
    if not is_own_path(return_path):
        raise InvalidRequest(gettext_noop("The address to return to is not one of ours."))
    level, max_age = request.args.get("level", ""), request.args.get("max_age", "")
    acr = ACR_PREFIX + level if level in {"1", "2", "3"} else ""
    max_age_seconds = int(max_age) if max_age.isdecimal() and len(max_age) <= 6 else None
    question = _client().ask(return_path, acr=acr, max_age_seconds=max_age_seconds)
    try:
        url = _client().authorization_url(question, language=language(), more=_representing())
    except IssuerAway as error:
        raise _issuer_away(error) from None
    questions = [*_questions(), dataclasses.asdict(question)]
    session["questions"] = questions[-QUESTIONS_MAX:]
    return redirect(url, 303)


def _representing() -> dict[str, str]:
    """Return what asks for whom the person acts: anew when they say so, as before when they act for somebody already."""
    if current_app.extensions["andamio-login-taken"] is None:
        return {}
    scope = {"scope": f"{_client().scope} {REPRESENT}"}
    if request.args.get("represent") == "1":
        return scope | {"prompt": "select_account"}
    person = find_person()
    return scope if person is not None and person.represents is not None else {}


def _questions() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = session.get("questions", [])
    return found


def _take_question(state: str) -> Question:
    """Return the question with this state, once.  Raises: LoginFailed."""
    known = _questions()
    found = next((entry for entry in known if entry["state"] == state), None)
    if found is None:
        raise _failed("state")
    session["questions"] = [entry for entry in known if entry is not found]
    question = Question(**found)
    if _context().clock.now().timestamp() - question.asked_at > QUESTION_SECONDS:
        raise _failed("age")
    return question


def finish() -> ResponseReturnValue:
    """Take the browser back from the issuer."""
    question = _take_question(request.args.get("state", ""))
    try:
        _client().check_issuer(request.args.get("iss"))
        if error := request.args.get("error"):
            if error in {"access_denied", "login_required", "interaction_required", "consent_required"}:
                raise LoginRefused(gettext_noop("Nothing was done. You can start again when you want."))
            raise _failed("error of the issuer")
        answer = _client().exchange(question, request.args.get("code", ""))
    except IssuerAway as error:
        raise _issuer_away(error) from None
    except BadAnswer as error:
        raise _failed(str(error)) from None
    _sign_in(answer, question)
    taken: Callable[[Person], None] | None = current_app.extensions["andamio-login-taken"]
    if taken is not None:
        taken(current_person())
    return redirect(question.return_path, 303)


def _sign_in(answer: Answer, question: Question) -> None:
    web_session = _web_session()
    web_session.rotate()
    renew_csrf()
    sid = answer.claims.get("sid")
    web_session.login_hash = sha256_hex(sid) if isinstance(sid, str) else None
    session["person"] = dataclasses.asdict(_person(answer))
    session["id_token"] = answer.id_token
    if question.acr:
        session["level_tried"] = int(question.acr.removeprefix(ACR_PREFIX))


def _person(answer: Answer) -> Person:
    claims, userinfo = answer.claims, answer.userinfo
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


def sign_out() -> ResponseReturnValue:
    """End our session, then the issuer's."""
    id_token = session.get("id_token")
    _web_session().end()
    renew_csrf()
    try:
        url = _client().end_url(id_token) if isinstance(id_token, str) else None
    except IssuerAway:
        url = None  # ours is over in any case
    return redirect(url or "/", 303)


def back_channel() -> ResponseReturnValue:
    """End the sessions that began with one that is over at the issuer.  Spec: OIDC Back-Channel Logout §2.5-2.8."""
    try:
        end_sessions_of_login(_context(), _client().check_logout_token(request.form.get("logout_token", "")))
    except BadAnswer as error:
        log.warning("logout token refused", check=str(error))
        return make_response({"error": "invalid_request"}, 400)
    except IssuerAway as error:
        raise _issuer_away(error) from None
    return make_response("", 200)


def _go_to_login(needed: LoginNeeded) -> Response:
    return cast(Response, redirect(needed.location, 303))


def login_blueprint(*, scopes: tuple[str, ...] = ("profile",), taken: Callable[[Person], None] | None = None) -> Routes:
    """Return the routes of signing in; `scopes` are asked for besides `openid`.

    A service that lets people act for those whom the issuer names gives `taken`: it is called after each sign-in.
    """
    routes = Routes("login", __name__, access=PUBLIC_PAGE)
    routes.get("/login")(begin)
    routes.get("/login/callback")(finish)
    routes.post("/logout")(sign_out)
    routes.post("/login/back-channel", access=PUBLIC)(back_channel)

    def set_up(app: Flask) -> None:
        app.extensions["andamio-login"] = OpenIdClient(app.extensions["andamio"].context, scopes=scopes)
        app.extensions["andamio-login-taken"] = taken
        app.register_error_handler(LoginNeeded, _go_to_login)

    routes.record_once(lambda state: set_up(cast(Flask, state.app)))
    return routes
