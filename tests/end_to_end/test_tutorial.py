"""docs/tutorial.md is true: its commands are run, one after the other, and a person does on the pages what it says."""

import re
import subprocess
from collections.abc import Iterator
from typing import IO

import httpx
import pytest

from deploy.journey.facts import Sandbox
from deploy.journey.pages import Browser, Page
from deploy.journey.person import Person
from tests.sandboxes import ROOT, RunningSandbox

pytestmark = pytest.mark.timeout(300)
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
END = "-- end of block --"


class Terminal:
    """One bash that takes the page's blocks in order."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in: IO[str] = process.stdin
        self._out: IO[str] = process.stdout

    def run(self, block: str, typed: str = "") -> str:
        """Type a block, and below it what it asks for; what was printed."""
        if typed:  # a block that asks begins by asking: its answer is the next line that bash reads
            first, _, rest = block.partition("\n")
            block = f"{first}\n{typed}\n{rest}"
        self._in.write(f"{block}\necho '{END}'\n")
        self._in.flush()
        lines = []
        for line in self._out:
            if line.rstrip("\n").endswith(END):
                return "".join(lines)
            lines.append(line)
        raise AssertionError("bash ended: " + "".join(lines))


@pytest.fixture
def terminal(sandbox: RunningSandbox) -> Iterator[Terminal]:
    process = subprocess.Popen(
        ["bash"], cwd=ROOT, env=sandbox.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    yield Terminal(process)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.wait(10)
    process.stdout.close()


def act(person: Person, url: str, facts: Sandbox) -> str:
    """What the page says a person does there; the address she ends at."""
    returns = (facts.text("identity", "clients", "web", "redirect_uris", 0), facts.text("example") + "/")
    if "/secure/" in url:
        return person.pay(url, return_url=returns[1], email=person.citizen.email)[1].url
    page: Page = person.arrive(url, back_at=returns)
    if "/withdraw" in page.url:
        form = page.form_with(lambda form: "withdraw" in form.action, what="to take it back")
        page = person.browser.submit(page, form, {}, button=form.buttons[0])
    elif any(button.name == "decision" for form in page.forms for button in form.buttons):
        page = person.press(page, name="decision", value="grant")
    elif page.text:
        page = person.browser.submit(page, page.forms[0], {}, button=page.forms[0].buttons[0])
    return page.url


def test_the_tutorial_can_be_done_as_written(sandbox: RunningSandbox, terminal: Terminal) -> None:
    facts = Sandbox(sandbox.facts)
    with httpx.Client(timeout=30) as http:
        out = follow(terminal, Person(facts.citizen("11111111-1"), Browser(http, language="es")), facts)
    assert "Traceback" not in out, out
    assert "\nCamila Andrea Soto Pérez\n" in out, out
    assert '"full_name": "Camila Andrea Soto Pérez"' in out, out
    assert '"status": "success"' in out, out
    assert "Recibimos su pago de $3.500" in out
    made, sent = re.search(r"^([0-9a-f]{64})\n([0-9a-f]{64})$", out, re.MULTILINE).groups()  # type: ignore[union-attr] # None fails the test
    assert made == sent
    assert "consent_withdrawn" in out


def follow(terminal: Terminal, person: Person, facts: Sandbox) -> str:
    """Do every block, and what stands between them; all that was printed."""
    said: list[str] = []
    ended_at = ""
    for block in BLOCK.findall((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")):
        said.append(terminal.run(block, ended_at if block.startswith("read ") else ""))
        opened = re.search(r"Open this page: (\S+)", said[-1])
        if opened:
            ended_at = act(person, opened[1], facts)
    return "".join(said)
