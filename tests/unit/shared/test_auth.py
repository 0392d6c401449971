import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

from shared.auth import CannotGetToken, InvalidToken, KeysUnavailable, RemoteKeys, TokenSource, TokenVerifier
from shared.clock import FixedClock
from shared.context import Context
from shared.http import OutboundFailed, OutboundTimeout, Reply
from shared.ids import SeededIds
from shared.settings import Secret

ISSUER, AUDIENCE = "https://id.example/openid", "https://pay.example"
KEY = ECKey.generate_key("P-256", {"kid": "k1"}, private=True)
OTHER = ECKey.generate_key("P-256", {"kid": "k1"}, private=True)


class Issuer:
    """An identity provider at the other end of `http`: answers with its documents, or is away."""

    def __init__(self, *keys: ECKey) -> None:
        self.keys = list(keys)
        self.away = False
        self.calls: list[str] = []
        self.token_reply = Reply(200, {}, json.dumps({"access_token": "t1", "expires_in": 300}).encode())
        self.forms: list[dict[str, str]] = []
        self.issuer = ISSUER

    def request(self, method: str, url: str, **options: Any) -> Reply:
        self.calls.append(url)
        if self.away:
            raise OutboundFailed("no connection", sent=False)
        if url.endswith("openid-configuration"):
            return Reply(200, {}, json.dumps({"issuer": self.issuer, "jwks_uri": ISSUER + "/jwks"}).encode())
        if url.endswith("/token"):
            self.forms.append(options["data"])
            return self.token_reply
        return Reply(200, {}, json.dumps({"keys": [key.as_dict(private=False) for key in self.keys]}).encode())


class OneKey:
    def find(self, kid: str) -> KeySet:
        return KeySet([KEY])


def token(clock: FixedClock, key: ECKey = KEY, header: dict[str, Any] | None = None, **changes: object) -> str:
    now = int(clock.now().timestamp())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "client",
        "client_id": "client",
        "scope": "pay:read pay:write",
        "iat": now,
        "exp": now + 300,
    }
    merged = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode({"alg": "ES256", "kid": "k1", "typ": "at+jwt", **(header or {})}, merged, key, algorithms=["ES256"])


@pytest.fixture
def verifier(clock: FixedClock) -> TokenVerifier:
    return TokenVerifier(OneKey(), clock, issuer=ISSUER, audience=AUDIENCE)


@pytest.mark.parametrize("repeat", [1, 2])
def test_good_token_tells_who_calls(verifier: TokenVerifier, clock: FixedClock, repeat: int) -> None:
    for _ in range(repeat):  # the second time from memory
        caller = verifier.verify(token(clock))
        assert (caller.client_id, caller.subject, caller.scopes) == ("client", "client", {"pay:read", "pay:write"})


def test_audience_may_be_one_of_several(verifier: TokenVerifier, clock: FixedClock) -> None:
    assert verifier.verify(token(clock, aud=["https://x.example", AUDIENCE]))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "https://notify.example"},
        {"aud": None},
        {"aud": []},
        {"exp": 1},
        {"exp": None},
        {"exp": "2099"},
        {"iat": 99999999999},
        {"iat": None},
        {"sub": None},
        {"sub": 5},
    ],
)
def test_wrong_claim_is_refused(verifier: TokenVerifier, clock: FixedClock, changes: dict[str, object]) -> None:
    with pytest.raises(InvalidToken):
        verifier.verify(token(clock, **changes))


@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"typ": "id_token"}, {"typ": ""}, {"kid": "unknown"}])
def test_wrong_header_is_refused(verifier: TokenVerifier, clock: FixedClock, header: dict[str, object]) -> None:
    with pytest.raises(InvalidToken):
        verifier.verify(token(clock, header=header))


def test_signature_of_another_key_is_refused(verifier: TokenVerifier, clock: FixedClock) -> None:
    with pytest.raises(InvalidToken, match="signature"):
        verifier.verify(token(clock, key=OTHER))


def test_hmac_and_none_are_refused(verifier: TokenVerifier, clock: FixedClock) -> None:
    claims = jwt.decode(token(clock), KEY, algorithms=["ES256"]).claims
    hmac = jwt.encode({"alg": "HS256", "typ": "at+jwt", "kid": "k1"}, claims, OctKey.import_key("x" * 32), algorithms=["HS256"])
    head, body, _ = hmac.split(".")
    import base64

    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt","kid":"k1"}').rstrip(b"=").decode()
    for text in (hmac, f"{none}.{body}.", f"{head}.{body}."):
        with pytest.raises(InvalidToken):
            verifier.verify(text)


@pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c", "é.é.é", "x" * 20_000, "..", "e30.e30.e30"])
def test_what_is_no_token_is_refused(verifier: TokenVerifier, text: str) -> None:
    with pytest.raises(InvalidToken):
        verifier.verify(text)


def test_remembered_token_still_expires(verifier: TokenVerifier, clock: FixedClock) -> None:
    text = token(clock)
    verifier.verify(text)
    clock.advance(seconds=331)
    with pytest.raises(InvalidToken, match="expired"):
        verifier.verify(text)


def remote(issuer: Issuer, context: Context) -> RemoteKeys:
    return RemoteKeys(issuer, context.clock, context.db, issuer=ISSUER)  # type: ignore[arg-type]


def test_keys_are_fetched_once_and_kept(context: Context) -> None:
    issuer = Issuer(KEY)
    keys = remote(issuer, context)
    for _ in range(5):
        keys.find("k1")
    assert len(issuer.calls) == 2


def test_new_key_is_found_without_a_restart(context: Context, clock: FixedClock) -> None:
    issuer = Issuer(KEY)
    keys = remote(issuer, context)
    keys.find("k1")
    issuer.keys.append(ECKey.generate_key("P-256", {"kid": "k2"}, private=True))
    clock.advance(seconds=6)
    assert {key.kid for key in keys.find("k2").keys} == {"k1", "k2"}


def test_unknown_key_does_not_make_us_ask_again_and_again(context: Context, clock: FixedClock) -> None:
    issuer = Issuer(KEY)
    keys = remote(issuer, context)
    for _ in range(20):
        keys.find("made up")
        clock.advance(seconds=0.1)
    assert len(issuer.calls) == 2


@pytest.mark.rule("identity", "KY-4", "§2.24")
def test_what_a_key_signed_that_the_issuer_took_back_is_refused_also_from_memory(context: Context, clock: FixedClock) -> None:
    new = ECKey.generate_key("P-256", {"kid": "k2"}, private=True)
    issuer = Issuer(KEY)
    verifier = TokenVerifier(remote(issuer, context), clock, issuer=ISSUER, audience=AUDIENCE)
    stolen = token(clock)
    assert verifier.verify(stolen).client_id == "client"
    issuer.keys = [new]
    clock.advance(seconds=6)
    assert verifier.verify(stolen), "nobody has told this service yet"
    assert verifier.verify(token(clock, key=new, header={"kid": "k2"}))
    with pytest.raises(InvalidToken, match="not the issuer's any more"):
        verifier.verify(stolen)
    with pytest.raises(InvalidToken):
        verifier.verify(token(clock))
    issuer.keys = [KEY]
    clock.advance(seconds=14)
    assert verifier.verify(token(clock, key=new, header={"kid": "k2"})), "the answer is still fresh"
    clock.advance(seconds=1)
    with pytest.raises(InvalidToken):
        verifier.verify(token(clock, key=new, header={"kid": "k2"}))


def test_kept_keys_serve_while_the_issuer_is_away_even_after_a_restart(context: Context, clock: FixedClock) -> None:
    issuer = Issuer(KEY)
    remote(issuer, context).find("k1")
    issuer.away = True
    clock.advance(seconds=3600)
    assert remote(issuer, context).find("k1").keys[0].kid == "k1"


def test_kept_keys_are_not_used_for_ever(context: Context, clock: FixedClock) -> None:
    issuer = Issuer(KEY)
    remote(issuer, context).find("k1")
    issuer.away = True
    clock.advance(seconds=25 * 3600)
    with pytest.raises(KeysUnavailable):
        remote(issuer, context).find("k1")


def test_no_keys_at_all_is_said(context: Context) -> None:
    issuer = Issuer(KEY)
    issuer.away = True
    with pytest.raises(KeysUnavailable):
        remote(issuer, context).find("k1")


@pytest.fixture
def source(clock: FixedClock, ids: SeededIds) -> tuple[Issuer, TokenSource]:
    issuer = Issuer()
    secret = Secret(json.dumps(KEY.as_dict(private=True)))
    return issuer, TokenSource(issuer, clock, ids, issuer=ISSUER, client_id="pay", client_key=secret)  # type: ignore[arg-type]


def test_own_token_is_asked_for_with_an_assertion_and_kept(source: tuple[Issuer, TokenSource], clock: FixedClock) -> None:
    issuer, tokens = source
    assert tokens.token(AUDIENCE, "a:b") == tokens.token(AUDIENCE, "a:b") == "t1"
    (form,) = issuer.forms
    assertion = jwt.decode(form["client_assertion"], KEY, algorithms=["ES256"]).claims
    assert (assertion["iss"], assertion["aud"]) == ("pay", ISSUER)
    assert assertion["exp"] - assertion["iat"] == 60
    assert (form["resource"], form["scope"]) == (AUDIENCE, "a:b")
    clock.advance(seconds=280)
    tokens.token(AUDIENCE, "a:b")
    assert len(issuer.forms) == 2


@pytest.mark.parametrize(("status", "passing"), [(400, False), (401, False), (429, True), (503, True)])
def test_refused_own_token_says_whether_it_passes(source: tuple[Issuer, TokenSource], status: int, passing: bool) -> None:
    issuer, tokens = source
    issuer.token_reply = Reply(status, {}, b"{}")
    with pytest.raises(CannotGetToken) as caught:
        tokens.token(AUDIENCE, "a:b")
    assert caught.value.passing is passing


def test_issuer_that_is_silent_is_passing(source: tuple[Issuer, TokenSource], monkeypatch: pytest.MonkeyPatch) -> None:
    issuer, tokens = source

    def silent(*_args: object, **_options: object) -> Reply:
        raise OutboundTimeout("no answer in time")

    monkeypatch.setattr(issuer, "request", silent)
    with pytest.raises(CannotGetToken) as caught:
        tokens.token(AUDIENCE, "a:b")
    assert caught.value.passing


def test_metadata_that_name_another_issuer_give_no_keys(context: Context) -> None:
    issuer = Issuer(KEY)
    issuer.issuer = "https://elsewhere.example"
    with pytest.raises(KeysUnavailable):
        remote(issuer, context).find("k1")
