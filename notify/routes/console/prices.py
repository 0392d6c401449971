"""What messages cost and since when, for who runs the suite."""

from flask.typing import ResponseReturnValue

from notify.context import current
from notify.models.team import Right
from notify.operations.prices import list_prices
from notify.routes.console.access import Team
from notify.routes.console.pages import show_page
from notify.schemas.console_words import written_price
from shared.routes import Routes

bp = Routes("console_prices", __name__, url_prefix="/prices", access=Team(Right.OPERATE))


@bp.get("")
def show() -> ResponseReturnValue:
    """Show each price and those before it, with the day from which each holds."""
    notify = current()
    return show_page("prices", prices=list_prices(notify), price=lambda amount: written_price(amount, notify.settings.money))
