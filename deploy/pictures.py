"""`python -m deploy.pictures`: put the pictures that the browser tests kept into docs/identity/pictures, small.

Run the tests first: `make test ARGS='tests/browser/test_account.py tests/browser/test_identity_journeys.py'`.
"""

import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
TAKEN = ROOT / "var" / "artefacts"
KEPT = ROOT / "docs" / "identity" / "pictures"
COLOURS = 24
HEIGHT_MAX = 1_500
NAMES = {
    "activate": "activate-recover/es-360/01-activate",
    "activated": "activate-recover/es-360/02-activated",
    "office": "office/es-1280/01-office",
    "office-code": "office/es-1280/02-code",
    "sign-in": "account/es-360/01-sign-in",
    "passkey": "account/es-360/03-add-a-passkey",
    "ways": "account/es-360/04-ways-to-sign-in",
    "codes": "account/es-360/05-recovery-codes",
    "second-factor": "confirm/es-1280/01-second-factor",
    "number": "confirm/es-1280/02-number",
    "question-waits": "close-session/es-360/01-question-waits",
    "question": "close-session/es-360/02-question",
    "said-yes": "close-session/es-360/03-said-yes",
    "two-sessions": "close-session/es-360/04-two-sessions",
    "one-session": "close-session/es-360/05-one-session",
    "signed-out": "confirm/es-1280/04-signed-out",
    "history": "confirm/es-1280/03-history",
    "recover": "activate-recover/es-360/03-start",
    "recover-proof": "activate-recover/es-360/04-proof",
    "recover-password": "activate-recover/es-360/05-new-password",
    "recovered": "activate-recover/es-360/06-done",
    "mandate-give": "mandate/es-360/01-give",
    "mandate-offer": "mandate-accept/es-360/01-offer",
    "mandate-given": "mandate/es-360/03-given",
    "mandate-one": "mandate/es-360/04-one",
    "for-whom": "mandate-accept/es-360/03-for-whom",
    "assist": "assist/es-1280/01-console",
    "assist-number": "assist/es-1280/02-number",
    "assist-question": "assist-citizen/es-360/01-question",
    "assist-help": "assist-citizen/es-360/02-help",
    "new-service": "team/es-1280/01-new-service",
}
"""Name in the documents, and which page state of which journey it is; no picture shows a key."""


def keep(source: Path, target: Path) -> None:
    """Keep a picture with few colours, cut where it is very long."""
    with Image.open(source) as picture:
        cut = picture.convert("RGB").crop((0, 0, picture.width, min(picture.height, HEIGHT_MAX)))
    cut.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)


def main() -> int:
    """Keep all of them; 1 when a journey left no picture."""
    missing = [name for name in NAMES.values() if not (TAKEN / f"{name}.png").exists()]
    if missing:
        print("pictures: run the browser tests first; missing: " + ", ".join(missing), file=sys.stderr)
        return 1
    KEPT.mkdir(parents=True, exist_ok=True)
    for name, taken in NAMES.items():
        keep(TAKEN / f"{taken}.png", KEPT / f"{name}.png")
    size = sum(path.stat().st_size for path in KEPT.glob("*.png"))
    print(f"{len(NAMES)} pictures, {size // 1024} KiB, in {KEPT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
