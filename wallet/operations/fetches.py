"""One fetch at a register: by what authority it is made, and what leaves the gate of its answer.  Spec: wallet contract §8.1."""

from dataclasses import dataclass
from uuid import UUID

import structlog

from shared.problems import Problem
from wallet.context import Wallet
from wallet.errors import ProviderError, ProviderSchema, ProviderTimeout
from wallet.operations.callers import Body
from wallet.operations.gate import ExchangeAsk, Passed
from wallet.operations.keys import signing_key
from wallet.operations.tokens import mint_for_gate
from wallet.providers.base import Order, Record, RegisterFailed, RegisterLater, RegisterMalformed, RegisterTimeout
from wallet.standards.answers import NotAsDeclared, released
from wallet.standards.canonical import Json
from wallet.standards.dpop import make_proof
from wallet.standards.evidence import evidence
from wallet.standards.questions import UNKNOWN, Result

log = structlog.get_logger("andamio.wallet.fetches")
Values = dict[str, str | int | float | bool | None]


@dataclass(frozen=True)
class Answer:
    """What the gate answers; `data` None when the person is not in the register, `result` alone where yes or no was asked."""

    txn: UUID
    dataset_id: str
    data: Values | None
    as_of: str
    source: str
    retention: str
    log_entry_id: str
    evidence: str
    result: Result | None = None


def order_of(wallet: Wallet, passed: Passed, ask: ExchangeAsk, body: Body, txn: UUID) -> Order:
    """Return the fetch of one person's data, with its token and proof."""
    org_id, client_id = body.organisation.org_id, body.client.client_id
    token = mint_for_gate(wallet, passed, ask, org_id=org_id, client_id=client_id, txn=str(txn))
    endpoint, now = passed.matter.dataset.endpoint, int(wallet.clock.now().timestamp())
    proof = make_proof(wallet.gate_key, method="POST", url=endpoint, jti=wallet.ids.token(16), now=now, token=token)
    return Order(endpoint=endpoint, token=token, proof=proof, run=ask.run, fields=ask.fields, txn=str(txn))


def fetch_data(wallet: Wallet, order: Order, passed: Passed, approved: Record | None = None) -> tuple[Record, Values | None]:
    """Ask the register, hold its answer against the declaration, and drop what was not asked; None where the person is not in it.

    `approved` is what the person let go before, and is not asked for again.
    Raises: ProviderError, ProviderTimeout, ProviderSchema, RegisterLater.
    """
    kinds = {name: field.kind for name, field in passed.matter.fields.items()}
    try:
        record = approved or wallet.register.fetch(order, kinds)
        return record, None if record.values is None else released(record.values, kinds)
    except RegisterLater:
        raise
    except RegisterFailed as error:
        log.warning("a register gave no answer that can be used", dataset=passed.matter.dataset.dataset_id, txn=order.txn, fault=str(error))
        raise _provider_problem(error) from None
    except NotAsDeclared:
        raise ProviderSchema("The answer does not fit the dataset's declaration.") from None


def _provider_problem(error: RegisterFailed) -> Problem:
    if isinstance(error, RegisterTimeout):
        return ProviderTimeout("It did not answer in time. Repeat with the same request_id.")
    if isinstance(error, RegisterMalformed):
        return ProviderSchema("Its answer is not of the agreed form.")
    return ProviderError("It did not answer as agreed. Repeat with the same request_id.")


def answer_of(
    wallet: Wallet,
    passed: Passed,
    record: Record,
    data: Values | None,
    *,
    txn: UUID,
    entry_id: str,
    request: Json,
    result: Result | None = None,
) -> Answer:
    """Return what leaves the gate, with the evidence by which the case file proves it; where yes or no was asked, no value is in it."""
    data = data if result is None else None
    as_of = record.as_of if result != UNKNOWN else ""  # else it would tell that the person is in the register
    dataset, issued_at = passed.matter.dataset, wallet.clock.now()
    proof = evidence(
        issuer=wallet.settings.public_url,
        txn=str(txn),
        request=request,
        response=data if result is None else result,
        dataset_id=dataset.dataset_id,
        provider=dataset.org_id,
        as_of=as_of,
        issued_at=issued_at,
        key=signing_key(wallet, "evidence"),
    )
    retention = str(passed.agreement.retention.get("duration", "P0D"))
    return Answer(txn, dataset.dataset_id, data, as_of, dataset.org_id, retention, entry_id, proof, result)
