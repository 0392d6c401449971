"""Settings of the wallet."""

from dataclasses import dataclass

from shared.settings import Secret, ServiceSettings, setting

AUTHORITY = "Agencia de Protección de Datos Personales"


def _is_token_life(value: int) -> str | None:
    return None if 10 <= value <= 300 else "must be 10 to 300"


def _is_level(value: int) -> str | None:
    return None if value in {1, 2, 3} else "must be 1, 2 or 3"


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """What the wallet needs to know besides what every service does."""

    consent_token_ttl_seconds: int = setting("life of a consent token", default=120, check=_is_token_life)
    provider_timeout_seconds: int = setting("longest time a provider may take to answer", default=10)
    provider_bytes_max: int = setting("largest answer taken from a provider", default=256 * 1024)
    csv_folder: str = setting("folder of the files that datasets with a `csv:` endpoint are read from", default="")
    sql_registers: Secret = setting(
        "read-only queries behind datasets with a `sql:` endpoint, one a line: `name=url|select … where run = :run`", default=Secret("")
    )
    request_ttl_days: int = setting("how long a consent request waits for the person", default=10)
    refusal_quiet_days: int = setting("days in which a refused request may not be made again by the same body", default=30)
    fresh_login_seconds: int = setting("how long after signing in a person may grant without signing in again", default=300)
    sensitive_grant_level: int = setting(
        "strength of sign-in that a grant of sensitive data needs: 1 one factor, 2 two factors, 3 two that cannot be phished",
        default=2,
        check=_is_level,
    )
    registry_cache_seconds: float = setting("how long a process keeps what it read of the registry", default=1.0)
    status_list_ttl_seconds: int = setting("how long a provider may keep a status list", default=60)
    erasure_days: int = setting("days in which a recipient erases what it kept after a consent ended", default=30)
    enquiry_days: int = setting("days in which a body answers a person's enquiry", default=30)
    mandates_url: str = setting("register of who may act for whom (parents, guardians, courts, companies); empty for none", default="")
    represent: bool = setting(
        "people may sign in for a company or another person, by their mandates at identity; the portal's client there needs the scope"
        " `represent`",
        default=False,
    )
    mandate_hours: int = setting("hours for which the register's word about a power is taken without asking again", default=24)
    majority_confirm_days: int = setting("days in which somebody who turned 18 confirms what a parent consented to", default=30)
    own_say_age: int = setting("age from which a minor sees and may end what a parent consented to", default=14)
    own_say_age_sensitive: int = setting("the same for sensitive data", default=16)
    compromise_days: int = setting(
        "days before a credential was found to be compromised in which consents given by it are paused", default=30
    )
    notify_url: str = setting("notify, through which people are told", default="")
    pay_url: str = setting("pay, where a person's payments are asked for; empty and they are not shown", default="")
    notify_api_key: Secret = setting("key of the wallet's own service at notify; empty and nobody is told", default=Secret(""))
    notify_mailbox_template: str = setting("mailbox template with the places `subject` and `body`", default="")
    notify_email_template: str = setting("e-mail template with the places `subject` and `body`, for checkpoints by mail", default="")
    checkpoint_mail_to: tuple[str, ...] = setting(
        "addresses to which the newest checkpoint of the log goes by mail each night, such as the supervisory authority's", default=()
    )
    summary_days: int = setting("days after which a person is told again which permissions are in force", default=365)
    log_side_days: int = setting("days for which an entry of the access log stays linked to its person", default=1827)
    auditor_org: str = setting("organisation whose members with the role `auditor` see the log of all bodies; empty for none", default="")
    usage_registers: tuple[str, ...] = setting(
        "registers that keep their own log and serve findUsage, `name=url` with commas between", default=()
    )
    applicable_law: str = setting("law that receipts name", default="Ley 19.628 (modificada por la Ley 21.719) y Ley 19.880")
    rights_url: str = setting("page about a person's rights over her data, shown with each consent", default="https://www.bcn.cl/leychile")
    authority_name: str = setting(
        "authority that hears complaints, shown with each consent", default="Agencia de Protección de Datos Personales"
    )
