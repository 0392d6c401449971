"""What pay needs to know besides what each service does."""

from dataclasses import dataclass

from shared.settings import Secret, ServiceSettings, is_positive, setting


def _are_secrets(value: Secret) -> str | None:
    return None if all(part.strip() for part in value.reveal().split(",")) else "must be secrets with commas between, none of them empty"


@dataclass(frozen=True, kw_only=True)
class PaySettings(ServiceSettings):
    """Settings of pay; variables begin with `PAY_`."""

    api_key_secret: Secret = setting(
        "secrets with which API keys are checked, with commas between: new keys are made under the first, those of the others honoured",
        default=Secret("for the sandbox only"),
        check=_are_secrets,
        required_in_production=True,
    )
    counter_currency: str = setting("currency of what counters take for numbers that are none of ours", default="CLP")
    support_contact: str = setting("where callers get help; stands at the end of some refusals", default="the operator's support desk")
    settlement_bank: str = setting("the ledger's name for the bank account that channels pay to", default="treasury")
    transfer_bank: str = setting(
        "the ledger's name for our bank account that payers transfer to; no channel, office or returned pay-out may pay into it",
        default="transfers",
    )
    transfer_account: tuple[str, ...] = setting(
        "our bank account, to which payers may transfer: holder, RUT, bank, kind of account, number, with commas between", default=()
    )
    webpay_url: str = setting("origin of Transbank's Webpay", default="https://webpay3g.transbank.cl")
    khipu_url: str = setting("origin of Khipu's payment API", default="https://payment-api.khipu.com")
    stripe_url: str = setting("origin of Stripe's API", default="https://api.stripe.com")
    stripe_files_url: str = setting("origin to which files for Stripe are sent", default="https://files.stripe.com")
    notify_url: str = setting("address of notify, through which payers are told", default="")
    notify_api_key: Secret = setting("API key of pay's own service at notify; empty and nobody is told", default=Secret(""))
    notify_email_template: str = setting("template with the places `subject` and `body` for e-mails to payers", default="")
    webhook_message_days: int = setting(
        "days for which messages to webhooks, which name the payer, are kept to be looked at and sent again", default=30, check=is_positive
    )
    payer_days: int = setting(
        "days after which a payment no longer says who paid: as long as the law of money asks for; 2557 is seven years",
        default=2557,
        check=is_positive,
    )
    clamd_address: str = setting("`host:port` of a clamd that looks into files; empty: only the scanners' test file is known", default="")
    evidence_days: int = setting(
        "days after a dispute was decided for which the files of its evidence are kept", default=540, check=is_positive
    )
    payout_folder: str = setting(
        "folder of the files of pay-outs to the bank (`out`) and its reports (`in`); without it live accounts pay nobody out",
        default="",
    )
