"""The school's office system: what it does with the four services, none of which it needs to know from inside."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from deploy.sandbox.clients import Answer, MachineTokens, PayClient, WalletClient, notify_client
from deploy.sandbox.example.applications import FEE_CLP, Application, Applications, Delivery, Stage
from deploy.sandbox.example.receipts import Recipient, send_receipt

CONSENT_DAYS = 30
FIELDS = ["full_name", "has_record", "issued_on"]


class ServiceAway(Exception):
    """One of the services did not answer as agreed; `what` names it for the page."""

    def __init__(self, what: str, answer: Answer) -> None:
        super().__init__(f"{what} answered {answer.status} {answer.code}")
        self.what = what


@dataclass(frozen=True, kw_only=True)
class Office:
    """The office, over the sandbox's `sandbox.json`; read at each use, as it is written only when all is up."""

    facts: Callable[[], Mapping[str, Any]]
    applications: Applications
    http: httpx.Client
    now: Callable[[], datetime]
    base_url: str

    def ask_for_record(self, application: Application, *, language: str) -> tuple[Application, str]:
        """Ask the wallet for the police record; where to send the person. Raises: ServiceAway."""
        wallet, request_id = self.facts()["wallet"], str(uuid.uuid4())
        wanted = consent_request(
            wallet,
            run=application.run,
            request_id=request_id,
            redirect_uri=f"{self.base_url}/consent/return",
            language=language,
            now=self.now(),
        )
        answer = self._wallet().ask(wanted)
        if answer.status not in {200, 201}:
            raise ServiceAway("wallet", answer)
        kept = self.applications.keep(application, stage=Stage.ASKED, request_id=request_id)
        return kept, str(answer.body["view_uri"])

    def learn_decision(self, application: Application) -> Application:
        """Ask the wallet what the person decided (the address she came back by proves nothing). Raises: ServiceAway."""
        answer = self._wallet().look(application.request_id)
        if answer.status != 200:
            raise ServiceAway("wallet", answer)
        item = answer.body["items"][0]
        if item["state"] == "refused":
            return self.applications.keep(application, stage=Stage.REFUSED)
        if item["state"] != "accepted":
            return application
        return self._read_record(self.applications.keep(application, consent_id=item["consent_id"]))

    def _read_record(self, application: Application) -> Application:
        answer = self._wallet().fetch(exchange_request(self.facts()["wallet"], application.run, application.consent_id))
        if answer.status != 200:
            raise ServiceAway("wallet", answer)
        data = answer.body["data"] or {}
        return self.applications.keep(
            application, stage=Stage.RECORD_READ, has_record=bool(data.get("has_record")), record_as_of=str(answer.body.get("as_of", ""))
        )

    def start_payment(self, application: Application, *, delivery: Delivery, language: str) -> tuple[Application, str]:
        """Create the payment of the fee; where to send the person. Raises: ServiceAway."""
        answer = self._pay().create(
            amount_minor=FEE_CLP,
            reference=f"POST-{application.application_id[:8]}",
            description="Postulación a Colegio Las Araucarias" if language == "es" else "Application to Colegio Las Araucarias",
            return_url=f"{self.base_url}/pay/return",
            language=language,
            email=application.email,
        )
        if answer.status != 201:
            raise ServiceAway("pay", answer)
        kept = self.applications.keep(application, stage=Stage.PAYING, payment_id=answer.body["payment_id"], delivery=delivery)
        return kept, str(answer.body["_links"]["next_url"]["href"])

    def learn_payment(self, application: Application) -> Application:
        """Read the payment; when it succeeded, send the receipt once. Raises: ServiceAway."""
        answer = self._pay().get(application.payment_id)
        if answer.status != 200:
            raise ServiceAway("pay", answer)
        state = answer.body["state"]
        application = self.applications.keep(application, payment_outcome=state["status"])
        if state["status"] == "success" and application.stage is Stage.PAYING:
            # Sent before it is noted: where notify is away, the person who comes back has it sent then.
            proof = self._pay().receipt(application.payment_id)
            application = self.applications.keep(
                application,
                receipt_id=self._send_receipt(application),
                stage=Stage.DONE,
                feedback_url=proof.body.get("feedback_url", "") if proof.status == 200 else "",
            )
        return application

    def _send_receipt(self, application: Application) -> str:
        notify = self.facts()["notify"]
        to = Recipient(name=application.name, email=application.email, phone=application.phone, run=application.run)
        client = notify_client(notify["base_url"], notify["api_keys"]["live"])
        return send_receipt(client, notify["templates"], application.delivery, to, reference=application.payment_id, at=self.now())

    def _wallet(self) -> WalletClient:
        facts = self.facts()
        consumer = facts["wallet"]["consumer"]
        tokens = MachineTokens(issuer=facts["identity"]["issuer"], client_id=consumer["client_id"], private_jwk=consumer["private_jwk"])
        return WalletClient(facts["wallet"]["base_url"], tokens, self.http)

    def _pay(self) -> PayClient:
        pay = self.facts()["pay"]
        return PayClient(pay["base_url"], pay["api_keys"]["test"], self.http)


def consent_request(
    wallet: Mapping[str, Any], *, run: str, request_id: str, redirect_uri: str, language: str, now: datetime
) -> dict[str, object]:
    """The body of `POST /consent-requests` for the police record.  Spec: wallet contract §5.4."""
    until = (now + timedelta(days=CONSENT_DAYS)).replace(microsecond=0)
    return {
        "id": request_id,
        "subject": {"scheme": "cl-run", "value": run},
        "items": [
            {
                "dataset_id": wallet["dataset_id"],
                "purpose_id": wallet["purpose_id"],
                "fields": list(wallet["fields"]),
                "mode": "view",
                "fetch": "until_procedure_end",
                "valid_until": until.isoformat().replace("+00:00", "Z"),
                "procedure": {"code": wallet["procedure_code"], "case_id": f"POST-{request_id[:8]}"},
            }
        ],
        "redirect_uri": redirect_uri,
        "message": {"es": "Para revisar su postulación al colegio.", "en": "To look at your application to the school."},
        "ui_locales": ["es-CL" if language == "es" else "en"],
    }


def exchange_request(wallet: Mapping[str, Any], run: str, consent_id: str) -> dict[str, object]:
    """The body of `POST /exchange/v1/requests` on a consent; without its number the gate looks for the person's answer.

    Spec: wallet contract §8.1.
    """
    basis = {"kind": "consent", "consent_id": consent_id} if consent_id else {"kind": "consent"}
    return {
        "request_id": str(uuid.uuid4()),
        "subject": {"scheme": "cl-run", "value": run},
        "dataset_id": wallet["dataset_id"],
        "fields": list(wallet["fields"]),
        "purpose_id": wallet["purpose_id"],
        "basis": basis,
        "official": {"id": "secretaria-01", "unit": "Contratación"},
    }
