"""Fixtures of the wallet, whose log the bench fills."""

from tests.factories.wallet_fixtures import world

__all__ = ["world"]
