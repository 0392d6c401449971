"""What is proven of a mailbox message: its words, as a hash that says nothing about them."""

import hashlib
import json


def content_hash(sender: str, subject: str, body: str) -> str:
    """Give the SHA-256 of `[sender, subject, body]` as JSON without spaces, in UTF-8, in hexadecimal."""
    return hashlib.sha256(json.dumps([sender, subject, body], ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
