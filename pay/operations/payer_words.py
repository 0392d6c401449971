"""The words of e-mails to payers, in the language of the moment: the first line says what to do, or that nothing is to be done."""

from datetime import date

from pay.operations.receipts import PaymentReceipt
from pay.standards.money import money
from pay.standards.payment_object import Payment
from shared.web.words import code as in_groups
from shared.web.words import day, gettext, moment

Words = tuple[str, str]


def receipt(proof: PaymentReceipt, link: str, feedback: str | None) -> Words:
    """A payment is complete; `feedback` is where its payer is asked how it went."""
    name, payment = proof.account.service_name, proof.payment
    amount = money(payment.total_minor, payment.currency)
    return gettext("Receipt: %(amount)s paid to %(name)s", amount=amount, name=name), _lines(
        gettext("You need to do nothing: your payment is complete."),
        _facts(name, payment) + "\n" + gettext("When: %(moment)s", moment=moment(proof.paid_at)),
        gettext("Receipt code: %(code)s", code=in_groups(proof.code)),
        gettext("See, print or show your receipt: %(link)s", link=link),
        *([gettext("How did it go? One question, without your name: %(link)s", link=feedback)] if feedback else []),
        _genuine(),
    )


def refund(name: str, payment: Payment, amount_minor: int) -> Words:
    """Money comes back."""
    amount = money(amount_minor, payment.currency)
    return gettext("%(name)s gives you back %(amount)s", name=name, amount=amount), _lines(
        gettext("You need to do nothing. The money comes back the way you paid; your bank may need some days."),
        _facts(name, payment),
        _genuine(),
    )


def notice(name: str, payment: Payment, due_on: date, number: str, link: str, *, is_reminder: bool) -> Words:
    """Something is to be paid."""
    amount, until = money(payment.amount_minor, payment.currency), day(due_on)
    if is_reminder:
        subject = gettext("Pay %(name)s until %(until)s: %(amount)s", name=name, until=until, amount=amount)
    else:
        subject = gettext("A notice of %(name)s: %(amount)s", name=name, amount=amount)
    return subject, _lines(
        gettext("Pay until %(until)s, here or at a counter: %(link)s", until=until, link=link),
        _facts(name, payment),
        gettext("Number of the notice: %(number)s", number=in_groups(number)),
        gettext("If you have paid already, do nothing."),
        _genuine(),
    )


def _facts(name: str, payment: Payment) -> str:
    return "\n".join(
        (
            gettext("Paid to: %(name)s", name=name),
            gettext("For: %(what)s", what=payment.description),
            gettext("Reference: %(reference)s", reference=payment.reference),
        )
    )


def _genuine() -> str:
    return gettext("We never ask for your password or your card by e-mail.")


def _lines(*parts: str) -> str:
    return "\n\n".join(parts)
