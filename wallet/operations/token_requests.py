"""The token way: a recipient takes a consent token for one provider and calls it itself.  Spec: wallet contract §5.1, §8.1 A.

The attempt stands in the log before the token leaves, and the use is counted then: what came of it is reported by the provider.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from joserfc import jws
from joserfc.errors import JoseError
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.idempotency import claim
from shared.problems import Problem
from shared.run import InvalidRun, parse_run
from wallet.context import Wallet
from wallet.errors import ClientNotRegistered, TokenRequestRefused
from wallet.events import Outcome
from wallet.models.consent import find_consent
from wallet.models.dataset import find_dataset
from wallet.models.exchange import Exchange, ExchangeState
from wallet.models.organisation import find_client
from wallet.operations import coverage, gate
from wallet.operations.callers import Body, find_body, keys_of
from wallet.operations.consent_moves import Actor, count_use
from wallet.operations.gate import READ, ExchangeAsk, Passed
from wallet.operations.known import Known
from wallet.operations.log_entries import log_access, write_entry
from wallet.operations.rule_runs import FETCH, keep_refusal, keep_report
from wallet.operations.tokens import mint_for_client
from wallet.operations.visibility import Visibility, hide
from wallet.standards import dpop, signing
from wallet.standards.namespace import CONSENT_TYPE, LEGAL_ACCESS_TYPE
from wallet.standards.questions import QUERY

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GRANT_TYPES = ("client_credentials", JWT_BEARER)
ASSERTION_SECONDS_MAX = 300
ASSERTION_TYPS = (None, "JWT", "client-authentication+jwt")
SKEW_SECONDS = 30
CONSENT_MEMBERS = {"type", "identifier", "from"}
GROUND_MAX = 300
LEGAL_MEMBERS = {"type", "agreement_id", "dataset_id", "fields", "purpose", "procedure", "official", "subject", "visibility"}

Element = Mapping[str, Any]  # one element of authorization_details, as it was sent


@dataclass(frozen=True)
class Granted:
    """A token that was given, and what it lets its holder ask."""

    token: str
    expires_in: int
    detail: dict[str, object]


def give_token(wallet: Wallet, form: Mapping[str, str], *, proof: str | None, url: str) -> Granted:
    """Return a consent token bound to the caller's key.  Raises: TokenRequestRefused, and Problem for an engine that is away."""
    if form.get("grant_type") not in GRANT_TYPES:
        raise TokenRequestRefused("unsupported_grant_type", "Use client_credentials or the JWT bearer grant.")
    client_id = _authenticate(wallet, form, url)
    thumbprint = _prove(wallet, proof, client_id, url)
    element = _element(form.get("authorization_details", ""))
    with wallet.reading() as tx:
        try:
            body = find_body(tx.session, client_id, "consumer")
        except ClientNotRegistered as error:
            raise TokenRequestRefused("unauthorized_client", error.detail) from None
        ask = _read(wallet, tx.session, element, client_id)
    try:
        return _give(wallet, body, ask, thumbprint)
    except Problem as problem:
        _write_refusal(wallet, body, ask, problem)
        raise TokenRequestRefused("access_denied", f"{problem.slug}: {problem.detail}", status=403) from None


def _give(wallet: Wallet, body: Body, ask: ExchangeAsk, thumbprint: str) -> Granted:
    now, txn, jti = wallet.clock.now(), wallet.ids.uuid4(), wallet.ids.token(16)
    client_id = body.client.client_id
    with wallet.transaction() as tx:
        matter = coverage.find_matter(Known(wallet, tx.session), ask.dataset_id, ask.fields, ask.purpose_id)
        passed = gate.judge(wallet, tx.session, body, ask, matter, mine=None)
        row: dict[str, object] = {"client_id": client_id, "request_id": jti, "txn": txn, "body_sha256": "", "state": ExchangeState.MINTED}
        row |= {"agreement_id": passed.agreement.agreement_id, "consent_id": passed.consent.consent_id if passed.consent else None}
        tx.connection.execute(insert(Exchange).values(**row, counted=True, attempted_at=now, created_at=now))
        if passed.consent is not None:
            count_use(wallet, tx, passed.consent, actor=Actor(kind="recipient", id=f"client:{client_id}"), subject=ask.subject)
        if ask.visibility is not None:
            hide(tx, txn, body.organisation.org_id, ask.visibility, now)
        keep_report(tx, wallet.clock, passed.agreement, passed.verdict, FETCH)
        write_entry(tx, log_access(body, ask, txn, matter, passed), Outcome.ATTEMPT)
        return _mint(wallet, passed, ask, body, txn=txn, jti=jti, thumbprint=thumbprint)


def _mint(wallet: Wallet, passed: Passed, ask: ExchangeAsk, body: Body, *, txn: UUID, jti: str, thumbprint: str) -> Granted:
    token, detail = mint_for_client(wallet, passed, ask, body, txn=str(txn), jti=jti, thumbprint=thumbprint)
    return Granted(token, wallet.settings.consent_token_ttl_seconds, detail)


def _write_refusal(wallet: Wallet, body: Body, ask: ExchangeAsk, problem: Problem) -> None:
    with wallet.transaction() as tx:
        write_entry(tx, log_access(body, ask, wallet.ids.uuid4(), None, None), Outcome.DENIED, reason=problem.slug)
        keep_refusal(tx, wallet.clock, problem, FETCH)


# --- who asks -------------------------------------------------------------------------------------------------------------


def _authenticate(wallet: Wallet, form: Mapping[str, str], url: str) -> str:
    """Return the client whose key signed the assertion.  Raises: TokenRequestRefused.  Spec: RFC 7523 §3."""
    if form.get("client_assertion_type") != ASSERTION_TYPE or "client_assertion" not in form or "client_secret" in form:
        raise TokenRequestRefused("invalid_client", "Authenticate with private_key_jwt.", status=401)
    claimed, typ = _unverified(form["client_assertion"])
    with wallet.reading() as tx:
        found = find_client(tx.session, claimed)
    keys = keys_of(found[0]) if found else {}
    try:
        claims = signing.verify(form["client_assertion"], keys=keys, typ=typ)
    except signing.BadSignature:
        raise TokenRequestRefused("invalid_client", "The assertion is not of a registered key.", status=401) from None
    now = int(wallet.clock.now().timestamp())
    expires, audience = claims.get("exp"), claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    fits = claims.get("sub") == claims.get("iss") == claimed and {wallet.settings.public_url, url} & {str(one) for one in audiences}
    if not fits or type(expires) is not int or not now - SKEW_SECONDS < expires <= now + ASSERTION_SECONDS_MAX:
        raise TokenRequestRefused("invalid_client", "The assertion is for another server, or of another time.", status=401)
    _once(wallet, f"assertion:{claimed}", str(claims.get("jti", "")), "invalid_client")
    return claimed


def _unverified(assertion: str) -> tuple[str, str | None]:
    """Return who an assertion says it is of, and its type: the usual one, or none as the RFC allows."""
    try:
        read = jws.extract_compact(assertion.encode())
        typ = read.headers().get("typ")
        if typ not in ASSERTION_TYPS:
            raise ValueError("a token of another kind")
        return str(json.loads(read.payload)["iss"]), typ
    except (JoseError, ValueError, KeyError, TypeError):
        raise TokenRequestRefused("invalid_client", "The assertion cannot be read.", status=401) from None


def _prove(wallet: Wallet, proof: str | None, client_id: str, url: str) -> str:
    """Return the thumbprint of the key that the token will be bound to.  Raises: TokenRequestRefused."""
    if not proof:
        raise TokenRequestRefused("invalid_dpop_proof", "Send a DPoP proof: every consent token is bound to a key.")
    try:
        shown = dpop.check_proof(proof, method="POST", url=url, now=int(wallet.clock.now().timestamp()))
    except dpop.BadProof as error:
        raise TokenRequestRefused("invalid_dpop_proof", f"The proof does not hold: {error}.") from None
    _once(wallet, f"dpop:{client_id}", shown.jti, "invalid_dpop_proof")
    return shown.thumbprint


def _once(wallet: Wallet, scope: str, jti: str, error: str) -> None:
    if not jti or len(jti) > 200:
        raise TokenRequestRefused(error, "A `jti` of 1 to 200 characters is needed.", status=401)
    with wallet.db.begin() as connection:
        if claim(connection, scope=scope, key=jti, fingerprint="", result={}, now=wallet.clock.now()) is not None:
            raise TokenRequestRefused(error, "This `jti` was used before.", status=401)


# --- what for -------------------------------------------------------------------------------------------------------------


def _element(text: str) -> Element:
    """Return the one element of authorization_details.  Raises: TokenRequestRefused.  Spec: RFC 9396 §5."""
    try:
        details = json.loads(text)
    except ValueError:
        details = None
    if not isinstance(details, list) or len(details) != 1 or not isinstance(details[0], dict):
        raise _bad_details("Send exactly one element.")
    element: Element = details[0]
    members = {CONSENT_TYPE: CONSENT_MEMBERS, LEGAL_ACCESS_TYPE: LEGAL_MEMBERS}.get(str(element.get("type")))
    if members is None or element.keys() - members:
        raise _bad_details("The type is unknown, or has a member that it does not know.")
    return element


def _read(wallet: Wallet, session: Session, element: Element, client_id: str) -> ExchangeAsk:
    """Return what the gate judges.  Raises: TokenRequestRefused."""
    return _by_consent(wallet, session, element, client_id) if element["type"] == CONSENT_TYPE else _by_law(session, element)


def _by_consent(wallet: Wallet, session: Session, element: Element, client_id: str) -> ExchangeAsk:
    try:
        consent = find_consent(session, UUID(str(element.get("identifier"))))
        scheme, run = _subject(element.get("from"))
    except ValueError:
        raise _bad_details("`identifier` is the consent's number, `from` the person.") from None
    subject = f"{scheme}:{run}"
    # A consent of another body or person looks like none; with what it was for, the gate would tell them apart.
    if consent is None or consent.client_id != client_id or consent.subject_index != wallet.subject_index(subject):
        raise TokenRequestRefused("invalid_grant", "consent_mismatch: no consent with this number fits this body and this person.")
    return ExchangeAsk(
        request_id="",
        run=run,
        scheme=scheme,
        dataset_id=consent.dataset_id,
        fields=tuple(consent.granted_fields),
        purpose_id=consent.purpose_id,
        by_law=False,
        consent_id=consent.consent_id,
        law_reference=None,
        agreement_id=None,
        procedure_code=consent.procedure_code,
        case_id=None,
        official_id=None,
        official_unit=None,
        body_sha256="",
        action=QUERY if consent.mode == QUERY else READ,
    )


def _by_law(session: Session, element: Element) -> ExchangeAsk:
    fields, procedure, official = element.get("fields"), element.get("procedure"), element.get("official")
    texts = [element.get(name) for name in ("agreement_id", "dataset_id", "purpose")]
    try:
        scheme, run = _subject(element.get("subject"))
    except ValueError:
        raise _bad_details("`subject` is the person, by RUN.") from None
    if not all(isinstance(one, str) for one in texts) or not isinstance(fields, list) or not all(isinstance(one, str) for one in fields):
        raise _bad_details("`agreement_id`, `dataset_id`, `purpose` and `fields` are needed.")
    if find_dataset(session, str(texts[1])) is None or not isinstance(procedure or {}, dict) or not isinstance(official or {}, dict):
        raise _bad_details("There is no such dataset, or `procedure` or `official` is not an object.")
    return ExchangeAsk(
        request_id="",
        run=run,
        scheme=scheme,
        dataset_id=str(texts[1]),
        fields=tuple(fields),
        purpose_id=str(texts[2]),
        by_law=True,
        consent_id=None,
        law_reference=None,
        agreement_id=str(texts[0]),
        procedure_code=_text(procedure, "code"),
        case_id=_text(procedure, "case_id"),
        official_id=_text(official, "id"),
        official_unit=_text(official, "unit"),
        body_sha256="",
        visibility=_visibility(element["visibility"]) if "visibility" in element else None,
    )


def _visibility(wish: object) -> Visibility:
    """Return the wish that the person sees the access later, of which nothing but its form is judged here."""
    if not isinstance(wish, dict) or wish.keys() != {"ground", "release_at"}:
        raise _bad_details("`visibility` has a `ground` and a `release_at`.")
    ground, release_at = wish["ground"], wish["release_at"]
    if not isinstance(ground, str) or not ground.strip() or len(ground) > GROUND_MAX or not ground.isprintable() or "cl-run:" in ground:
        raise _bad_details("The ground of `visibility` is a law on one line.")
    try:
        moment = datetime.fromisoformat(str(release_at))
    except ValueError:
        raise _bad_details("`release_at` is a time such as 2026-12-01T12:00:00Z.") from None
    if moment.tzinfo is None:
        raise _bad_details("`release_at` has its zone.")
    return Visibility(ground, moment)


def _subject(subject: object) -> tuple[str, str]:
    """Return scheme and number of a person or company.  Raises: ValueError."""
    scheme = subject.get("scheme") if isinstance(subject, dict) else None
    if not isinstance(subject, dict) or scheme not in {"cl-run", "cl-rut"}:
        raise ValueError("not a subject by RUN or RUT")
    try:
        return str(scheme), str(parse_run(str(subject.get("value"))))
    except InvalidRun:
        raise ValueError("not a RUN") from None


def _text(holder: object, name: str) -> str | None:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value[:100] if isinstance(value, str) and value else None


def _bad_details(why: str) -> TokenRequestRefused:
    return TokenRequestRefused("invalid_authorization_details", why)
