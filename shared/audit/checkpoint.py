r"""Signed checkpoints of the tree.  Spec: C2SP tlog-checkpoint, C2SP signed-note (Ed25519).

A note is `<origin>\n<size>\n<base64 root>\n[<extension>\n…]\n` and one line `— <name> <base64(keyid ‖ signature)>\n` a signature.
A verifier key is `<name>+<keyid in hex>+<base64(0x01 ‖ public key)>`.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.audit.merkle import HASH_BYTES

ED25519 = b"\x01"
SEED_BYTES = 32
KEY_ID_BYTES = 4
NOTE_BYTES_MAX = 16_384
SIGNATURES_MAX = 16
SIGNATURE_PREFIX = "\N{EM DASH} "
_NAME = re.compile(r"[^\s+]{1,200}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class BadCheckpoint(ValueError):
    """The note is not a checkpoint, or not one signed by the key; the text says which and holds nothing of the note's signer."""


@dataclass(frozen=True)
class Checkpoint:
    """The size and root of a log at one moment."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the signed part of the note."""
        lines = [self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions]
        return "".join(line + "\n" for line in lines)


class Verifier:
    """A public key with its name: it answers whether a note is signed by it."""

    name: str

    def __init__(self, name: str, public_key: bytes, *, earlier: Sequence["Verifier"] = ()) -> None:
        """`earlier` are retired keys of the same log: a note that one of them signed is good."""
        if not _NAME.fullmatch(name):
            raise ValueError("a key name has neither spaces nor '+'")
        if any(key.name != name for key in earlier):
            raise ValueError("an earlier key is of another log")
        self.name = name
        self.earlier = tuple(earlier)
        self.key_id = key_id(name, public_key)
        self._public_bytes = public_key
        self._public_key = Ed25519PublicKey.from_public_bytes(public_key)

    @classmethod
    def parse(cls, verifier_key: str, *, earlier: Sequence[str] = ()) -> "Verifier":
        """Read `<name>+<keyid>+<base64>`.  Raises: BadCheckpoint when it is malformed or the key id is of another key."""
        name, _, rest = verifier_key.strip().partition("+")  # base64 may hold a '+' itself
        stated_id, _, encoded = rest.partition("+")
        key = _base64(encoded)
        if key is None or len(key) != 1 + 32 or key[:1] != ED25519 or not _NAME.fullmatch(name):
            raise BadCheckpoint("not an Ed25519 verifier key")
        try:
            verifier = cls(name, key[1:], earlier=[cls.parse(each) for each in earlier])
        except ValueError:
            raise BadCheckpoint("not an Ed25519 verifier key") from None
        if verifier.key_id.hex() != stated_id:
            raise BadCheckpoint("the key id does not belong to the key")
        return verifier

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(ED25519 + self._public_bytes).decode()}"

    def open(self, note: str) -> Checkpoint:
        """Return the checkpoint of a note that this key signed; signatures of others are left alone.

        Raises: BadCheckpoint.
        """
        text, signatures = split_note(note)
        for key in (self, *self.earlier):
            for name, stated_id, signature in signatures:
                if name == key.name and hmac.compare_digest(stated_id, key.key_id):
                    key._check(text, signature)
                    return parse_checkpoint(text)
        raise BadCheckpoint("not signed by the key")

    def _check(self, text: str, signature: bytes) -> None:
        try:
            self._public_key.verify(signature, text.encode())
        except InvalidSignature:
            raise BadCheckpoint("the signature does not fit") from None


class Signer:
    """The private key of one log. It serves for checkpoints only; the name of the key is the origin of the log."""

    def __init__(self, seed: bytes, origin: str, *, beside: Sequence["Signer"] = ()) -> None:
        """`beside` are keys that sign too while a key is rotated, so that who knows only one of them can check."""
        if len(seed) != SEED_BYTES:
            raise ValueError(f"an Ed25519 seed has {SEED_BYTES} bytes")
        self.origin = origin
        self.beside = tuple(beside)
        self._private_key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(origin, self._private_key.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"Signer({self.verifier})"

    @property
    def verifier_key(self) -> str:
        """The verifier key string, to be published."""
        return str(self.verifier)

    def sign(self, size: int, root: bytes) -> str:
        """Return the note over a tree."""
        text = Checkpoint(self.origin, size, root).text()
        return text + "\n" + "".join(signer.signature_line(text) for signer in (self, *self.beside))

    def signature_line(self, text: str) -> str:
        """Return the line of this key under a text."""
        signature = base64.b64encode(self.verifier.key_id + self._private_key.sign(text.encode())).decode()
        return f"{SIGNATURE_PREFIX}{self.origin} {signature}\n"


def key_id(name: str, public_key: bytes) -> bytes:
    """Return the short id of a key: a hint by which signatures are found, not a proof."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public_key).digest()[:KEY_ID_BYTES]


def split_note(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Return the signed text and the signatures as (name, key id, signature).  Raises: BadCheckpoint."""
    try:
        size_bytes = len(note.encode())
    except UnicodeEncodeError:
        raise BadCheckpoint("the note is not UTF-8") from None
    if size_bytes > NOTE_BYTES_MAX:
        raise BadCheckpoint("the note is too large")
    text, blank, block = note.rpartition("\n\n")
    if not blank or not block.endswith("\n"):
        raise BadCheckpoint("a note ends in signature lines after a blank line")
    lines = block[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise BadCheckpoint("too many signatures")
    return text + "\n", [_signature_line(line) for line in lines]


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the signed text of a note.  Raises: BadCheckpoint."""
    if not text.endswith("\n") or any(ord(char) < 0x20 and char != "\n" for char in text):
        raise BadCheckpoint("not a checkpoint")
    lines = text[:-1].split("\n")
    if len(lines) < 3 or not all(lines):
        raise BadCheckpoint("a checkpoint has an origin, a size and a root")
    origin, size, encoded_root, *extensions = lines
    root = _base64(encoded_root)
    if not _SIZE.fullmatch(size):
        raise BadCheckpoint("the size is not a plain decimal number")
    if root is None or len(root) != HASH_BYTES:
        raise BadCheckpoint("the root is not a SHA-256 in base64")
    return Checkpoint(origin, int(size), root, tuple(extensions))


def _signature_line(line: str) -> tuple[str, bytes, bytes]:
    name, _, encoded = line.removeprefix(SIGNATURE_PREFIX).partition(" ")
    signature = _base64(encoded) or b""
    if not line.startswith(SIGNATURE_PREFIX) or not _NAME.fullmatch(name) or len(signature) <= KEY_ID_BYTES:
        raise BadCheckpoint("a signature line is malformed")
    return name, signature[:KEY_ID_BYTES], signature[KEY_ID_BYTES:]


def _base64(text: str) -> bytes | None:
    """Decode canonical base64: one text for one value, so that a note cannot be respelled."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return value if base64.b64encode(value).decode() == text else None
