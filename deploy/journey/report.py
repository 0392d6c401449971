"""What the journey says as it goes: a line a step for people, one JSON document for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx
from authlib.integrations.base_client import OAuthError
from notifications_python_client.errors import HTTPError as NotifyError
from rich.console import Console
from rich.markup import escape

from deploy.journey.pages import PageFault

Facts = Mapping[str, object]


class JourneyFault(Exception):
    """Something is not as promised; the text is one clear sentence."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step that was taken; `came_back` is what a reader would want to see of it."""

    name: str
    title: str
    ok: bool
    milliseconds: int
    came_back: Facts


@dataclass(kw_only=True)
class Report:
    """Takes the steps one by one, prints them, and remembers them."""

    road: str
    language: str
    as_json: bool
    console: Console = field(default_factory=Console)
    steps: list[Step] = field(default_factory=list)
    fault: str = ""

    def take(self, name: str, title: str, act: Callable[[], Facts]) -> bool:
        """Do one step; False when it did not come out as promised, and `fault` then says how."""
        began = time.perf_counter()
        came_back: Facts = {}
        try:
            came_back = act()
        except (JourneyFault, PageFault) as fault:
            self.fault = f"{title}: {fault}"
        except (httpx.HTTPError, OAuthError, NotifyError, OSError) as error:
            self.fault = f"{title}: {type(error).__name__}: {error}"
        step = Step(
            name=name, title=title, ok=not self.fault, milliseconds=round((time.perf_counter() - began) * 1000), came_back=came_back
        )
        self.steps.append(step)
        self._print(step)
        return step.ok

    def finish(self) -> int:
        """Print the end; the exit code."""
        total = sum(step.milliseconds for step in self.steps)
        if self.as_json:
            document = {
                "ok": not self.fault,
                "road": self.road,
                "lang": self.language,
                "milliseconds": total,
                "steps": [step.__dict__ for step in self.steps],
                "fault": self.fault or None,
            }
            json.dump(document, sys.stdout, ensure_ascii=False, indent=1)
            sys.stdout.write("\n")
        elif self.fault:
            self.console.print(f"[bold red]✗[/] {escape(self.fault)}")
        else:
            self.console.print(f"[bold green]✓[/] {len(self.steps)} · {total} ms")
        return 1 if self.fault else 0

    def _print(self, step: Step) -> None:
        if self.as_json:
            return
        mark = "[green]✓[/]" if step.ok else "[red]✗[/]"
        self.console.print(f"{mark} {len(self.steps):2}  [bold]{escape(step.title)}[/]  [dim]{step.milliseconds} ms[/]")
        for name, value in step.came_back.items():
            self.console.print(f"       {escape(name)}: {escape(str(value))}", style="dim", highlight=False)
