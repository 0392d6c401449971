"""notify in the sandbox: one live service with its keys, receipt templates in each channel, and what the clients' own tests expect."""

import uuid

from deploy.sandbox.plan import Plan
from notify.context import Notify
from notify.operations.receipt_secrets import Source, give_secret, list_tellers
from notify.operations.received_texts import Incoming, give_number, take_text
from notify.operations.services import add_sender, create_api_key, register_service, set_callback, set_contact_link, set_guest_list
from notify.operations.templates import TemplateText, has_template, save_template
from notify.standards.statuses import Channel

ACTOR = "sandbox"
SERVICE_NAME = "Colegio Las Araucarias"
ORG_ID = "org-colegio-araucarias"
KEY_KINDS = {"live": "normal", "team": "team", "test": "test"}
FUNCTIONAL_EMAIL = "notify-tests@example.com"
FUNCTIONAL_NUMBER = "07700900456"
CONTACT_LINK = "https://araucarias.example.com/ayuda"
INBOUND_NUMBER = "07700900500"

_GENUINE = "Lo enviamos desde el servicio en línea de Colegio Las Araucarias. Nunca le pediremos su contraseña por este medio."
RECEIPTS = {
    "email": TemplateText(
        channel=Channel.EMAIL,
        name="Recibo de pago: correo",
        subject="Recibimos su pago de ((amount))",
        body=(
            "No tiene que hacer nada más, ((name)). Guarde este recibo.\n\n"
            "# Su pago\n\n* Monto: ((amount))\n* Fecha: ((date))\n* Número de referencia: ((reference))\n\n"
            f"---\n\n{_GENUINE}\n\n¿Dudas? Llame al 800 123 456."
        ),
    ),
    "sms": TemplateText(
        channel=Channel.SMS, name="Recibo de pago: mensaje", body="Pago recibido, ((name)): ((amount)) el ((date)). Ref. ((reference))."
    ),
    "letter": TemplateText(
        channel=Channel.LETTER,
        name="Recibo de pago: carta",
        subject="Recibimos su pago de ((amount))",
        postage="second",
        contact_block="Colegio Las Araucarias\nCalle Los Boldos 45\nQuilpalín\nTeléfono 800 123 456",
        body=(
            "Estimada o estimado ((name)):\n\nNo tiene que hacer nada más. Guarde esta carta.\n\n"
            "* Monto: ((amount))\n* Fecha: ((date))\n* Número de referencia: ((reference))\n\n¿Dudas? Llame al 800 123 456."
        ),
    ),
    "mailbox": TemplateText(
        channel=Channel.MAILBOX,
        name="Recibo de pago: casilla",
        subject="Recibimos su pago de ((amount))",
        body=(
            "No tiene que hacer nada más, ((name)).\n\n"
            "* Monto: ((amount))\n* Fecha: ((date))\n* Número de referencia: ((reference))\n\n¿Dudas? Llame al 800 123 456."
        ),
    ),
}
CONTACT = (
    *("Government Digital Service", "The White Chapel Building", "10 Whitechapel High Street"),
    *("London", "E1 8QS", "United Kingdom"),
)
# What the published clients' integration tests look for, version by version.  Spec: notify-api §21.
FIXTURES: dict[str, tuple[TemplateText, ...]] = {
    "EMAIL_TEMPLATE_ID": (
        TemplateText(
            channel=Channel.EMAIL,
            name="Client Functional test email template",
            subject="Functional Tests are good",
            body="Hello ((name))\r\n\r\nFunctional test help make our world a better place",
        ),
    ),
    "SMS_TEMPLATE_ID": tuple(
        TemplateText(channel=Channel.SMS, name=name, body="Hello ((name))\r\n\r\nFunctional Tests make our world a better place")
        for name in ("Example text message template", "Client Functional test sms template")
    ),
    "LETTER_TEMPLATE_ID": (
        TemplateText(channel=Channel.LETTER, name="Untitled", subject="Main heading", body="Hello ((address_line_1))", postage="second"),
        TemplateText(
            channel=Channel.LETTER,
            name="Client functional letter template",
            subject="Main heading",
            body="Hello ((address_line_1))",
            postage="second",
            contact_block="\n".join(CONTACT),
        ),
    ),
}


def seed(context: Notify, plan: Plan) -> dict[str, object]:
    """Make what is not there yet; return this service's part of sandbox.json."""
    service_id = uuid.UUID(plan.uuid("notify-service"))
    register_service(context, service_id, name=SERVICE_NAME, restricted=False, actor=ACTOR, org_id=ORG_ID)
    keys = {label: _key(context, plan, service_id, label, kind) for label, kind in KEY_KINDS.items()}
    templates = {channel: _template(context, plan, service_id, channel, (words,)) for channel, words in RECEIPTS.items()}
    fixtures = {name: _template(context, plan, service_id, name, versions) for name, versions in FIXTURES.items()}
    reply_to, sender = _id(plan, "reply-to"), _id(plan, "sms-sender")
    add_sender(context, service_id, reply_to, channel="email", value="oficina@araucarias.example.com", is_default=False)
    add_sender(context, service_id, sender, channel="sms", value="ARAUCARIAS", is_default=True)
    people = [value for citizen in plan.citizens for value in (citizen.email, citizen.phone, citizen.run)]
    set_guest_list(context, service_id, [*people, FUNCTIONAL_EMAIL, FUNCTIONAL_NUMBER], actor=ACTOR)
    set_contact_link(context, service_id, CONTACT_LINK, actor=ACTOR)
    give_number(context, service_id, INBOUND_NUMBER)
    today = f"functional-test-{context.clock.now():%Y-%m-%d}"  # kept for a week: a sandbox that lives longer gets another
    take_text(context, Incoming("sandbox", today, FUNCTIONAL_NUMBER, INBOUND_NUMBER, "Hola, ¿a qué hora atienden?"))
    bearer = plan.secret("notify-callback")
    set_callback(context, service_id, url=f"{plan.urls.inbox}/webhooks/notify", bearer=bearer, actor=ACTOR)
    for teller in list_tellers(context):
        if teller.source is not Source.OWN:
            secret = plan.secret(f"notify-receipts-{teller.channel}-{teller.provider}")
            give_secret(context, teller.channel, teller.provider, actor=ACTOR, secret=secret, via="system")
    _seed_identity(context, plan)
    _seed_wallet(context, plan)
    _seed_pay(context, plan)
    return {
        "base_url": plan.urls.notify,
        "service_id": str(service_id),
        "api_keys": keys,
        "templates": templates,
        "env": {
            "NOTIFY_API_URL": plan.urls.notify,
            "API_KEY": keys["live"],
            "API_SENDING_KEY": keys["team"],
            "INBOUND_SMS_QUERY_KEY": keys["live"],
            "FUNCTIONAL_TEST_EMAIL": FUNCTIONAL_EMAIL,
            "FUNCTIONAL_TEST_NUMBER": FUNCTIONAL_NUMBER,
            "EMAIL_REPLY_TO_ID": str(reply_to),
            "SMS_SENDER_ID": str(sender),
            **fixtures,
        },
    }


def _seed_identity(context: Notify, plan: Plan) -> None:
    """The service through which identity tells people about their account, with the key and templates of its settings."""
    service_id = _id(plan, "identity-service")
    register_service(context, service_id, name="Identidad digital", restricted=False, actor=ACTOR)
    key_id, secret = _id(plan, "identity-key"), _id(plan, "identity-key-secret")
    create_api_key(context, service_id, name="identity", kind="normal", actor=ACTOR, secret=secret, key_id=key_id)
    email = TemplateText(channel=Channel.EMAIL, name="Aviso de la cuenta: correo", subject="((subject))", body="((body))")
    sms = TemplateText(channel=Channel.SMS, name="Aviso de la cuenta: mensaje", body="((body))")
    for name, words in (("identity-email", email), ("identity-sms", sms)):
        template_id = uuid.UUID(plan.uuid(f"notify-{name}"))
        if not has_template(context, template_id):
            save_template(context, service_id, template_id, words, actor=ACTOR)


def _seed_wallet(context: Notify, plan: Plan) -> None:
    """The service through which the wallet tells people about their permissions, with the key and template of its settings."""
    service_id = _id(plan, "wallet-service")
    register_service(context, service_id, name="Mis datos y permisos", restricted=False, actor=ACTOR)
    key_id, secret = _id(plan, "wallet-key"), _id(plan, "wallet-key-secret")
    create_api_key(context, service_id, name="wallet", kind="normal", actor=ACTOR, secret=secret, key_id=key_id)
    words = TemplateText(channel=Channel.MAILBOX, name="Aviso sobre sus datos", subject="((subject))", body="((body))")
    template_id = _id(plan, "wallet-mailbox")
    if not has_template(context, template_id):
        save_template(context, service_id, template_id, words, actor=ACTOR)


def _seed_pay(context: Notify, plan: Plan) -> None:
    """The service through which pay tells payers, with the key and template of its settings."""
    service_id = _id(plan, "pay-service")
    register_service(context, service_id, name="Pagos en línea", restricted=False, actor=ACTOR)
    key_id, secret = _id(plan, "pay-key"), _id(plan, "pay-key-secret")
    create_api_key(context, service_id, name="pay", kind="normal", actor=ACTOR, secret=secret, key_id=key_id)
    words = TemplateText(channel=Channel.EMAIL, name="Aviso sobre un pago", subject="((subject))", body="((body))")
    template_id = _id(plan, "pay-email")
    if not has_template(context, template_id):
        save_template(context, service_id, template_id, words, actor=ACTOR)


def _id(plan: Plan, name: str) -> uuid.UUID:
    return uuid.UUID(plan.uuid(f"notify-{name}"))


def _key(context: Notify, plan: Plan, service_id: uuid.UUID, label: str, kind: str) -> str:
    made = create_api_key(
        context,
        service_id,
        name=f"sandbox_{label}",
        kind=kind,
        actor=ACTOR,
        secret=_id(plan, f"key-secret-{label}"),
        key_id=_id(plan, f"key-{label}"),
    )
    return made.text


def _template(context: Notify, plan: Plan, service_id: uuid.UUID, name: str, versions: tuple[TemplateText, ...]) -> str:
    """Save the versions of a template that are not there yet, in order."""
    template_id = _id(plan, f"template-{name}")
    if not has_template(context, template_id):
        for words in versions:
            save_template(context, service_id, template_id, words, actor=ACTOR)
    return str(template_id)
