"""Signing in to our pages by OpenID Connect: `/login`, `/login/callback`, `/logout`, and the issuer's word that it is over.

A service with such pages registers `login_blueprint(scopes=("profile", "run"))`; its pages carry the rule `Citizen` of
`shared/web/signed_in.py`, or one of the service's own made of it.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, cast

import structlog
from flask import Flask, Response, current_app, make_response, redirect, request, session
from flask.typing import ResponseReturnValue

from shared.access import PUBLIC, PUBLIC_PAGE
from shared.context import Context, current_as
from shared.crypto import sha256_hex
from shared.problems import InvalidRequest, Problem, Unavailable
from shared.routes import Routes
from shared.web.csrf import renew_csrf
from shared.web.openid import Answer, BadAnswer, IssuerAway, OpenIdClient, Question
from shared.web.person import ACR_PREFIX, LoginNeeded, Person, current_person, find_person, is_own_path, person_of
from shared.web.sessions import WebSession, end_sessions_of_login
from shared.web.words import gettext_noop, language

log = structlog.get_logger("andamio.login")

REPRESENT = "represent"
QUESTIONS_MAX = 5
QUESTION_SECONDS = 3600


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
    if current_as(Context).clock.now().timestamp() - question.asked_at > QUESTION_SECONDS:
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
    session["person"] = dataclasses.asdict(person_of(answer.claims, answer.userinfo))
    session["id_token"] = answer.id_token
    if question.acr:
        session["level_tried"] = int(question.acr.removeprefix(ACR_PREFIX))


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
        end_sessions_of_login(current_as(Context), _client().check_logout_token(request.form.get("logout_token", "")))
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
