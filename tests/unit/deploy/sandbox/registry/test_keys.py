import threading

import httpx
import pytest
from joserfc.jwk import ECKey, KeySet

from deploy.sandbox.registry.keys import KeysUnavailable, PublishedKeys
from shared.clock import FixedClock

KEY = ECKey.generate_key("P-256", {"kid": "k1"}, private=True)


class Wallet:
    """A wallet that publishes one key after being away so many times."""

    def __init__(self, away: int = 0) -> None:
        self.away = away
        self.asked = 0
        self.published = threading.Event()

    def __call__(self, _request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.asked <= self.away:
            raise httpx.ConnectError("not there yet")
        self.published.set()
        return httpx.Response(200, json=KeySet([KEY]).as_dict(private=False))


def keys_of(wallet: Wallet, clock: FixedClock) -> PublishedKeys:
    return PublishedKeys("http://wallet/jwks", client=httpx.Client(transport=httpx.MockTransport(wallet)), now=clock.now)


def test_keys_are_there_before_the_first_call_once_the_wallet_answers(clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.sandbox.registry.keys.UNTIL_THERE_SECONDS", 0.001)
    wallet, stop = Wallet(away=2), threading.Event()
    keys = keys_of(wallet, clock)
    thread = threading.Thread(target=keys.keep_fresh, args=(stop,))
    thread.start()
    assert wallet.published.wait(10)
    stop.set()
    thread.join(10)
    assert wallet.asked == 3
    assert keys(False).keys[0].kid == "k1"
    assert wallet.asked == 3


def test_old_keys_serve_without_asking_the_wallet(clock: FixedClock) -> None:
    wallet = Wallet()
    keys = keys_of(wallet, clock)
    keys(False)
    clock.advance(seconds=3600)
    keys(False)
    assert wallet.asked == 1


def test_missing_key_is_asked_for_but_not_at_every_call(clock: FixedClock) -> None:
    wallet = Wallet()
    keys = keys_of(wallet, clock)
    keys(False)
    for _ in range(5):
        keys(True)
    assert wallet.asked == 1
    clock.advance(seconds=3)
    keys(True)
    assert wallet.asked == 2


def test_no_keys_at_all_is_said(clock: FixedClock) -> None:
    with pytest.raises(KeysUnavailable):
        keys_of(Wallet(away=99), clock)(False)
