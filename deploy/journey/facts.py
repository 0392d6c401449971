"""The running sandbox as `sandbox.json` describes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.journey.report import JourneyFault


@dataclass(frozen=True, kw_only=True)
class Citizen:
    """A person of the sandbox who walks the journey."""

    run: str
    name: str
    password: str
    totp_secret: str
    email: str
    phone: str


class Sandbox:
    """Reads the sandbox's contract; a missing key is a broken promise, said by name."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    @classmethod
    def read(cls, path: Path) -> Sandbox:
        """Raises: JourneyFault when the file cannot be read."""
        try:
            return cls(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise JourneyFault(f"the sandbox's file {path} cannot be read") from error

    def value(self, *path: str | int) -> Any:
        """The member at `path`. Raises: JourneyFault when it is not there."""
        here: Any = self._document
        for part in path:
            try:
                here = here[part]
            except (KeyError, IndexError, TypeError) as error:
                raise JourneyFault(f"sandbox.json has no {'.'.join(map(str, path))}") from error
        return here

    def text(self, *path: str | int) -> str:
        """The text at `path`. Raises: JourneyFault."""
        value = self.value(*path)
        if not isinstance(value, str) or not value:
            raise JourneyFault(f"sandbox.json has no text at {'.'.join(map(str, path))}")
        return value

    def citizen(self, run: str) -> Citizen:
        """The person with this RUN. Raises: JourneyFault."""
        for row in self.value("identity", "citizens"):
            if row.get("run") == run:
                return Citizen(
                    run=run,
                    name=row["name"],
                    password=row["password"],
                    totp_secret=row.get("totp_secret") or "",
                    email=row["email"],
                    phone=row["phone"],
                )
        raise JourneyFault(f"the sandbox has no citizen {run}")
