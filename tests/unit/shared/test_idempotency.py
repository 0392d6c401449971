from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from shared.context import Context
from shared.idempotency import IdempotencyConflict, Stored, claim, forget_before


def ask(context: Context, key: str, fingerprint: str = "f", **result: object) -> Stored | None:
    with context.transaction() as tx:
        return claim(tx.connection, scope="toy", key=key, fingerprint=fingerprint, result=dict(result), now=context.clock.now())


def test_first_request_is_done_and_the_second_finds_it(context: Context) -> None:
    assert ask(context, "k", id="1") is None
    assert ask(context, "k", id="2") == Stored({"id": "1"})


def test_other_request_under_the_same_key_is_refused(context: Context) -> None:
    ask(context, "k", "one")
    with pytest.raises(IdempotencyConflict):
        ask(context, "k", "two")


def test_request_that_failed_leaves_its_key_free(context: Context) -> None:
    with pytest.raises(ZeroDivisionError), context.transaction() as tx:
        claim(tx.connection, scope="toy", key="k", fingerprint="f", result={}, now=context.clock.now())
        raise ZeroDivisionError
    assert ask(context, "k", id="2") is None


def test_fifty_at_once_are_one(context: Context) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: ask(context, "k", id=str(number)), range(50)))
    assert sum(answer is None for answer in answers) == 1
    assert len({str(answer.result["id"]) for answer in answers if answer}) == 1


def test_old_keys_are_forgotten(context: Context) -> None:
    ask(context, "k", id="1")
    with context.transaction() as tx:
        assert forget_before(tx, context.clock.now()) == 0
        assert forget_before(tx, context.clock.now() + timedelta(seconds=1)) == 1
