"""Example templates of the four kinds every service needs, in plain Spanish and English.  Spec: requirements NO-4, NO-16, NO-17."""

from collections.abc import Mapping
from types import MappingProxyType

from notify.operations.templates import TemplateText
from notify.standards.statuses import Channel

KINDS = ("receipt", "reminder", "request", "update")
LANGUAGES = ("es", "en")


def _pair(key: str, name: str, subject: str, body: str, text: str) -> dict[str, TemplateText]:
    return {
        f"{key}-email": TemplateText(channel=Channel.EMAIL, name=name, subject=subject, body=body),
        f"{key}-sms": TemplateText(channel=Channel.SMS, name=name, body=text),
        f"{key}-mailbox": TemplateText(channel=Channel.MAILBOX, name=name, subject=subject, body=body),
    }


EXAMPLES: Mapping[str, TemplateText] = MappingProxyType(
    {
        **_pair(
            "receipt-es",
            "Recibimos su solicitud",
            "Recibimos su solicitud de ((trámite))",
            "Hola, ((nombre)):\n\nNo tiene que hacer nada más. Recibimos su solicitud el ((fecha)).\n\n"
            "# Qué pasa ahora\n\n* La revisamos en ((días)) días.\n* Le avisamos por este medio.\n\n"
            "Guarde este número: ((número)).\n\n¿Tiene dudas? Llame al ((teléfono)) o escriba a ((correo)).",
            "Recibimos su solicitud ((número)). No tiene que hacer nada. Le avisamos antes del ((fecha)). ¿Dudas? Llame al ((teléfono))",
        ),
        **_pair(
            "receipt-en",
            "We have your application",
            "We have your application for ((procedure))",
            "Hello ((name)),\n\nYou do not need to do anything now. We got your form on ((date)).\n\n"
            "# What happens next\n\n* We will look at it in ((days)) days.\n* We will tell you here.\n\n"
            "Keep this number: ((number)).\n\nDo you need help? Call ((phone)) or write to ((email)).",
            "We have your application ((number)). You do not need to do anything now. We will tell you in ((days)) days. Help: ((phone))",
        ),
        **_pair(
            "reminder-es",
            "Recordatorio de hora",
            "Su hora es el ((fecha)) a las ((hora))",
            "Hola, ((nombre)):\n\nSu hora es el ((fecha)) a las ((hora)), en ((lugar)).\n\n"
            "# Qué traer\n\n* Su cédula.\n* Esta carta o su número: ((número)).\n\n"
            "# Si no puede venir\n\nAvise antes del ((límite)). Le damos otra hora.\n\nLlame al ((teléfono)) o escriba a ((correo)).",
            "Su hora es el ((fecha)) a las ((hora)), en ((lugar)). Traiga su cédula. Si no puede venir, llame al ((teléfono)).",
        ),
        **_pair(
            "reminder-en",
            "Appointment reminder",
            "Your visit is on ((date)) at ((time))",
            "Hello ((name)),\n\nYour visit is on ((date)) at ((time)), at ((place)).\n\n"
            "# What to bring\n\n* Your identity card.\n* This message, or your number: ((number)).\n\n"
            "# If you cannot come\n\nTell us before ((deadline)). We will give you a new time.\n\nCall ((phone)) or write to ((email)).",
            "Your visit is on ((date)) at ((time)), at ((place)). Bring your identity card. If you cannot come, call ((phone)).",
        ),
        **_pair(
            "request-es",
            "Nos falta algo",
            "Nos falta un documento para su ((trámite))",
            "Hola, ((nombre)):\n\nNos falta ((documento)) para seguir con su ((trámite)).\n\n"
            "# Qué hacer\n\n1. Entre a ((enlace)).\n2. Suba el documento antes del ((límite)).\n\n"
            "Si no lo tiene, llame al ((teléfono)). Le ayudamos. También puede traerlo a ((lugar)).",
            "Falta un documento: ((documento)). Llévelo a ((lugar)) o entre a ((enlace)) antes del ((límite)). Dudas: ((teléfono))",
        ),
        **_pair(
            "request-en",
            "We need something from you",
            "We need one more paper for your ((procedure))",
            "Hello ((name)),\n\nWe need your ((document)) to go on with your ((procedure)).\n\n"
            "# What to do\n\n1. Go to ((link)).\n2. Send us the paper before ((deadline)).\n\n"
            "If you do not have it, call ((phone)). We will help you. You can also bring it to ((place)).",
            "We need your ((document)) for your ((procedure)). Send it before ((deadline)) at ((link)). Help: ((phone))",
        ),
        **_pair(
            "update-es",
            "Hay novedades",
            "Su ((trámite)) ya está: ((estado))",
            "Hola, ((nombre)):\n\nSu ((trámite)) número ((número)) cambió. Ahora está: ((estado)).\n\n"
            "# Qué pasa ahora\n\n((siguiente))\n\nNo tiene que llamar para saber más: le avisamos cada cambio.\n\n"
            "¿Tiene dudas? Llame al ((teléfono)) o escriba a ((correo)).",
            "Hay novedades de su caso ((número)): ((estado)). Le avisamos cada cambio. ¿Dudas? Llame al ((teléfono))",
        ),
        **_pair(
            "update-en",
            "There is news",
            "Your ((procedure)) is now: ((state))",
            "Hello ((name)),\n\nYour ((procedure)), number ((number)), has changed. It is now: ((state)).\n\n"
            "# What happens next\n\n((next))\n\nYou do not need to call to hear more. We will tell you each time.\n\n"
            "Do you need help? Call ((phone)) or write to ((email)).",
            "Your ((procedure)) ((number)) is now: ((state)). We will tell you each time. Help: ((phone))",
        ),
    }
)
