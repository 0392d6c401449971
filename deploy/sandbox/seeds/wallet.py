"""What the wallet holds in the sandbox: a school that asks, a civil registry that answers, and what they agreed.

A second start finds it there.
"""

from datetime import timedelta
from typing import Any

from joserfc.jwk import ECKey
from sqlalchemy import select

from deploy.sandbox.plan import Plan
from wallet.context import Wallet
from wallet.models import Agreement, AgreementTemplate, Base, Client, Notice, Organisation, Procedure, Purpose
from wallet.models.dataset import find_dataset
from wallet.operations import agreement_requests, agreements, keys, registry
from wallet.operations.agreements import Terms
from wallet.operations.registry import DatasetDeclaration, FieldDeclaration
from wallet.standards.legal_basis import DPV

ACTOR = "sandbox"
SCHOOL, REGISTRY = "org-colegio-araucarias", "org-registro-civil"
DATASET, PURPOSE, PROCEDURE, NOTICE = "police-record", "school-hiring", "contratacion-escolar", "school-hiring-notice"
AGREEMENT, LAW_AGREEMENT = "agr-araucarias-antecedentes", "agr-araucarias-inhabilidades"
TEMPLATE = "standard-terms"
TEMPLATE_TITLE = {"es": "Términos tipo para consultar datos", "en": "Standard terms for asking for data"}
TEMPLATE_TEXT = {
    "es": (
        "Quien pide usa los datos solo para el trámite que nombra, no los entrega a nadie y los borra cuando termina. "
        "Quien los tiene los mantiene al día."
    ),
    "en": (
        "Who asks uses the data only for the procedure it names, passes them on to nobody and erases them at its end. "
        "Who holds them keeps them current."
    ),
}
FIELDS = ("full_name", "has_record", "issued_on")
LAW = "Ley 20.594 y artículo 39 bis del Código Penal"
YEARS = timedelta(days=3650)
DPV_PD = "https://w3id.org/dpv/pd#"

PURPOSE_TEXT = {
    "es": "Revisar si una persona puede trabajar con niños en un colegio",
    "en": "Check whether a person may work with children at a school",
}
NOTICE_TEXTS = {
    "es": (
        "Sus datos en este trámite",
        (
            "El colegio ve estos datos una vez que usted dice que sí. Los usa solo para decidir si le da el trabajo. "
            "No los guarda ni los entrega a nadie. Usted puede terminar este permiso cuando quiera, y reclamar si algo no le parece bien."
        ),
    ),
    "en": (
        "Your data in this matter",
        (
            "The school sees these data once you say yes. It uses them only to decide whether to hire you. "
            "It does not keep them or pass them on. You can end this permission when you want, and complain if something is not right."
        ),
    ),
}


def seed(context: Wallet, plan: Plan) -> dict[str, object]:
    """Enter what is missing and return the wallet's part of sandbox.json."""
    for use in keys.USES:
        keys.signing_key(context, use)
    _seed_organisations(context)
    redirect_uris = _seed_clients(context, plan)
    _seed_words(context)
    _seed_dataset(context, plan)
    _seed_agreements(context, plan)
    _seed_template(context)
    return {
        "base_url": plan.urls.wallet,
        "consumer": {**_client(plan, "wallet-consumer"), "org_id": SCHOOL, "redirect_uris": redirect_uris},
        "provider": {**_client(plan, "wallet-provider"), "org_id": REGISTRY},
        "dataset_id": DATASET,
        "fields": list(FIELDS),
        "purpose_id": PURPOSE,
        "agreement_id": AGREEMENT,
        "law_agreement_id": LAW_AGREEMENT,
        "law_reference": LAW,
        "procedure_code": PROCEDURE,
    }


def _client(plan: Plan, client_id: str) -> dict[str, object]:
    return {"client_id": client_id, "private_jwk": plan.jwk(f"client:{client_id}")}


def _is_there(context: Wallet, model: type[Base], **named: object) -> bool:
    with context.reading() as tx:
        return tx.session.scalars(select(model).filter_by(**named)).first() is not None


def _seed_organisations(context: Wallet) -> None:
    rows: tuple[dict[str, Any], ...] = (
        {"org_id": SCHOOL, "name": "Colegio Las Araucarias", "tax_id": "65.000.001-K", "address": "Los Aromos 12, Quilpalín"},
        {"org_id": REGISTRY, "name": "Registro Civil", "tax_id": "61.002.000-3", "address": "Catedral 1772, Santiago"},
    )
    for row in rows:
        if not _is_there(context, Organisation, org_id=row["org_id"]):
            contact = {"email": "datos@example.com", "phone": "+56222222222"}
            registry.register_organisation(context, **row, kind="public", dpo_contact=contact, actor=ACTOR)


def _seed_clients(context: Wallet, plan: Plan) -> list[str]:
    """Enter the systems with the addresses of this sandbox; return where people are sent back to."""
    callbacks = plan.client("sandbox-web").redirect_uris
    redirect_uris = [f"{plan.urls.example}/consent/return", f"{plan.urls.example}/callback", *callbacks]
    rows: tuple[tuple[str, str, str, list[str], list[str]], ...] = (
        ("wallet-consumer", SCHOOL, "Postula", ["consumer"], redirect_uris),
        ("sandbox-machine", SCHOOL, "Sandbox", ["consumer"], redirect_uris),
        ("wallet-provider", REGISTRY, "Registro Civil", ["provider"], []),
    )
    for client_id, org_id, name, roles, uris in rows:
        if not _is_there(context, Client, client_id=client_id, redirect_uris=uris):
            public = ECKey.import_key(dict(plan.jwk(f"client:{client_id}"))).as_dict(private=False)
            values: dict[str, Any] = {"client_id": client_id, "org_id": org_id, "display_name": name, "roles": roles, "redirect_uris": uris}
            registry.register_client(context, **values, jwks={"keys": [public]}, actor=ACTOR)
    return redirect_uris


def _seed_words(context: Wallet) -> None:
    if not _is_there(context, Notice, notice_id=NOTICE):
        registry.publish_notice(context, notice_id=NOTICE, texts=NOTICE_TEXTS, actor=ACTOR)
    if not _is_there(context, Procedure, code=PROCEDURE):
        title = {"es": "Contratación escolar", "en": "School hiring"}
        instead = {
            "es": "su certificado de antecedentes, en papel o en PDF.",
            "en": "your police record certificate, on paper or as a PDF.",
        }
        registry.register_procedure(context, code=PROCEDURE, org_id=SCHOOL, title=title, instead=instead, law_reference=LAW, actor=ACTOR)
    if not _is_there(context, Purpose, purpose_id=PURPOSE):
        values: dict[str, Any] = {"dpv_purpose": DPV + "Verification", "legal_basis": "consent", "notice_id": NOTICE}
        registry.activate_purpose(context, purpose_id=PURPOSE, text=PURPOSE_TEXT, **values, procedure_code=PROCEDURE, actor=ACTOR)


def _seed_dataset(context: Wallet, plan: Plan) -> None:
    """Declare the registry's dataset, anew where this sandbox moved to other addresses."""
    endpoint = f"{plan.urls.registry}/v1/police-record"
    with context.reading() as tx:
        present = find_dataset(tx.session, DATASET)
    if present is not None and present.endpoint == endpoint:
        return
    declaration = DatasetDeclaration(
        dataset_id=DATASET,
        org_id=REGISTRY,
        client_id="wallet-provider",
        audience=plan.urls.registry,
        endpoint=endpoint,
        title={"es": "Certificado de antecedentes", "en": "Police record"},
        description={"es": "Si una persona tiene antecedentes penales", "en": "Whether a person has a police record"},
        fields=(
            FieldDeclaration(
                field_id="full_name", title={"es": "Nombre completo", "en": "Full name"}, kind="string", dpv_category=DPV_PD + "Name"
            ),
            FieldDeclaration(
                field_id="has_record",
                title={"es": "Si tiene antecedentes penales", "en": "Whether you have a police record"},
                kind="boolean",
                dpv_category=DPV_PD + "CriminalOffense",
                sensitive=True,
                special_category=DPV_PD + "Criminal",
            ),
            FieldDeclaration(
                field_id="issued_on",
                title={"es": "Fecha del certificado", "en": "Date of the certificate"},
                kind="date",
                dpv_category=DPV_PD + "Official",
            ),
        ),
        classification="sensitive",
        procedure_codes=(PROCEDURE,),
    )
    registry.activate_dataset(context, declaration, actor=ACTOR)


def _seed_template(context: Wallet) -> None:
    """Publish standard terms, from which bodies draft agreements on the console and by the API."""
    if _is_there(context, AgreementTemplate, template_id=TEMPLATE):
        return
    row = AgreementTemplate(template_id=TEMPLATE, title=TEMPLATE_TITLE, text=TEMPLATE_TEXT, legal_basis=["consent", "legal_obligation"])
    row.limits = {"sensitive_allowed": True, "modes": ["view", "store"], "max_duration": 365 * 86_400, "bulk": True}
    row.retention = {"duration": "P0D", "erase_on_withdrawal": True}
    agreement_requests.publish_template(context, row, actor=ACTOR)


def _seed_agreements(context: Wallet, plan: Plan) -> None:
    """Propose both agreements and have both bodies sign them with their own keys."""
    now = context.clock.now().replace(microsecond=0)
    common: dict[str, Any] = {
        "consumer": SCHOOL,
        "provider": REGISTRY,
        "datasets": ({"dataset_id": DATASET, "version": 1, "fields": list(FIELDS)},),
        "purposes": (PURPOSE,),
        "procedure_codes": (PROCEDURE,),
        "valid_from": now,
        "valid_until": now + YEARS,
        "volume": {"tps": 1000},
        "limits": {"sensitive_allowed": True, "modes": ["view"], "max_duration": 365 * 86_400},
        "retention": {"duration": "P0D", "erase_on_withdrawal": True},
    }
    by_law: dict[str, Any] = {
        "legal_basis": "legal_obligation",
        "law_reference": LAW,
        "sensitive_article": "artículo 39 bis del Código Penal",
    }
    for terms in (
        Terms(agreement_id=AGREEMENT, legal_basis="consent", **common),
        Terms(agreement_id=LAW_AGREEMENT, **by_law, **common),
    ):
        if _is_there(context, Agreement, agreement_id=terms.agreement_id):
            continue
        version, sha256 = agreements.propose_agreement(context, terms, actor=ACTOR)
        for org_id, client_id in ((SCHOOL, "wallet-consumer"), (REGISTRY, "wallet-provider")):
            key = ECKey.import_key(dict(plan.jwk(f"client:{client_id}")))
            signed = agreements.signature(terms.agreement_id, version, sha256, org_id=org_id, key=key)
            agreements.sign_agreement(context, terms.agreement_id, version, signed, org_id=org_id, actor=ACTOR)
