"""An answer to a dispute on paper: the letter, and the files of evidence behind it, as one PDF.  Spec: pay-api.md §11."""

import base64
import json
from collections.abc import Sequence

from sqlalchemy import insert

from pay.context import Pay
from pay.models.account import Account
from pay.models.dispute import Dispute
from pay.models.dispute_answer import DisputeAnswer
from pay.models.dispute_file import dispute_files, list_files
from pay.models.payment import find_payment, payer_scope
from pay.operations.slips import print_layout
from pay.standards.dispute_states import AnswerKind
from pay.standards.evidence_files import EvidenceFile, joined
from pay.standards.money import money
from pay.standards.payment_object import Payment
from shared.transaction import Transaction
from shared.virus_scan import ScannerAway
from shared.web.words import gettext, moment, speaking


def scan_fault(pay: Pay, files: Sequence[EvidenceFile]) -> str:
    """Say what the scanner found; nothing where every file is clean."""
    try:
        found = next((file.name for file in files if not pay.scanner.is_clean(file.content)), None)
    except ScannerAway:
        return gettext("The files cannot be checked just now. Try again in some minutes.")
    return gettext("There is a virus in %(name)s.", name=found) if found else ""


def keep_files(pay: Pay, tx: Transaction, account: Account, answer_id: str, files: Sequence[EvidenceFile]) -> None:
    """Write the files of an answer down, sealed."""
    for position, file in enumerate(files):
        text = json.dumps([file.name, base64.b64encode(file.content).decode()])
        sealed = pay.cipher.encrypt(text, scope=payer_scope(account.id))
        row = {"answer_id": answer_id, "position": position, "sealed": sealed, "created_at": pay.clock.now()}
        tx.connection.execute(insert(dispute_files).values(row))


def files_of(pay: Pay, account: Account, answer: DisputeAnswer) -> list[EvidenceFile]:
    """Return the files of an answer; none where they were let go of, long after the dispute was decided."""
    with pay.reading() as tx:
        found = list_files(tx.connection, answer.id)
    opened = (json.loads(pay.cipher.decrypt(sealed, scope=payer_scope(account.id))) for sealed in found)
    return [EvidenceFile(name, base64.b64decode(content)) for name, content in opened]


def words_of(pay: Pay, account: Account, answer: DisputeAnswer) -> str:
    """Return what was written as evidence; nothing where the dispute was accepted."""
    return pay.cipher.decrypt(answer.words_sealed, scope=payer_scope(account.id)) if answer.words_sealed else ""


def answer_paper(pay: Pay, account: Account, dispute: Dispute, answer: DisputeAnswer) -> bytes:
    """Return an answer as the document that is handed in."""
    files = files_of(pay, account, answer)
    with pay.reading() as tx:
        payment = find_payment(tx.connection, pay.cipher, dispute.payment_id)
    if payment is None:
        raise LookupError("no such payment")
    with speaking(account.language):
        values = _values(pay, account, dispute, answer, payment) | {"files": [file.name for file in files]}
        letter = print_layout("dispute", values, at=answer.created_at)
    return joined(letter, files)


def _values(pay: Pay, account: Account, dispute: Dispute, answer: DisputeAnswer, payment: Payment) -> dict[str, object]:
    is_accepted = answer.kind is AnswerKind.ACCEPT
    facts = [
        (gettext("Dispute"), dispute.provider_id),
        (gettext("Provider"), dispute.gateway),
        (gettext("Number at the provider"), payment.provider_id or ""),
        (gettext("Paid to"), account.service_name),
        (gettext("Payment for"), payment.description),
        (gettext("Reference"), payment.reference),
        (gettext("When"), moment(payment.captured_at or payment.created_at)),
    ]
    if dispute.evidence_due_at:
        facts.append((gettext("Answer until"), moment(dispute.evidence_due_at)))
    refused = gettext("The office does not accept this dispute, for these reasons:")
    return {
        "language": account.language,
        "title": gettext("Answer to a dispute"),
        "operator": pay.settings.operator_name,
        "amount_label": gettext("Disputed amount"),
        "amount": money(dispute.amount_minor, payment.currency),
        "facts": [fact for fact in facts if fact[1]],
        "answer": gettext("The office accepts this dispute.") if is_accepted else refused,
        "words": words_of(pay, account, answer).split("\n"),
        "files_label": gettext("Papers behind this letter"),
        "written": gettext("Written on %(when)s", when=moment(answer.created_at)),
    }
