"""How long after a withdrawal a consent is refused: at the gate, at introspection, in the status list.  Spec: wallet contract S3, S4."""

import base64
import json
import statistics
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx

from deploy.bench import targets
from deploy.errors import CannotStart
from wallet.context import Wallet
from wallet.operations import consents, decisions
from wallet.operations.consent_requests import Ask, Item, create_request
from wallet.operations.presence import Presence
from wallet.standards import status_list

TIMES = 20
SECONDS_MAX = 120.0
WITHDRAWN = 1
Row = tuple[str, str]


def measure(context: Wallet, document: dict[str, Any]) -> list[Row]:  # sandbox.json, read by key
    """Give, withdraw and watch; each figure is from the moment the person pressed the button."""
    took: dict[str, list[float]] = {
        name: [] for name in ("written", "refused at the gate", "inactive at introspection", "in the status list")
    }
    with httpx.Client(timeout=10) as http:
        caller = _Caller(http, document)
        for _ in range(TIMES):
            _once(context, document, caller, took)
    return [
        (f"withdrawal → {name}, ms (median and most of {TIMES})", f"{statistics.median(found):.0f}, {max(found):.0f}")
        for name, found in took.items()
    ]


class _Caller:
    """The recipient and the provider, each with its token."""

    def __init__(self, http: httpx.Client, document: dict[str, Any]) -> None:
        self._http, self._document, self._wallet = http, document, document["wallet"]
        self._recipient, self._provider = self._token("consumer"), self._token("provider")

    def _token(self, who: str) -> dict[str, str]:
        issuer = self._document["identity"]["issuer"]
        form = targets.grant(self._wallet[who], issuer, self._wallet["base_url"])
        answer = self._http.post(issuer + "/token", content=form, headers=targets.FORM).raise_for_status().json()
        return {"Authorization": "Bearer " + answer["access_token"]}

    def is_released(self, consent_id: uuid.UUID) -> bool:
        """Ask the gate."""
        asked = targets.asking(self._wallet, self._document["identity"]["citizens"][0]["run"])
        asked["basis"] = {"kind": "consent", "consent_id": str(consent_id)}
        return self._http.post(self._wallet["base_url"] + "/exchange/v1/requests", json=asked, headers=self._recipient).status_code == 200

    def is_active(self, consent_id: uuid.UUID) -> bool:
        """Ask introspection."""
        form = {"consent_id": str(consent_id), "client_id": self._wallet["consumer"]["client_id"], "dataset_id": self._wallet["dataset_id"]}
        answer = self._http.post(self._wallet["base_url"] + "/introspect", data=form, headers=self._provider)
        return bool(answer.json()["active"])

    def is_listed(self, uri: str, index: int) -> bool:
        """Read the status list, as a provider does that keeps none."""
        token = self._http.get(uri).text
        listed = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["status_list"]
        return status_list.status_at(status_list.decode(listed["lst"]), index, bits=listed["bits"]) == WITHDRAWN


def _once(context: Wallet, document: dict[str, Any], caller: _Caller, took: dict[str, list[float]]) -> None:
    person = _person(context, document)
    consent_id = _grant(context, document, person)
    if not (caller.is_released(consent_id) and caller.is_active(consent_id)):
        raise CannotStart("A consent that was just given is not honoured.")
    entry = consents.get_consent(context, person, consent_id).record["status_list"]
    if not isinstance(entry, dict):
        raise CannotStart("A consent without an entry in a status list.")
    began = time.perf_counter()
    consents.withdraw(context, person, consent_id)
    took["written"].append((time.perf_counter() - began) * 1000)
    took["refused at the gate"].append(_until(began, lambda: not caller.is_released(consent_id)))
    took["inactive at introspection"].append(_until(began, lambda: not caller.is_active(consent_id)))
    took["in the status list"].append(_until(began, lambda: caller.is_listed(str(entry["uri"]), int(str(entry["idx"])))))


def _until(began: float, is_so: Callable[[], bool]) -> float:
    """Return how many milliseconds after `began` it was so; each look is a call over HTTP, so this is an upper bound."""
    while not is_so():
        if time.perf_counter() - began > SECONDS_MAX:
            raise CannotStart("A withdrawn consent is still honoured.")
    return (time.perf_counter() - began) * 1000


def _person(context: Wallet, document: dict[str, Any]) -> Presence:
    return Presence(
        run=document["identity"]["citizens"][0]["run"],
        sub="bench",
        acr="urn:andamio:acr:2",
        amr=("pwd", "otp"),
        auth_time=context.clock.now(),
        session_hash="bench",
        user_agent_hash="0" * 64,
        ip_prefix="127.0.0.0/24",
    )


def _grant(context: Wallet, document: dict[str, Any], person: Presence) -> uuid.UUID:
    """Ask as the recipient does, and say yes as the person does."""
    wallet = document["wallet"]
    item = Item(
        dataset_id=wallet["dataset_id"],
        purpose_id=wallet["purpose_id"],
        fields=tuple(wallet["fields"]),
        optional_fields=(),
        mode="view",
        fetch="until_procedure_end",
        valid_until=(context.clock.now() + timedelta(days=5)).replace(microsecond=0),
        frequency=None,
        data_period=None,
        procedure_code=wallet["procedure_code"],
        case_id="case-1",
    )
    ask = Ask(
        request_id=uuid.uuid4(),
        run=person.run,
        items=[item],
        redirect_uri=context.settings.issuer,
        state_parameter=None,
        message={},
        ui_locales=[],
        is_listed=False,
        body_sha256="",
        is_flow=True,
    )
    view = create_request(context, wallet["consumer"]["client_id"], ask)
    request = decisions.open_view(context, person, view.view_uri.rpartition("/")[2])
    shown = decisions.show_request(context, person, request, lang="es").next_open
    if shown is None:
        raise CannotStart("A request that was just made has nothing to decide.")
    decisions.decide(context, person, request, decisions.Answer(decisions.Choice.GRANT, shown.item_id, shown.sha256), lang="es")
    found = decisions.show_request(context, person, request, lang="es").items[0].consent_id
    if found is None:
        raise CannotStart("A consent that was just given has no number.")
    return found
