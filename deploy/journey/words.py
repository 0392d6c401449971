"""The journey's own words, in both languages, and what a page must say on it."""

from __future__ import annotations

TITLES = {
    "discovery": ("The school's system reads how to sign people in", "El sistema del colegio lee cómo recibir a las personas"),
    "sign_in": ("The person signs in", "La persona entra con su cuenta"),
    "ask": ("The school asks the wallet for the police record", "El colegio pide los antecedentes a la billetera"),
    "grant": ("The person reads the question and says yes", "La persona lee la pregunta y dice que sí"),
    "refuse": ("The person says no and learns what to bring", "La persona dice que no y sabe qué traer"),
    "exchange": ("The gate fetches the fact from the registry, logged first", "La pasarela trae el dato del registro, anotado antes"),
    "exchange_refused": ("The gate refuses to fetch anything", "La pasarela se niega a traer datos"),
    "pay": ("The person pays the fee", "La persona paga"),
    "webhook": ("The school hears of the payment, signed", "El colegio se entera del pago, con firma"),
    "receipt_email": ("The receipt comes by e-mail", "El comprobante llega por correo"),
    "receipt_sms": ("The receipt comes by text message", "El comprobante llega por mensaje de texto"),
    "receipt_letter": ("The receipt comes by letter", "El comprobante llega por carta"),
    "receipt_mailbox": ("The receipt comes to the mailbox", "El comprobante llega a la casilla"),
    "access_log": ("The person sees who read what, and why", "La persona ve quién leyó qué, y por qué"),
    "withdraw": ("The person takes the consent back", "La persona retira su permiso"),
    "read_again": ("The next read is refused", "La siguiente lectura se rechaza"),
    "audit": ("All four audit logs are verified", "Se verifican los cuatro registros de auditoría"),
}
BRING = {"en": ("bring",), "es": ("lleve", "traiga", "llevar", "traer", "presentar", "presente")}


def title(name: str, language: str) -> str:
    """What a step is called."""
    english, spanish = TITLES[name]
    return spanish if language == "es" else english
