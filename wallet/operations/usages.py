"""The log in the form that registers of other states use: who used a person's data, newest first.  Spec: wallet contract §10.5."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from shared.audit.entries import SUBJECT_INDEX
from shared.audit.tables import audit_entries
from shared.http import OutboundError
from wallet.context import Wallet
from wallet.errors import NotAnAuditor
from wallet.operations.access_log import Filters, lines_of_subject
from wallet.operations.callers import find_body

LIMIT_MAX = 1000
READ_MAX = 5000
ASK_SECONDS = 5
SHOWN_MAX = 100


@dataclass(frozen=True)
class Usage:
    """One use of a person's data."""

    logtime: datetime
    action: str
    receiver_code: str
    receiver_name: str
    receiver_system: str


@dataclass(frozen=True)
class Elsewhere:
    """What a register that keeps its own log says; `usages` None when it does not answer now, which is never the same as none."""

    name: str
    usages: tuple[dict[str, str], ...] | None
    total: int = 0
    """How many the register says there are; the newest of them are here."""


def find_usages(
    wallet: Wallet, caller_client_id: str, run: str, *, since: datetime | None, until: datetime | None, offset: int, limit: int
) -> tuple[int, list[Usage]]:
    """Return how many uses there are, and a page of them.  Raises: ClientNotRegistered, NotAnAuditor."""
    with wallet.reading() as tx:
        if "auditor" not in find_body(tx.session, caller_client_id).client.roles:
            raise NotAnAuditor("Only an auditor's system reads the log of a person.")
    index = wallet.cipher.blind_index(f"cl-run:{run}", purpose=SUBJECT_INDEX)
    lines = lines_of_subject(wallet, index, Filters(since=since, until=until), lang="es", limit=READ_MAX)
    page = lines[offset : offset + limit]
    return len(lines), [
        Usage(line.at, line.dataset_title + ": " + line.purpose_text, line.org_id, line.org_name, line.client_id) for line in page
    ]


def log_begin(wallet: Wallet) -> datetime | None:
    """Return when the log begins."""
    with wallet.reading() as tx:
        return tx.connection.execute(select(func.min(audit_entries.c.occurred_at))).scalar()


def usages_elsewhere(wallet: Wallet, run: str) -> list[Elsewhere]:
    """Ask each register that the settings name for its own log of a person."""
    return [_ask(wallet, *named.partition("=")[::2], run) for named in wallet.settings.usage_registers]


def _ask(wallet: Wallet, name: str, url: str, run: str) -> Elsewhere:
    headers = {"X-Road-UserId": f"CL{run}", "Accept": "application/json"}
    try:
        reply = wallet.http.request(
            "GET", f"{url}/v2/findUsage?userCode=CL{run}&offset=0&limit={SHOWN_MAX}", headers=headers, timeout_seconds=ASK_SECONDS
        )
        answer = reply.json()
    except OutboundError:
        return Elsewhere(name, None)
    found = answer.get("usages") if reply.status == 200 and isinstance(answer, dict) else None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        return Elsewhere(name, None)
    told, usages = answer.get("totalUsages"), tuple({key: str(value)[:300] for key, value in one.items()} for one in found[:SHOWN_MAX])
    return Elsewhere(name, usages, max(told if isinstance(told, int) else 0, len(usages)))
