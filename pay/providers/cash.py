"""Cash and cards at the counters of partners: taken before we are told, so nothing is reserved, voided or given back by a call."""

from pay.providers.base import Order, Outcome, Verdict


class CounterGateway:
    """What a counter took is taken; money goes back by a pay-out to the person, never through the counter that took it."""

    name = "cash"
    takes_card_numbers_here = False
    settles_refunds_at_once = True
    repeats_safely = True

    def capture(self, order: Order) -> Outcome:
        """Refuse: a counter's money is captured when it is confirmed."""
        return Outcome(Verdict.ERROR, order.provider_id, "a counter reserves nothing")

    def void(self, order: Order) -> Outcome:
        """Refuse: there is nothing to free."""
        return Outcome(Verdict.ERROR, order.provider_id, "a counter reserves nothing")

    def refund(self, order: Order) -> Outcome:
        """Refuse: pay the person out instead."""
        return Outcome(Verdict.DECLINED, order.provider_id, "cash goes back by a pay-out")

    def find(self, order: Order) -> Outcome | None:
        """Know of no call, for there is none."""
        return None


class TransferGateway(CounterGateway):
    """Transfers to our own bank account: there before the bank's statement tells us, and given back by a pay-out."""

    name = "transfer"


class NoGateway(CounterGateway):
    """Where nothing is asked of a payer, nobody takes anything, and nothing can be given back.  Spec: requirements PA-10."""

    name = "none"
