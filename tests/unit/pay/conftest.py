"""What tests of pay ask for."""

from tests.factories.pay_fixtures import standing_world, world

__all__ = ["standing_world", "world"]
