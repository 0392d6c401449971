"""What an operator enters by one file: bodies' particulars, roles of systems, notices, procedures, purposes and standard terms.

Entering the same file again changes nothing; what differs becomes a new version, or other particulars.  Spec: wallet contract §2, §9.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from wallet.context import Wallet
from wallet.errors import ClientNotRegistered, UnknownPurpose
from wallet.events import Event
from wallet.models.agreement_template import AgreementTemplate, active_template
from wallet.models.notice import Notice, find_notice
from wallet.models.organisation import Client, Organisation
from wallet.models.procedure import Procedure
from wallet.models.purpose import Purpose, find_purpose
from wallet.operations import registry
from wallet.operations.agreement_requests import publish_template

Row = Mapping[str, Any]  # one object of the file, read by its schema


@dataclass(frozen=True, kw_only=True)
class RegistryFile:
    """The file, read; in the order in which one thing needs another."""

    organisations: Sequence[Row] = ()
    systems: Sequence[Row] = ()
    notices: Sequence[Row] = ()
    procedures: Sequence[Row] = ()
    purposes: Sequence[Row] = ()
    templates: Sequence[Row] = ()


def enter_registry(wallet: Wallet, file: RegistryFile, *, actor: str) -> list[str]:
    """Enter what the file has and the registry has not; return what was done, a line each.

    Raises: ClientNotRegistered, UnknownPurpose; what was entered before them stays, and the file can be entered again.
    """
    kinds: tuple[tuple[Sequence[Row], Callable[[Wallet, Row, str], str | None]], ...] = (
        (file.organisations, _organisation),
        (file.systems, _system),
        (file.notices, _notice),
        (file.procedures, _procedure),
        (file.purposes, _purpose),
        (file.templates, _template),
    )
    return [done for rows, enter in kinds for row in rows if (done := enter(wallet, row, actor))]


def _organisation(wallet: Wallet, row: Row, actor: str) -> str | None:
    with wallet.transaction() as tx:
        known = tx.session.get(Organisation, row["org_id"], with_for_update=True)
        if known is not None and _is_same(known, row):
            return None
        if known is not None:
            _change(known, row, wallet)
            tx.record(Event.ORGANISATION_REGISTERED, actor=actor, object_id=row["org_id"])
            return f"organisation {row['org_id']}: other particulars"
    registry.register_organisation(wallet, **row, actor=actor)
    return f"organisation {row['org_id']}: entered"


def _system(wallet: Wallet, row: Row, actor: str) -> str | None:
    with wallet.transaction() as tx:
        known = tx.session.get(Client, row["client_id"], with_for_update=True)
        if known is None:
            raise ClientNotRegistered(f"No system {row['client_id']} is here: its team registers it first.")
        if _is_same(known, row):
            return None
        _change(known, row, wallet)
        tx.record(Event.CLIENT_REGISTERED, actor=actor, object_id=row["client_id"], data={"roles": list(known.roles)})
    return f"system {row['client_id']}: {', '.join(row['roles'])}"


def _notice(wallet: Wallet, row: Row, actor: str) -> str | None:
    texts = {lang: (words["title"], words["body"]) for lang, words in row["texts"].items()}
    with wallet.reading() as tx:
        present = {lang: find_notice(tx.session, row["notice_id"], lang) for lang in texts}
        languages = set(tx.session.scalars(select(Notice.lang).where(Notice.notice_id == row["notice_id"])))
    is_same = all(one is not None and (one.title, one.body) == texts[lang] for lang, one in present.items())
    if is_same and languages == set(texts):
        return None
    version = registry.publish_notice(wallet, notice_id=row["notice_id"], texts=texts, actor=actor)
    return f"notice {row['notice_id']}: version {version}"


def _procedure(wallet: Wallet, row: Row, actor: str) -> str | None:
    with wallet.transaction() as tx:
        known = tx.session.get(Procedure, row["code"], with_for_update=True)
        if known is not None and _is_same(known, row):
            return None
        if known is not None:
            _change(known, row, wallet)
            tx.record(Event.PROCEDURE_REGISTERED, actor=actor, object_id=row["code"])
            return f"procedure {row['code']}: other particulars"
    registry.register_procedure(wallet, **row, actor=actor)
    return f"procedure {row['code']}: entered"


def _purpose(wallet: Wallet, row: Row, actor: str) -> str | None:
    with wallet.reading() as tx:
        known = find_purpose(tx.session, row["purpose_id"])
        if row["procedure_code"] is not None and tx.session.get(Procedure, row["procedure_code"]) is None:
            raise UnknownPurpose(f"The purpose {row['purpose_id']} is of a procedure that is not here.")
    if known is not None and _is_same(known, row):
        return None
    return f"purpose {row['purpose_id']}: version {registry.activate_purpose(wallet, **row, actor=actor)}"


def _template(wallet: Wallet, row: Row, actor: str) -> str | None:
    with wallet.reading() as tx:
        known = active_template(tx.session, row["template_id"])
    if known is not None and _is_same(known, row):
        return None
    return f"template {row['template_id']}: version {publish_template(wallet, AgreementTemplate(**row), actor=actor)}"


def _is_same(known: Organisation | Client | Procedure | Purpose | AgreementTemplate, row: Row) -> bool:
    return all(getattr(known, name) == value for name, value in row.items())


def _change(known: Organisation | Client | Procedure, row: Row, wallet: Wallet) -> None:
    for name, value in row.items():
        setattr(known, name, value)
    known.updated_at, known.lock = wallet.clock.now(), known.lock + 1
