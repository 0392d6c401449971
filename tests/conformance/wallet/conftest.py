"""What tests of the wallet ask for."""

from tests.factories.wallet_fixtures import world

__all__ = ["world"]
