"""The checks of a provider, with where its knowledge comes from: the wallet's keys, its status lists, introspection, and agreements.

Spec: wallet contract §5.2.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from shared.http import Outbound, OutboundError
from wallet.standards import dpop
from wallet.standards.provider_checks import Expected, Presented, StatusUnavailable, TokenRefused, check
from wallet.standards.status_list import BadStatusList, ReadList, Status, read_list

KEYS_SECONDS = 300
KEYS_SECONDS_MIN = 5
AGREEMENT_SECONDS = 60
ASK_SECONDS = 3
ROW_OF_KEYS = 2
LIST_BYTES_MAX = 8 * 1024 * 1024
STATES = {Status.VALID: "active", Status.INVALID: "withdrawn", Status.SUSPENDED: "suspended"}


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One dataset as it is declared at the wallet: its id, the address of its endpoint, and whether it is sensitive."""

    dataset_id: str
    endpoint: str
    sensitive: bool = True


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call as it came: headers as sent, and what it asks for."""

    method: str
    url: str
    authorization: str | None
    dpop: str | None
    token_in_query: bool
    subject: Mapping[str, str] = field(repr=False)
    fields: frozenset[str]
    action: str = "read"
    client_id: str | None = None
    """The client that the provider authenticated by itself (mutual TLS); None where the proof of possession is all there is."""


@dataclass(frozen=True)
class Allowed:
    """What a call may have: of whom, which fields, and the `txn` under which to report it."""

    txn: str
    client_id: str
    fields: frozenset[str]
    detail: Mapping[str, Any]


class Provider:
    """Checks calls for one provider.  One object a process, thread-safe; it asks the wallet only when what it knows is old."""

    def __init__(
        self,
        *,
        wallet_url: str,
        audience: str,
        http: Outbound,
        now: Callable[[], int],
        access_token: Callable[[], str] | None = None,
        first_seen: Callable[[str, int], bool] | None = None,
    ) -> None:
        """`access_token` gives one of scope wallet:provide, for introspection; `first_seen(jti, until)` must be shared by all processes."""
        self.wallet_url, self.audience = wallet_url, audience
        self._http, self._now, self._access_token = http, now, access_token
        self._first_seen = first_seen or SeenInMemory(now).first
        self._keys: dict[str, ECKey] = {}
        self._keys_at = 0
        self._lists: dict[str, ReadList] = {}
        self._agreements: dict[str, tuple[dict[str, Any], int]] = {}
        self._lock = threading.Lock()

    def check(self, call: Call, dataset: Dataset) -> Allowed:
        """Return what the call may have.  Raises: TokenRefused with status, code and the number of the row that failed."""
        token = (call.authorization or "").partition(" ")[2]
        thumbprint = self._thumbprint(call, token)
        try:
            return self._checked(call, dataset, token, thumbprint, keys=self._wallet_keys())
        except TokenRefused as refused:
            keys = self._wallet_keys(again=True) if refused.row == ROW_OF_KEYS else {}
            if not keys:
                raise
        return self._checked(call, dataset, token, thumbprint, keys=keys)

    def _checked(self, call: Call, dataset: Dataset, token: str, thumbprint: str | None, *, keys: Mapping[str, ECKey]) -> Allowed:
        expected = Expected(
            issuer=self.wallet_url,
            audience=self.audience,
            dataset_id=dataset.dataset_id,
            location=dataset.endpoint,
            now_seconds=self._now(),
            keys=keys,
            sensitive=dataset.sensitive,
        )
        presented = Presented(
            authorization=call.authorization,
            token_in_query=call.token_in_query,
            client_id=call.client_id,
            subject=call.subject,
            fields=call.fields,
            action=call.action,
            proof_thumbprint=thumbprint,
        )
        claims = check(
            presented,
            expected,
            first_seen=self._first_seen,
            agreement_covers=self._covers,
            status=lambda claims: self._status(claims, token, sensitive=dataset.sensitive),
        )
        detail = claims["authorization_details"][0]
        return Allowed(str(claims["txn"]), str(claims["client_id"]), call.fields, detail)

    def _thumbprint(self, call: Call, token: str) -> str | None:
        if call.dpop is None:
            return None
        try:
            shown = dpop.check_proof(call.dpop, method=call.method, url=call.url, now=self._now(), token=token)
        except dpop.BadProof:
            return None
        return shown.thumbprint if self._first_seen("dpop:" + shown.jti, self._now() + dpop.AGE_SECONDS_MAX) else None

    def _wallet_keys(self, *, again: bool = False) -> Mapping[str, ECKey]:
        """Return the wallet's keys: kept five minutes, and used longer while it is away; `again` asks where one is not known."""
        with self._lock:
            age = self._now() - self._keys_at
            if age >= KEYS_SECONDS or (again and age >= KEYS_SECONDS_MIN):
                self._fetch_keys()
            return self._keys

    def _fetch_keys(self) -> None:
        try:
            answer = self._http.request("GET", self.wallet_url + "/.well-known/jwks.json", timeout_seconds=ASK_SECONDS).json()
            self._keys = {str(jwk["kid"]): ECKey.import_key(jwk) for jwk in answer["keys"]}
            self._keys_at = self._now()
        except (OutboundError, JoseError, KeyError, TypeError, ValueError):
            self._keys_at = self._now() - KEYS_SECONDS + KEYS_SECONDS_MIN

    def _status(self, claims: Mapping[str, Any], token: str, *, sensitive: bool) -> str:
        """Return the state: from the list where that is enough, else by asking.  Raises: StatusUnavailable."""
        entry = (claims.get("status") or {}).get("status_list")
        if sensitive or claims["authorization_details"][0].get("mode") == "stream" or entry is None:
            return self._introspect(token)
        try:
            return STATES[self._list(str(entry["uri"])).status(int(entry["idx"]))]
        except (BadStatusList, KeyError, TypeError, ValueError):
            raise StatusUnavailable from None

    def _list(self, uri: str) -> ReadList:
        now = self._now()
        kept = self._lists.get(uri)
        if kept is not None and kept.is_fresh(now):
            return kept
        if not uri.startswith(self.wallet_url + "/"):
            raise BadStatusList("a list of another server")
        try:
            reply = self._http.request("GET", uri, timeout_seconds=ASK_SECONDS, max_bytes=LIST_BYTES_MAX)
        except OutboundError:
            raise StatusUnavailable from None
        if reply.status != 200:
            raise StatusUnavailable
        text = reply.body.decode(errors="replace")
        try:
            read = read_list(text, uri=uri, keys=self._wallet_keys(), now=now)
        except BadStatusList:
            read = read_list(text, uri=uri, keys=self._wallet_keys(again=True), now=now)  # signed with a key that is new
        self._lists[uri] = read
        return read

    def _introspect(self, token: str) -> str:
        if self._access_token is None:
            raise StatusUnavailable
        headers = {"Authorization": f"Bearer {self._access_token()}", "Content-Type": "application/x-www-form-urlencoded"}
        try:
            body = urlencode({"token": token}).encode()
            reply = self._http.request("POST", self.wallet_url + "/introspect", body=body, headers=headers, timeout_seconds=ASK_SECONDS)
            answer = reply.json()
        except OutboundError:
            raise StatusUnavailable from None
        if reply.status != 200 or not isinstance(answer, dict):
            raise StatusUnavailable
        return "active" if answer.get("active") is True else "withdrawn"

    def _covers(self, detail: Mapping[str, Any]) -> bool:
        """Row 11: the agreement, as the wallet publishes it, is active and covers body, dataset, fields and purpose."""
        agreement = self._agreement(str(detail.get("agreement_id")))
        if agreement is None or agreement.get("state") != "active" or agreement.get("consumer") != detail.get("to"):
            return False
        agreed = {one["dataset_id"]: set(one["fields"]) for one in agreement.get("datasets", [])}
        wanted = [str(one) for one in detail.get("datatypes", [])]
        return (
            all(set(detail.get("fields", [])) <= agreed.get(one, set()) for one in wanted)
            and detail.get("purpose") in agreement["purposes"]
        )

    def _agreement(self, agreement_id: str) -> dict[str, Any] | None:
        kept, now = self._agreements.get(agreement_id), self._now()
        if kept is not None and now - kept[1] < AGREEMENT_SECONDS:
            return kept[0]
        try:
            reply = self._http.request("GET", f"{self.wallet_url}/agreements/{agreement_id}", timeout_seconds=ASK_SECONDS)
            answer = reply.json()
        except OutboundError:
            return kept[0] if kept else None
        if reply.status != 200 or not isinstance(answer, dict):
            return None
        self._agreements[agreement_id] = (answer, now)
        return answer


class SeenInMemory:
    """The tokens seen by one process, until each has expired."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._seen: dict[str, int] = {}
        self._lock = threading.Lock()

    def first(self, jti: str, until: int) -> bool:
        """Return whether this is the first time, and remember it."""
        now = self._now()
        with self._lock:
            self._seen = {one: end for one, end in self._seen.items() if end > now}
            if jti in self._seen:
                return False
            self._seen[jti] = until
            return True


__all__ = ["Allowed", "Call", "Dataset", "Provider", "SeenInMemory", "TokenRefused"]
