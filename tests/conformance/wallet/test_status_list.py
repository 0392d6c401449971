"""Token Status List: vectors, the reader's refusals, and the list of consents.  Spec: wallet contract §13; draft-ietf-oauth-status-list."""

import gzip
import json
import zlib

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from tests.factories.wallet import PROVIDER, PUBLIC_URL, World
from wallet.operations.consents import pause, resume, withdraw
from wallet.operations.status_lists import SIZE
from wallet.standards import signing, status_list
from wallet.standards.status_list import BadStatusList, Status, decode, encode, pack, read_list, status_at

ONE_BIT = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]
TWO_BITS = [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]
LONG = [0, 1993, 25460, 159495, 495669, 554353, 645645, 723232, 854545, 934534, 1000345]


@pytest.mark.rule("wallet", "TS1")
@pytest.mark.parametrize(
    ("bits", "statuses", "raw", "lst"),
    [(1, ONE_BIT, "b9a3", "eNrbuRgAAhcBXQ"), (2, TWO_BITS, "c944f9", "eNo76fITAAPfAgc")],
    ids=["one bit", "two bits"],
)
def test_vectors_both_ways(bits: int, statuses: list[int], raw: str, lst: str) -> None:
    packed = pack(dict(enumerate(statuses)), size=len(statuses), bits=bits)
    assert packed.hex() == raw
    assert decode(lst) == packed == decode(encode(packed))
    assert [status_at(packed, index, bits=bits) for index in range(len(statuses))] == statuses


@pytest.mark.rule("wallet", "TS2")
def test_the_long_vector() -> None:
    bits = 1
    packed = pack(dict.fromkeys(LONG, 1), size=1 << 20, bits=bits)
    assert [index for index in range(1 << 20) if packed[index >> 3] and status_at(packed, index, bits=bits)] == LONG
    assert len(encode(packed)) < 500


@pytest.mark.parametrize(("statuses", "size", "bits"), [({0: 4}, 8, 2), ({8: 1}, 8, 1), ({0: 1}, 8, 3), ({-1: 1}, 8, 1)])
def test_what_does_not_fit_is_not_packed(statuses: dict[int, int], size: int, bits: int) -> None:
    with pytest.raises(ValueError, match=r"fit|entry"):
        pack(statuses, size=size, bits=bits)


def signed(key: ECKey, **changes: object) -> str:
    payload = {"sub": "u", "iat": 100, "exp": 1000, "ttl": 60, "status_list": {"bits": 2, "lst": encode(bytes(4))}}
    typ = str(changes.pop("typ", status_list.TYP))
    return signing.sign({**payload, **changes}, key=key, typ=typ)


@pytest.mark.rule("wallet", "TS4")
@pytest.mark.parametrize(
    "change",
    [
        {"sub": "other"},
        {"typ": "JWT"},
        {"exp": 200},
        {"iat": 500},
        {"iat": "100"},
        {"ttl": 0},
        {"status_list": {"bits": 3, "lst": encode(bytes(4))}},
        {"status_list": {"bits": 2, "lst": "!!"}},
        {"status_list": {"bits": 2, "lst": encode(bytes(40_000_000))}},
        {"status_list": []},
    ],
    ids=["sub", "typ", "exp", "iat", "iat type", "ttl", "bits", "lst", "bomb", "list"],
)
def test_a_reader_believes_only_the_right_list(change: dict[str, object]) -> None:
    key = signing.new_key("k")
    assert read_list(signed(key), uri="u", keys={"k": key}, now=300).status(0) is Status.VALID
    with pytest.raises(BadStatusList):
        read_list(signed(key, **change), uri="u", keys={"k": key}, now=300)


@pytest.mark.rule("wallet", "TS4")
def test_an_index_out_of_range_and_an_unknown_value_are_refused() -> None:
    key = signing.new_key("k")
    with pytest.raises(BadStatusList):
        read_list(signed(key), uri="u", keys={"k": key}, now=300).status(16)
    three = {"bits": 2, "lst": encode(pack({0: 3}, size=4, bits=2))}
    with pytest.raises(BadStatusList):
        read_list(signed(key, status_list=three), uri="u", keys={"k": key}, now=300).status(0)
    with pytest.raises(BadStatusList):
        read_list(signed(signing.new_key("other")), uri="u", keys={"k": key}, now=300)
    with pytest.raises(BadStatusList):
        decode(encode(zlib.compress(bytes(100)))[:20])


# --- the list of consents -------------------------------------------------------------------------------------------------


def status_of(world: World, entry: dict[str, object]) -> Status:
    path = str(entry["uri"]).removeprefix(PUBLIC_URL)
    answer = world.app.test_client().get(path)
    keys = {key["kid"]: ECKey.import_key(key) for key in world.app.test_client().get("/.well-known/jwks.json").json["keys"]}
    found = read_list(answer.text, uri=str(entry["uri"]), keys=keys, now=int(world.clock.now().timestamp()) + 5)
    return found.status(int(str(entry["idx"])))


def entry_of(world: World, consent_id: str) -> dict[str, object]:
    world.fetch(world.exchange_body(consent_id))
    claims = json.loads(jws.extract_compact(world.register.orders[-1].token.encode()).payload)
    entry: dict[str, object] = claims["status"]["status_list"]
    return entry


@pytest.mark.rule("wallet", "TS8")
def test_a_change_is_in_the_next_list_and_its_time_grows(world: World) -> None:
    import uuid

    consent_id = world.granted()
    entry, person = entry_of(world, consent_id), world.presence()
    seen = [status_of(world, entry)]
    for change in (pause, resume, withdraw):
        change(world.wallet, person, uuid.UUID(consent_id))
        seen.append(status_of(world, entry))
    assert seen == [Status.VALID, Status.SUSPENDED, Status.VALID, Status.INVALID]


@pytest.mark.rule("wallet", "S1")
def test_the_clock_alone_makes_an_entry_invalid(world: World) -> None:
    entry = entry_of(world, world.granted())
    assert status_of(world, entry) is Status.VALID
    world.clock.advance(seconds=31 * 86_400)
    assert status_of(world, entry) is Status.INVALID


@pytest.mark.rule("wallet", "TS3")
def test_entries_are_drawn_at_random_and_never_twice(world: World) -> None:
    for _ in range(8):
        world.granted()
    drawn = [row[0] for row in world.run_sql("select status_idx from consents order by created_at, consent_id")]
    assert len(set(drawn)) == len(drawn)
    assert max(drawn) > SIZE // 8, "not the first of the list"
    assert drawn != sorted(drawn)
    assert world.run_sql("select size >= 131072, used from status_lists") == [(True, 8)]


@pytest.mark.rule("wallet", "TS5")
def test_how_a_list_is_served(world: World) -> None:
    world.granted()
    client = world.app.test_client()
    plain = client.get("/status/consents/1")
    assert plain.content_type == "application/statuslist+jwt"
    assert plain.headers["Access-Control-Allow-Origin"] == "*"
    assert "max-age=60" in plain.headers["Cache-Control"]
    packed = client.get("/status/consents/1", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.data) == plain.data
    assert client.get("/status/consents/1", headers={"If-None-Match": plain.headers["ETag"]}).status_code == 304
    assert client.get("/status/consents/1?time=1").status_code == 501
    assert client.get("/status/consents/99999999999999").status_code == 404


@pytest.mark.rule("wallet", "TS6", "TS7")
def test_lists_are_listed_and_signed_with_a_key_of_their_own(world: World) -> None:
    world.granted()
    client = world.app.test_client()
    assert client.get("/status/consents").json == {"status_lists": [f"{PUBLIC_URL}/status/consents/1"]}
    header = jws.extract_compact(client.get("/status/consents/1").data).headers()
    assert str(header["kid"]).startswith("sl-")
    assert header["kid"] in {key["kid"] for key in client.get("/.well-known/jwks.json").json["keys"]}


@pytest.mark.rule("wallet", "§5.3")
def test_states_are_told_to_those_whom_they_concern(world: World) -> None:
    consent_id = world.granted()
    ask = f"/consents/status?ids={consent_id},7f0c5c1e-0000-4000-8000-000000000001"
    client = world.app.test_client()
    assert client.get(ask, headers=world.bearer()).json == {"states": {consent_id: "active"}}
    assert client.get(ask, headers=world.bearer(PROVIDER, "wallet:provide")).json == {"states": {consent_id: "active"}}
    assert client.get(ask, headers=world.bearer("other-consumer")).json == {"states": {}}
    assert client.get("/consents/status?ids=x", headers=world.bearer()).status_code == 400
    many = ",".join([consent_id] * 501)
    assert client.get(f"/consents/status?ids={many}", headers=world.bearer()).status_code == 400
