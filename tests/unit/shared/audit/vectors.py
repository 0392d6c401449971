"""The vectors of wallet-consent §10.2."""

from typing import Any

LEAVES = [
    bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

SALT = bytes(range(16))
SUBJECT = "cl-run:11111111-1"
COMMITMENT = "ec34d74cc918414919d55ac8fa4e3daf318f4caf49ee3d6be6064e62605925e9"

FIRST_ID = "01900000-0000-7000-8000-000000000001"
SECOND_ID = "01900000-0000-7000-8000-000000000002"
OCCURRED_AT = "2026-11-21T12:00:00.000Z"
FIRST_LEAF = "782d664f42aeb0ad9037834dac00cd2400ea639d65fe7c47b5fac0b1e09073c3"
FIRST_ROW = "c0ba32badadf86bb7de4047e69d36762dee6bbb46ca57268c8aa8be77af1c902"
SECOND_LEAF = "767a26eddc6c9331d477d8c60079771085e83706fcef5e3275207287443b082d"
SECOND_ROW = "bcba69e8cc8e04418d3313534836b370cfdb54d359901bc0b9bda244b4f1c6ce"
ROOT_OF_BOTH = "a8366363a772dbb070d6f63a65eb271b703900150e8a596049dd59f352266476"

ORIGIN = "wallet.example/log"
SEED = bytes(32)
KEY_ID = "ab06ff1e"
SIGNATURE = "qwb/HpveQAXewyS0KN2PmjcugP++ucfFRQX1tkardQpiqDeTLVUj2wFZJ8N2FLG0dpQ0nNwyxc5LNuhwHvh3vJAxSA0="
VERIFIER_KEY = "wallet.example/log+ab06ff1e+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"

GIVEN: dict[str, Any] = {
    "outcome": "released",
    "accessor": {"org_id": "org-a", "client_id": "client-a"},
    "source": {"org_id": "org-b", "dataset_id": "ds-1", "dataset_version": 1},
    "fields": ["birth_date", "name"],
    "purpose_id": "pur-1",
    "basis": {"kind": "consent", "id": "7f0c5c1e-0000-4000-8000-000000000001"},
    "txn": "7f0c5c1e-0000-4000-8000-00000000aaaa",
    "reporter": "gate",
}
"""What the gate gives for the first entry; the second has the outcome denied."""


def core(entry_id: str, outcome: str) -> dict[str, object]:
    """The whole core of one of the two entries."""
    return {**GIVEN, "v": 1, "entry_id": entry_id, "occurred_at": OCCURRED_AT, "subject": COMMITMENT, "outcome": outcome}
