"""What thousands of applications of one test run have in common is compiled once: it was two fifths of the tests' time."""

from types import MethodType
from typing import ClassVar, cast

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import BaseConverter, Rule
from werkzeug.routing.rules import RulePart

Known = tuple[list[RulePart], list[tuple[bool, str]], dict[str, BaseConverter], MethodType, MethodType]


class RuleOnce(Rule):
    """A rule of the router; what is made of it is the same for the same text and the same kinds of value."""

    _known: ClassVar[dict[tuple[object, ...], Known]] = {}

    def compile(self) -> None:
        """Make the rule's expression and what builds its address, or take those that were made of the same rule."""
        assert self.map is not None
        key = (self.rule, self.merge_slashes, repr(self.defaults), tuple(self.map.converters.items()))
        if key not in self._known:
            super().compile()
            self._known[key] = (
                self._parts,
                self._trace,
                self._converters,
                cast(MethodType, self._build),
                cast(MethodType, self._build_unknown),
            )
            return
        self._parts, self._trace, self._converters, build, build_unknown = self._known[key]
        self.arguments.update(self._converters)
        self._build, self._build_unknown = MethodType(build.__func__, self), MethodType(build_unknown.__func__, self)


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
