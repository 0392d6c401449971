"""SQLAlchemy models, a file a noun, with its state table and its finders."""

from wallet.models.account import Account
from wallet.models.agreement import Agreement
from wallet.models.agreement_template import AgreementTemplate
from wallet.models.assent import Assent
from wallet.models.base import Base
from wallet.models.bulk import Bulk, BulkPerson
from wallet.models.consent import Consent, ConsentEvent
from wallet.models.consent_request import ConsentRequest, ConsentRequestItem
from wallet.models.dataset import Dataset
from wallet.models.delegation import Delegation
from wallet.models.enquiry import Enquiry
from wallet.models.erasure import Erasure
from wallet.models.exchange import Exchange
from wallet.models.notice import Notice
from wallet.models.once_only import AskedAgain
from wallet.models.organisation import Client, Organisation
from wallet.models.person_notice import LogMark, NoticeWish, PersonNotice
from wallet.models.preview import Preview
from wallet.models.procedure import Procedure
from wallet.models.purpose import Purpose
from wallet.models.report import DelayedBody, HiddenEntry, ReportedAccess
from wallet.models.rule_run import RuleRun
from wallet.models.signing_key import SigningKey
from wallet.models.status_list import StatusList
from wallet.models.stream import SecurityEvent, Stream

__all__ = [
    "Account",
    "Agreement",
    "AgreementTemplate",
    "AskedAgain",
    "Assent",
    "Base",
    "Bulk",
    "BulkPerson",
    "Client",
    "Consent",
    "ConsentEvent",
    "ConsentRequest",
    "ConsentRequestItem",
    "Dataset",
    "DelayedBody",
    "Delegation",
    "Enquiry",
    "Erasure",
    "Exchange",
    "HiddenEntry",
    "LogMark",
    "Notice",
    "NoticeWish",
    "Organisation",
    "PersonNotice",
    "Preview",
    "Procedure",
    "Purpose",
    "ReportedAccess",
    "RuleRun",
    "SecurityEvent",
    "SigningKey",
    "StatusList",
    "Stream",
]
