"""What thousands of applications of one test run have in common is compiled once: it was two fifths of the tests' time."""

from collections.abc import Callable
from typing import ClassVar

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

Builder = Callable[..., tuple[str, str]]


class RuleOnce(Rule):
    """A rule of the router; what builds its address is a function of the text of the rule alone."""

    _known: ClassVar[dict[tuple[object, ...], Builder]] = {}

    def _compile_builder(self, append_unknown: bool = True) -> Builder:
        key = (self.rule, tuple(self._trace), repr(self.defaults), append_unknown)
        if key not in self._known:
            self._known[key] = super()._compile_builder(append_unknown)
        return self._known[key]


class TemplatesOnce(BytecodeCache):
    """Templates as they were compiled, by name and source."""

    def __init__(self) -> None:
        self._compiled: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give what was compiled of this very source."""
        if found := self._compiled.get((bucket.key, bucket.checksum)):
            bucket.bytecode_from_string(found)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it for the next application."""
        self._compiled[(bucket.key, bucket.checksum)] = bucket.bytecode_to_string()


def install() -> None:
    """Have every application of this process made so."""
    Flask.url_rule_class = RuleOnce
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": TemplatesOnce()}
