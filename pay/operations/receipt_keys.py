"""The key that signs receipts: made at first use, sealed like every other secret, replaced by hand."""

from dataclasses import dataclass
from io import BytesIO

from pyhanko.keys import load_certs_from_pemder_data, load_private_key_from_pemder_data
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko_certvalidator.registry import SimpleCertificateStore
from sqlalchemy import func, insert, select

from pay.context import Pay
from pay.events import ReceiptAction
from pay.models.receipt import receipt_keys
from pay.operations.moves import SYSTEM
from pay.standards.certificates import certificate_pem, fingerprint, key_pem, make_certificate, make_signing_key
from shared.transaction import Transaction

SCOPE = "receipt-keys"
_MAKING_LOCK = 0x2A7_0002


@dataclass(frozen=True)
class ReceiptKey:
    """A key with its certificate (DER); the key itself does not print."""

    certificate: bytes
    key_sealed: bytes


def signing_key(pay: Pay) -> ReceiptKey:
    """Return the newest key, made now where there is none."""
    with pay.reading() as tx:
        found = _newest(tx)
    if found is not None:
        return found
    with pay.transaction() as tx:
        tx.connection.execute(select(func.pg_advisory_xact_lock(_MAKING_LOCK)))
        return _newest(tx) or _make(pay, tx, actor=SYSTEM)


def replace_key(pay: Pay, *, actor: str) -> str:
    """Make a new key that signs from now on, and return its certificate's fingerprint; older certificates stay published."""
    with pay.transaction() as tx:
        return fingerprint(_make(pay, tx, actor=actor).certificate)


def certificates(pay: Pay) -> str:
    """Return the certificates of all keys, newest first, as PEM."""
    signing_key(pay)
    with pay.reading() as tx:
        found = tx.connection.execute(select(receipt_keys.c.certificate).order_by(receipt_keys.c.id.desc())).scalars()
        return "".join(certificate_pem(der) for der in found)


def sign_pdf(pay: Pay, pdf: bytes, *, reason: str) -> bytes:
    """Return a PDF with our signature.  Spec: ETSI EN 319 142-1, PAdES baseline B-B."""
    known = signing_key(pay)
    key = load_private_key_from_pemder_data(pay.cipher.decrypt(known.key_sealed, scope=SCOPE).encode(), None)
    certificate = next(iter(load_certs_from_pemder_data(known.certificate)))
    chain = SimpleCertificateStore()  # type: ignore[no-untyped-call]  # it has no types; empty, for the certificate is self-signed
    signer = SimpleSigner(signing_cert=certificate, signing_key=key, cert_registry=chain)
    about = PdfSignatureMetadata(
        field_name="Receipt", md_algorithm="sha256", reason=reason, name=pay.settings.operator_name, subfilter=SigSeedSubFilter.PADES
    )
    signed: BytesIO = PdfSigner(about, signer).sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)))
    return signed.getvalue()


def _newest(tx: Transaction) -> ReceiptKey | None:
    statement = select(receipt_keys.c.certificate, receipt_keys.c.key_sealed).order_by(receipt_keys.c.id.desc()).limit(1)
    row = tx.connection.execute(statement).one_or_none()
    return None if row is None else ReceiptKey(*row)


def _make(pay: Pay, tx: Transaction, *, actor: str) -> ReceiptKey:
    key, now = make_signing_key(), pay.clock.now()
    certificate = make_certificate(key, organisation=pay.settings.operator_name, at=now)
    sealed = pay.cipher.encrypt(key_pem(key), scope=SCOPE)
    tx.connection.execute(insert(receipt_keys).values(certificate=certificate, key_sealed=sealed, created_at=now))
    tx.record(ReceiptAction.KEY_MADE, actor=actor, object_id=fingerprint(certificate))
    return ReceiptKey(certificate, sealed)
