"""The console of operators: files of the channels and of our bank, and money that belongs to no account.  Spec: pay-design.md §3, §8."""

from typing import Any

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from pay.context import current
from pay.operations import desk, settlements, suspense_desk, transfers
from pay.routes.staff import AtTheDesk, second_factor, staff
from pay.standards.bank_statements import UnreadableStatement
from pay.standards.settlement_files import READERS, UnreadableFile
from shared import web
from shared.problems import NotFound
from shared.routes import Routes
from shared.web import gettext

bp = Routes("console_bank", __name__, url_prefix="/console", access=AtTheDesk())
STATEMENT_MAX, FORM_ROUND_IT = 10_000_000, 100_000


@bp.get("/statements")
def ask_statement() -> Response:
    """Ask for a statement of the bank."""
    second_factor()
    suspense_desk.require_operator(staff())
    return web.page("pay/console/statement.html", results=None, error_list=[])


@bp.post("/statements", access=AtTheDesk(bytes_max=STATEMENT_MAX + FORM_ROUND_IT))
def send_statement() -> Response:
    """Read a statement; the same one again changes nothing."""
    second_factor()
    who = staff()
    suspense_desk.require_operator(who)
    name, raw, fault = _file(gettext("Choose the file of the bank."))
    results = None
    if not fault:
        try:
            results = transfers.import_statement(current(), name, raw, actor=who.actor).results
        except UnreadableStatement as problem:
            fault = gettext("The file cannot be read: %(fault)s.", fault=str(problem))
    errors = web.errors_of([("file", fault)] if fault else [])
    return web.page("pay/console/statement.html", 422 if fault else 200, results=results, error_list=errors)


def _file(none_chosen: str) -> tuple[str, bytes, str]:
    """Return the name and the bytes of the file that was sent, and what is wrong with it."""
    file = request.files.get("file")
    raw = file.read(STATEMENT_MAX + 1) if file else b""
    fault = none_chosen if not raw else gettext("The file is too large.") if len(raw) > STATEMENT_MAX else ""
    name = (file.filename if file else None) or ""
    return "".join(letter for letter in name if letter.isprintable()), raw, fault


@bp.get("/settlements")
def ask_settlement() -> Response:
    """Ask for a file in which a channel says what it paid to our bank."""
    second_factor()
    suspense_desk.require_operator(staff())
    return _settlement_page()


@bp.post("/settlements", access=AtTheDesk(bytes_max=STATEMENT_MAX + FORM_ROUND_IT))
def send_settlement() -> Response:
    """Read a channel's file; the same one again changes nothing."""
    second_factor()
    who = staff()
    suspense_desk.require_operator(who)
    channel = request.form.get("channel", "")
    name, raw, fault = _file(gettext("Choose the file of the channel."))
    faults = [] if channel in READERS else [("channel", gettext("Choose the channel that sent the file."))]
    faults += [("file", fault)] if fault else []
    results = None
    if not faults:
        try:
            results = settlements.import_settlement(current(), channel, name, raw, actor=who.actor).results
        except UnreadableFile as problem:
            faults = [("file", gettext("The file cannot be read: %(fault)s.", fault=str(problem)))]
    return _settlement_page(422 if faults else 200, results=results, chosen=channel, error_list=web.errors_of(faults))


def _settlement_page(status: int = 200, **values: Any) -> Response:
    known: dict[str, Any] = {"results": None, "chosen": "", "error_list": [], "channels": sorted(READERS)}
    return web.page("pay/console/settlement.html", status, files=settlements.last_files(current()), **known | values)


@bp.get("/unexplained")
def list_ownerless() -> Response:
    """List the money that belongs to no account, oldest first."""
    return web.page("pay/console/ownerless.html", items=suspense_desk.list_ownerless(current(), staff()))


@bp.get("/unexplained/<item_id>")
def show_ownerless(item_id: str) -> Response:
    """Ask what becomes of one sum, or whether what somebody proposed is right."""
    second_factor()
    return _page(item_id)


def _page(item_id: str, status: int = 200, faults: tuple[tuple[str, str], ...] = ()) -> Response:
    item, proposed = suspense_desk.get_ownerless(current(), staff(), item_id)
    values = {
        "item": item,
        "proposed": proposed,
        "accounts": desk.list_accounts(current(), staff()),
        "is_mine": item.proposed_by == staff().actor,
    }
    return web.page("pay/console/ownerless_item.html", status, error_list=web.errors_of(list(faults)), **values)


@bp.post("/unexplained/<item_id>/propose")
def propose(item_id: str) -> BaseResponse:
    """Propose that it goes back, or to the office of an account."""
    second_factor()
    chosen = request.form.get("account", "")
    if not chosen:
        return _page(item_id, 422, (("account", gettext("Choose what becomes of it.")),))
    account = None if chosen == suspense_desk.BACK else desk.require_account(current(), staff(), chosen)
    suspense_desk.propose(current(), staff(), item_id, account)
    return redirect("/console/unexplained", 303)


@bp.post("/unexplained/<item_id>/<decision>")
def decide(item_id: str, decision: str) -> BaseResponse:
    """Do what somebody else proposed (`approve`), or have it looked at again (`reject`)."""
    second_factor()
    if decision not in {"approve", "reject"}:
        raise NotFound
    try:
        suspense_desk.decide(current(), staff(), item_id, approve=decision == "approve", seen=request.form.get("proposal", ""))
    except suspense_desk.ProposalChanged:
        return _page(item_id, 409, (("approve", gettext("The proposal was changed meanwhile. Look at it again.")),))
    return redirect("/console/unexplained", 303)
