"""PKCE, one-time passwords, subjects, claims and assertions, as pure functions."""

from uuid import UUID

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.errors import InvalidClient, InvalidGrant, OAuthInvalidRequest
from identity.standards import acr, rfc6238, rfc6749, rfc7523, rfc7636
from identity.standards.oidc_claims import Facts, claims_for
from identity.standards.oidc_core import at_hash
from identity.standards.pairwise import PairwiseKey, pairwise_sub
from shared.run import Run


@pytest.mark.rule("identity", "PK-1", "PK-4")
def test_rfc7636_appendix_b() -> None:
    assert rfc7636.s256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.rule("identity", "PK-1", "PK-4", "PK-5")
@given(st.text(max_size=140))
def test_only_the_verifier_of_the_challenge_passes(verifier: str) -> None:
    challenge = rfc7636.s256("v" * 43)
    with pytest.raises(InvalidGrant):
        rfc7636.check_verifier(challenge, verifier)
    with pytest.raises(InvalidGrant):
        rfc7636.check_verifier(None, verifier)


RFC6238_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.mark.parametrize(("now", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037")])
def test_rfc6238_appendix_b(now: int, code: str) -> None:
    """The vectors have eight digits; ours are their last six."""
    step = now // 30
    assert rfc6238.accepted_step(RFC6238_SECRET, code, now=now, last_step=None) == step
    assert rfc6238.accepted_step(RFC6238_SECRET, f" {code[:3]} {code[3:]}", now=now, last_step=step - 1) == step
    assert rfc6238.accepted_step(RFC6238_SECRET, code, now=now, last_step=step) is None


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_one_step_before_and_after_is_taken(steps: int, taken: bool) -> None:
    now = 1_780_000_000
    code = pyotp.TOTP(RFC6238_SECRET).at(now + 30 * steps)
    assert (rfc6238.accepted_step(RFC6238_SECRET, code, now=now, last_step=None) is not None) is taken


@pytest.mark.rule("identity", "ID-2")
def test_subjects_of_two_sectors_or_persons_differ() -> None:
    key = PairwiseKey("1", bytes(32))
    one, other = UUID(int=1), UUID(int=2)
    subjects = {pairwise_sub(key, sector, person) for sector in ("a", "b", "a|") for person in (one, other)}
    assert len(subjects) == 6
    assert {len(subject) for subject in subjects} == {43}
    assert pairwise_sub(key, "a", one) == pairwise_sub(key, "a", one)


@pytest.mark.rule("identity", "ID-1")
def test_at_hash_of_openid_connect_core_a3() -> None:
    assert at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y") == "77QmUPtjPfzWtF2AnpK9RQ"


@pytest.mark.rule("identity", "UI-4", "CU-31")
def test_claims_have_no_nulls_and_only_what_scopes_give() -> None:
    facts = Facts(Run(44444444, "4"), ("Kevin",), ("Tapia",))
    every = ("openid", "profile", "name", "email", "phone", "run", "roles")
    for profile in ("standard", "clave_unica"):
        claims = claims_for("s", facts, every, profile)
        assert not {None, ""} & {value for value in claims.values() if isinstance(value, str | None)}
        assert not {"email", "phone_number", "email_verified"} & claims.keys()
        assert claims_for("s", facts, ("openid",), profile) == {"sub": "s"}
    assert claims_for("s", facts, ("openid", "name"), "clave_unica")["name"] == {"nombres": ["Kevin"], "apellidos": ["Tapia"]}


@pytest.mark.rule("identity", "AZ-16")
def test_levels() -> None:
    assert acr.acr_of(["pwd"]) == acr.ONE_FACTOR
    assert acr.acr_of(["pwd", "otp"]) == acr.TWO_FACTORS
    assert acr.satisfies(acr.TWO_FACTORS, acr.ONE_FACTOR)
    assert not acr.satisfies(acr.ONE_FACTOR, acr.TWO_FACTORS)
    assert not acr.satisfies(acr.TWO_FACTORS, "unknown")
    assert acr.wanted_level(["unknown", acr.ONE_FACTOR, acr.TWO_FACTORS]) == acr.ONE_FACTOR
    assert acr.wanted_level(["unknown"]) is None
    assert acr.acr_of(["pwd", "sms"]) == acr.TWO_FACTORS
    assert acr.acr_of(["swk", "user"]) == acr.acr_of(["pwd", "hwk", "user"]) == acr.PHISHING_RESISTANT
    assert acr.acr_of(["swk"]) == acr.ONE_FACTOR


@pytest.mark.rule("identity", "CA-4", "CA-5")
@given(
    st.dictionaries(
        st.sampled_from(["iss", "sub", "aud", "exp", "iat", "nbf", "jti"]), st.none() | st.integers() | st.text() | st.lists(st.text())
    )
)
def test_no_made_up_assertion_passes(claims: dict[str, object]) -> None:
    with pytest.raises(InvalidClient):
        rfc7523.check_assertion(claims, client_id="c" * 20, accepted=("issuer",), one_string=True, now=1_780_000_000)


@pytest.mark.rule("identity", "HT-1", "HT-2")
@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader_of_forms(raw: bytes) -> None:
    try:
        parameters = rfc6749.read_parameters(rfc6749.decode_form(raw))
    except OAuthInvalidRequest:
        return
    assert all(parameters.one.values())
    assert not any("\x00" in value for value in parameters.one.values())


@pytest.mark.rule("identity", "HT-5")
@given(st.text())
def test_descriptions_are_plain(text: str) -> None:
    plain = rfc6749.plain_description(text)
    assert plain.isascii()
    assert not set('"\\\r\n\t') & set(plain)
