"""Structured logs: one JSON object a line on standard error, without personal data.

What may be logged: routes (never addresses with their values), statuses, times, ids of ours, names of error classes.
What may not: bodies, query strings, headers, network addresses, texts of exceptions of other parties.
"""

import atexit
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

import structlog

from shared import trace

WAIT_SECONDS = 0.25
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def _add_ids(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if request_id := trace.request_id():
        event["request_id"] = request_id
    if journey_id := trace.journey_id():
        event["journey_id"] = journey_id
    return event


def _service_name(service: str) -> structlog.types.Processor:
    def add(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("service", service)
        return event

    return add


def _without_values(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace a traceback by its frames: the text of an exception may hold a value that somebody sent."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()
    if isinstance(error, BaseException):
        error = (type(error), error, error.__traceback__)
    if isinstance(error, tuple) and error[0] is not None:
        frames, walk = [], error[2]
        while walk is not None:
            frames.append(f"{walk.tb_frame.f_code.co_filename.rpartition('site-packages/')[2]}:{walk.tb_lineno}")
            walk = walk.tb_next
        event["exception"] = error[0].__name__
        event["frames"] = frames[-12:]
    return event


class _Lines:
    """Writes lines in bunches: one write for each would cost a third of a small request.

    A line waits for at most `WAIT_SECONDS`; one of a warning or worse is written at once, with all before it.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lines: deque[str] = deque()
        self._lock = threading.Lock()
        self._owner = 0
        atexit.register(self.flush)

    def write_later(self, line: str) -> None:
        """Keep a line for the next bunch."""
        self._lines.append(line)
        if self._owner != os.getpid():  # the first line of this process: a fork has no threads of its parent's
            self._owner = os.getpid()
            threading.Thread(target=self._write_on, daemon=True, name="logs").start()

    def write_now(self, line: str) -> None:
        """Write a line and what waits before it."""
        self._lines.append(line)
        self.flush()

    msg = debug = info = write_later
    warning = error = critical = exception = fatal = failure = log = write_now

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            waiting = [self._lines.popleft() for _ in range(len(self._lines))]  # others go on adding meanwhile
            if waiting and not self._file.closed:
                self._file.write("\n".join(waiting) + "\n")
                self._file.flush()

    def _write_on(self) -> None:
        while True:
            time.sleep(WAIT_SECONDS)
            self.flush()


class _ThroughStructlog(logging.Handler):
    """Brings the lines of libraries that use the standard library's logging into the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        # Only the template of the message: its arguments may be anything.
        logger = structlog.get_logger(record.name)
        logger.log(record.levelno, str(record.msg), exc_info=record.exc_info or None)


def configure(service: str, level: str) -> Callable[[], None]:
    """Set up the logs of this process; return what writes the lines that wait, for who cannot wait."""
    chosen = _LEVELS.get(level, logging.INFO)
    lines = _Lines(sys.stderr)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _service_name(service),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_ids,
            _without_values,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(chosen),
        logger_factory=lambda *_names: lines,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers[:] = [_ThroughStructlog()]
    root.setLevel(max(chosen, logging.WARNING))
    return lines.flush
