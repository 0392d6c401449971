"""Several providers for one channel: shares, breaker, fail-over, caps."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.providers.base import ProviderError, ProviderRefused, ProviderUnavailable, RecipientRefused, Text
from notify.providers.limits import Limits
from notify.providers.memory import MemorySms
from notify.providers.routing import OPEN_AFTER_FAILURES, OPEN_SECONDS, Breaker, Route, Router, Stays
from notify.standards.provider_list import read_providers
from notify.standards.smpp_receipt import read_receipt
from notify.standards.sms_parts import GSM_7BIT, split
from notify.standards.sms_text import fragments, prepare
from notify.standards.statuses import Status
from shared.clock import FixedClock


def a_text(number: int = 1, sender: str = "COLEGIO") -> Text:
    return Text(f"0190a7c0-0000-7000-8000-{number:012}", "56912345678", sender, "Hola")


def routes(clock: FixedClock, **weights: int) -> dict[str, Route[Text]]:
    return {name: Route(name, MemorySms(name), Breaker(clock), weight) for name, weight in weights.items()}


def fail(route: Route[Text], *faults: ProviderError) -> None:
    route.provider.faults.extend(faults)  # type: ignore[attr-defined]  # the one in memory


def test_shares_follow_the_weights_and_a_message_always_goes_the_same_way(clock: FixedClock) -> None:
    known = routes(clock, uno=3, dos=1)
    router = Router(list(known.values()))
    went = Counter(router.send(a_text(number)).provider for number in range(2000))
    assert 1400 < went["uno"] < 1600
    assert all(router.send(a_text(number)).provider == router.order(a_text(number).reference)[0].name for number in range(20))


def test_another_takes_it_when_the_first_says_not_now(clock: FixedClock) -> None:
    known = routes(clock, uno=1, dos=1)
    router = Router(list(known.values()))
    first, second = router.order(a_text().reference)
    fail(first, ProviderUnavailable("503"))
    assert router.send(a_text()).provider == second.name


def test_nobody_else_gets_what_the_first_may_have_taken(clock: FixedClock) -> None:
    known = routes(clock, uno=1, dos=1)
    router = Router(list(known.values()))
    first, second = router.order(a_text().reference)
    fail(first, ProviderUnavailable("timeout", may_have_taken=True))
    with pytest.raises(ProviderUnavailable):
        router.send(a_text())
    assert second.provider.calls == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("fault", [RecipientRefused("422"), ProviderRefused("400")])
def test_a_no_is_a_no(clock: FixedClock, fault: ProviderError) -> None:
    known = routes(clock, uno=1, dos=1)
    router = Router(list(known.values()))
    fail(router.order(a_text().reference)[0], fault)
    with pytest.raises(type(fault)):
        router.send(a_text())


def test_a_provider_that_fails_is_left_alone_and_then_tried_by_one_message(clock: FixedClock) -> None:
    (route,) = routes(clock, uno=1).values()
    router = Router([route])
    fail(route, *[ProviderUnavailable("503")] * (OPEN_AFTER_FAILURES + 1))
    for _ in range(OPEN_AFTER_FAILURES):
        with pytest.raises(ProviderUnavailable):
            router.send(a_text())
    asked = route.provider.calls  # type: ignore[attr-defined]
    with pytest.raises(ProviderUnavailable) as closed:
        router.send(a_text())
    assert route.provider.calls == asked  # type: ignore[attr-defined]
    assert closed.value.retry_after_seconds == OPEN_SECONDS
    clock.advance(seconds=OPEN_SECONDS)
    with pytest.raises(ProviderUnavailable):
        router.send(a_text())
    assert route.provider.calls == asked + 1  # type: ignore[attr-defined]
    clock.advance(seconds=OPEN_SECONDS)
    with pytest.raises(ProviderUnavailable):  # the second time it stays open twice as long
        router.send(a_text())
    assert route.provider.calls == asked + 1  # type: ignore[attr-defined]
    clock.advance(seconds=OPEN_SECONDS)
    assert router.send(a_text()).provider == "uno"
    assert router.send(a_text()).provider == "uno"


@pytest.mark.rule("notify", "§19")
def test_what_stays_is_never_given_to_another(clock: FixedClock) -> None:
    """A letter that its printer took, and answered too late for, is not printed by the next when the breaker opens."""
    offered: dict[str, str] = {}
    weights: dict[str, int] = {}
    known = routes(clock, uno=1, dos=1)
    stays = Stays[Text](lambda text: offered.get(text.reference), lambda text, name: offered.update({text.reference: name}))
    router = Router(list(known.values()), weights=lambda: weights, stays=stays)
    first, second = router.order(a_text().reference)
    fail(first, *[ProviderUnavailable("timeout", may_have_taken=True)] * OPEN_AFTER_FAILURES)
    for _ in range(OPEN_AFTER_FAILURES + 1):
        with pytest.raises(ProviderUnavailable):
            router.send(a_text())
    assert second.provider.calls == 0  # type: ignore[attr-defined]
    fresh = next(number for number in range(2, 50) if router.order(a_text(number).reference)[0] is first)
    assert router.send(a_text(fresh)).provider == second.name  # nobody was offered this one yet
    weights = {second.name: 1000, first.name: 1}
    clock.advance(seconds=OPEN_SECONDS)
    assert router.send(a_text()).provider == first.name
    weights = {first.name: 0}
    assert router.send(a_text()).provider == second.name  # the operator's word: that one will not answer any more
    weights = {second.name: 0}
    second.for_good = True
    assert router.send(a_text()).provider == second.name


def test_who_is_behind_comes_last(clock: FixedClock) -> None:
    known = routes(clock, uno=1000, dos=1)
    router = Router(list(known.values()), last=lambda: {"uno"})
    assert {router.send(a_text(number)).provider for number in range(20)} == {"dos"}
    fail(known["dos"], ProviderUnavailable("down"))
    assert router.send(a_text()).provider == "uno"


def test_an_operator_pauses_a_provider(clock: FixedClock) -> None:
    known = routes(clock, uno=1, dos=1)
    router = Router(list(known.values()), weights=lambda: {"uno": 0})
    assert {router.send(a_text(number)).provider for number in range(50)} == {"dos"}
    everything_paused = Router(list(known.values()), weights=lambda: {"uno": 0, "dos": 0})
    with pytest.raises(ProviderUnavailable):
        everything_paused.send(a_text())


def test_a_sender_over_its_cap_goes_another_way_or_waits(clock: FixedClock, redis_url: str) -> None:
    from redis import Redis

    with Redis.from_url(redis_url) as redis:
        limits = Limits(redis)
        route = Route("uno", MemorySms("uno"), Breaker(clock), per_minute=2)
        router: Router[Text] = Router(
            [route],
            sender_of=lambda text: text.sender,
            within_cap=lambda name, sender, most: limits.within_cap(name, sender, most, clock.now()),
        )
        for number in range(2):
            router.send(a_text(number))
        with pytest.raises(ProviderUnavailable) as capped:
            router.send(a_text(3))
        assert (capped.value.retry_after_seconds, capped.value.is_held_back) == (60, True)
        assert router.send(a_text(4, sender="OTRO")).provider == "uno"
        clock.advance(seconds=60)
        assert router.send(a_text(5)).provider == "uno"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("nonsense", "must be a JSON list"),
        ("[]", "at least one"),
        ('[{"name": "uno", "kind": "fax"}]', "must have a kind"),
        ('[{"name": "uno", "kind": "http"}]', "lacks url"),
        ('[{"name": "uno", "kind": "http", "url": "x", "port": 1}]', "has port"),
        ('[{"name": "uno", "kind": "http", "url": "x", "weight": -1}]', "weight of provider 1"),
        ('[{"name": "uno", "kind": "http", "url": "x", "weight": true}]', "weight of provider 1"),
        ('[{"name": "", "kind": "http", "url": "x"}]', "name of provider 1"),
        (json.dumps([{"name": "uno", "kind": "http", "url": "x", "token": "s3cret"}] * 2), "same name"),
    ],
)
def test_faults_of_the_setting_are_told_without_its_secrets(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault) as refused:
        read_providers(text)
    assert "s3cret" not in str(refused.value)


@given(st.text(alphabet="abc ñé€[]^áíŵ\n", min_size=1, max_size=900), st.integers(0, 2**64))
def test_parts_hold_the_whole_text_and_cut_no_character(text: str, reference: int) -> None:
    body = prepare(text)
    parts = split(body, reference)
    assert len(parts.bodies) - fragments(body) in {0, 1}
    joined = b"".join(part[6:] if parts.has_header else part for part in parts.bodies)
    assert all(len(part) <= (160 if parts.coding == GSM_7BIT else 140) for part in parts.bodies)
    if parts.coding == GSM_7BIT:
        assert all(not part.endswith(b"\x1b") for part in parts.bodies)
    else:
        assert joined.decode("utf-16-be") == body


@pytest.mark.parametrize(
    ("short", "more", "found"),
    [
        (b"id:7 sub:001 dlvrd:001 submit date:1 done date:2 stat:DELIVRD err:000", {}, ("7", Status.DELIVERED)),
        (b"id:7 stat:undeliv", {}, ("7", Status.PERMANENT_FAILURE)),
        (b"id:7 stat:EXPIRED", {}, ("7", Status.TEMPORARY_FAILURE)),
        (b"", {"message_id": "8", "state": 2}, ("8", Status.DELIVERED)),
        (b"id:7 stat:DELIVRD", {"message_id": "8", "state": 5}, ("8", Status.PERMANENT_FAILURE)),
        (b"id:7 stat:WHAT", {}, None),
        (b"Hola", {}, None),
        (b"", {"state": 2}, None),
    ],
)
def test_receipts_of_an_smsc(short: bytes, more: dict[str, object], found: tuple[str, Status] | None) -> None:
    assert read_receipt(short, **more) == found  # type: ignore[arg-type]  # the names are the function's own
