"""Batches at the gate: up to a hundred persons a call, each an exchange of its own with its own rows in the log.  Spec: §8.3 X5."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.problems import Problem
from wallet.context import Wallet
from wallet.operations.exchange import ComesLater, exchange
from wallet.operations.fetches import Answer
from wallet.operations.gate import ExchangeAsk
from wallet.standards.canonical import Json, fingerprint

SECONDS_MAX = 20
"""No further person is begun after so long: what is left is asked again with the same id, and what is done is not done twice."""


@dataclass(frozen=True)
class Item:
    """One person of a batch, and her own body as an exchange by itself would have it."""

    ask: ExchangeAsk
    body: dict[str, Json]


@dataclass(frozen=True)
class Result:
    """What came of one person: an answer, a refusal, a register that answers later, or nothing where the time was over."""

    ask: ExchangeAsk
    answer: Answer | None = None
    problem: Problem | None = None
    later: ComesLater | None = None


def exchange_batch(wallet: Wallet, client_id: str, items: Sequence[Item]) -> list[Result]:
    """Run each item in its order; a refusal of one touches no other."""
    until = wallet.clock.now() + timedelta(seconds=SECONDS_MAX)
    return [_one(wallet, client_id, item) if wallet.clock.now() < until else Result(item.ask) for item in items]


def _one(wallet: Wallet, client_id: str, item: Item) -> Result:
    ask = replace(item.ask, body_sha256=fingerprint(item.body))
    try:
        return Result(ask, answer=exchange(wallet, client_id, ask, item.body))
    except ComesLater as later:
        return Result(ask, later=later)
    except Problem as problem:
        return Result(ask, problem=problem)
