"""`andamio sandbox`: from nothing to a running suite, and down again."""

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from deploy.engines import postgres
from deploy.errors import CannotStart
from deploy.sandbox import authority, engines, programs, report, setup
from deploy.sandbox import plan as plans
from deploy.sandbox.plan import Plan
from deploy.sandbox.settings import SandboxSettings, from_environment
from deploy.supervisor import Signals, Supervisor, run_until_stopped
from deploy.system import require_space

ENGINE_SECONDS = 60
SETUP_SECONDS = 120
READY_SECONDS = 180
FREE_BYTES_MIN = 300 << 20


def run(*, fresh: bool = False, as_json: bool = False) -> None:
    """Start the sandbox, say where everything is, keep it alive until told to stop.  Raises: CannotStart."""
    began = time.monotonic()
    settings = from_environment()
    say = report.whisper if as_json else report.say
    with locked(settings.folder), Signals() as signals:
        supervisor = Supervisor(settings.folder, say=say)
        try:
            plan = _prepare(settings, supervisor, fresh=fresh, say=say)
            plan = _start_engines(settings, plan, supervisor, say)
            parts = _start_suite(plan, settings.processes, supervisor, say, lambda: signals.stop_asked)
            if not signals.stop_asked:
                document = report.document(plan, parts, version("andamio"))
                plans.write_private(settings.folder / "sandbox.json", json.dumps(document, indent=1, ensure_ascii=False))
                report.tell(plan, document, time.monotonic() - began, as_json=as_json)
                run_until_stopped(supervisor, signals)
        except OSError as fault:
            raise CannotStart(f"{fault.filename or settings.folder} cannot be used: {fault.strerror}.") from fault
        finally:
            (settings.folder / "sandbox.json").unlink(missing_ok=True)
            supervisor.stop()
    say("The sandbox has stopped; its data are kept.")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; the kernel lets go of it when we die.  Raises: CannotStart when another sandbox has it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("a+")
    except OSError as fault:
        raise CannotStart(
            f"The folder {folder} cannot be used ({fault.strerror}): set SANDBOX_DIR to a folder that can be written to."
        ) from fault
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CannotStart(
                f"A sandbox already runs in {folder} (process {lock.read().strip() or 'unknown'}): "
                "stop it, or set SANDBOX_DIR and SANDBOX_PORT to run another beside it."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _prepare(settings: SandboxSettings, supervisor: Supervisor, *, fresh: bool, say: Callable[[str], None]) -> Plan:
    folder = settings.folder
    (folder / "sandbox.json").unlink(missing_ok=True)
    survivors = supervisor.sweep()
    if survivors:
        say(f"An earlier run left {', '.join(survivors)} behind; ended.")
    if fresh:
        _forget(settings)
    settings.ports.require_free()
    require_space(folder, FREE_BYTES_MIN)
    if settings.ports.tls:
        authority.ensure(folder)
    return plans.load_or_make(folder, settings.ports)


def _forget(settings: SandboxSettings) -> None:
    """Delete everything of this sandbox but the lock that we hold."""
    if settings.database_url and (settings.folder / "secrets.json").exists():
        plan = plans.load_or_make(settings.folder, settings.ports)
        engines.drop_databases(replace(plan, engines=replace(plan.engines, own=False)), settings.database_url)
    postgres.remove(settings.folder)
    for entry in settings.folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name != "lock":
            entry.unlink()


def _start_engines(settings: SandboxSettings, plan: Plan, supervisor: Supervisor, say: Callable[[str], None]) -> Plan:
    """Have the engines start, and meanwhile load what the services' processes will share."""
    found, needed = engines.prepare(settings, plan, say)
    plans.keep_engines(plan.folder, found)
    for program in needed:
        supervisor.start(program)
    programs.preload()
    return replace(plan, engines=found)


def _start_suite(
    plan: Plan, processes: int, supervisor: Supervisor, say: Callable[[str], None], interrupted: Callable[[], bool]
) -> dict[str, dict[str, object]]:
    """Databases, then all processes at once; the parts of sandbox.json."""
    supervisor.wait_ready(ENGINE_SECONDS, interrupted=interrupted)
    if interrupted():
        return {}
    all_there = engines.make_databases(plan, plan.engines.admin_url)
    parts = setup.kept_parts(plan) if all_there else None
    if parts is None:
        say("Preparing the databases …")
        setup.parts_file(plan).unlink(missing_ok=True)
        supervisor.run_once(programs.setting_up(plan), SETUP_SECONDS, interrupted)
        parts = setup.kept_parts(plan) or {}
    if interrupted():
        return {}
    say("Starting the services …")
    for program in programs.running(plan, processes):
        supervisor.start(program)
    supervisor.wait_ready(READY_SECONDS, interrupted=interrupted)
    return parts
