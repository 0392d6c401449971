"""What is proven of a mailbox message: its words, as a hash that says nothing about them."""

import hashlib
import json
from collections.abc import Sequence


def content_hash(sender: str, subject: str, body: str, files: Sequence[bytes] = ()) -> str:
    """Give the SHA-256 of `[sender, subject, body]` as JSON without spaces, in UTF-8, in hexadecimal.

    With files a fourth element lists the SHA-256 of each, in hexadecimal.
    """
    parts: list[object] = [sender, subject, body]
    if files:
        parts.append([hashlib.sha256(file).hexdigest() for file in files])
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
