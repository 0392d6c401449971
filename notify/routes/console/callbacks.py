"""Where a service's system is told of news, what it was told, and how it answered."""

from typing import Literal
from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.errors import MessageRefused, Refusal
from notify.models.callback import KINDS
from notify.models.team import Right
from notify.operations.callback_log import PAGE_SIZE, list_calls, replay_call
from notify.operations.callback_settings import end_callback, list_callbacks, try_callback
from notify.operations.callbacks import Told
from notify.operations.services import set_callback
from notify.routes.console.access import Team, member
from notify.routes.console.pages import Problems, show_page
from notify.schemas.console_words import said
from shared.problems import NotFound
from shared.routes import Routes

bp = Routes("console_callbacks", __name__, url_prefix="/services/<uuid:service_id>/settings/callback", access=Team(Right.MANAGE))
_SHOWN = (Told.WAITING, Told.TAKEN, Told.REFUSED, Told.GIVEN_UP)


@bp.get("")
def show(service_id: UUID) -> ResponseReturnValue:
    """Show where each kind of news goes, and what was told in the last 30 days."""
    return _show(service_id)


@bp.route("/<kind>", methods=["GET", "POST"])
def change(service_id: UUID, kind: str) -> ResponseReturnValue:
    """Say where a kind of news goes; the signing secret is shown then."""
    url = next((line.url for line in list_callbacks(current(), service_id) if line.kind == _known(kind)), "")
    problems: Problems = []
    secret = ""
    if request.method == "POST":
        url, bearer = request.form.get("url", "").strip(), request.form.get("bearer", "")
        try:
            secret = set_callback(current(), service_id, url=url, bearer=bearer, kind=kind, actor=member().actor, channel="console")
        except Refusal as refused:
            field: Literal["bearer", "url"] = "bearer" if "bearer" in refused.messages[0] else "url"
            problems = [(field, said(refused.messages[0]))]
    return show_page("callback", problems, kind=kind, url=url, secret=secret)


@bp.post("/<kind>/try")
def try_one(service_id: UUID, kind: str) -> ResponseReturnValue:
    """Send an example."""
    try:
        try_callback(current(), member(), service_id, _known(kind))
    except Refusal as refused:
        return _show(service_id, [(kind, said(refused.messages[0]))])
    return redirect(url_for("console_callbacks.show", service_id=service_id), 303)


@bp.post("/<kind>/end")
def end(service_id: UUID, kind: str) -> ResponseReturnValue:
    """Tell this kind no more."""
    end_callback(current(), member(), service_id, _known(kind))
    return redirect(url_for("console_callbacks.show", service_id=service_id), 303)


@bp.post("/calls/<uuid:call_id>/replay")
def replay(service_id: UUID, call_id: UUID) -> ResponseReturnValue:
    """Tell something once more."""
    try:
        replay_call(current(), service_id, call_id, actor=member().actor, channel="console")
    except MessageRefused as refused:
        return _show(service_id, [("calls", said(refused.messages[0]))])
    return redirect(url_for("console_callbacks.show", service_id=service_id), 303)


def _show(service_id: UUID, problems: Problems = ()) -> ResponseReturnValue:
    state, older = request.args.get("state", ""), request.args.get("older_than", "")
    try:
        older_than = UUID(older) if older else None
    except ValueError:
        raise NotFound from None
    calls = list_calls(current(), service_id, state=state if state in _SHOWN else None, older_than=older_than)
    lines = list_callbacks(current(), service_id)
    return show_page("callbacks", problems, lines=lines, calls=calls, state=state, states=_SHOWN, full=len(calls) == PAGE_SIZE)


def _known(kind: str) -> str:
    """Raises: NotFound."""
    if kind not in KINDS:
        raise NotFound
    return kind
