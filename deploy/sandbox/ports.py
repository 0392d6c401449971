"""The sandbox's ports: one base, and a fixed distance from it for each part."""

from collections.abc import Mapping
from dataclasses import dataclass

from deploy.errors import CannotStart
from deploy.system import port_is_free

BASE_DEFAULT = 8000
BASE_MIN, BASE_MAX = 1024, 65_500
OFFSETS: Mapping[str, int] = {
    "front": 0,
    "identity": 1,
    "notify": 2,
    "pay": 3,
    "wallet": 4,
    "inbox": 5,
    "example": 6,
    "registry": 7,
    "banks": 8,
    "smtp": 15,
}


@dataclass(frozen=True)
class Ports:
    """All ports of one sandbox; `tls` puts its origins on https."""

    base: int = BASE_DEFAULT
    tls: bool = False

    def of(self, name: str) -> int:
        """The port of one part.  Raises: KeyError."""
        return self.base + OFFSETS[name]

    def url(self, name: str) -> str:
        """The origin of one part, without a slash at the end."""
        return f"{'https' if self.tls else 'http'}://localhost:{self.of(name)}"

    def require_free(self) -> None:
        """Raises: CannotStart naming the ports that others use."""
        taken = [f"{self.of(name)} ({name})" for name in OFFSETS if not port_is_free(self.of(name))]
        if taken:
            raise CannotStart(
                f"Port{'s' if len(taken) > 1 else ''} {', '.join(taken)} {'are' if len(taken) > 1 else 'is'} in use by another program: "
                f"stop it, or choose another base port, for example SANDBOX_PORT={self._suggestion()}."
            )

    def _suggestion(self) -> int:
        for base in range(self.base + 100, BASE_MAX, 100):
            if all(port_is_free(base + offset) for offset in OFFSETS.values()):
                return base
        return BASE_DEFAULT


def from_text(text: str, *, tls: bool = False) -> Ports:
    """The ports of SANDBOX_PORT.  Raises: CannotStart when it is no usable base."""
    if not (text.isascii() and text.isdecimal()) or not BASE_MIN <= int(text) <= BASE_MAX:
        raise CannotStart(f"SANDBOX_PORT is {text!r}: it must be a whole number from {BASE_MIN} to {BASE_MAX}.")
    return Ports(int(text), tls)
