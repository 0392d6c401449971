"""What notices say: the first line tells what to do, or that nothing is to be done.  Texts are English; catalogues translate them."""

from dataclasses import dataclass
from enum import StrEnum

from shared.web.words import gettext_noop


class Kind(StrEnum):
    """Why a person is written to."""

    NEW_DEVICE = "new-device"
    LOGIN_BLOCKED = "login-blocked"
    LOGIN_UNBLOCKED = "login-unblocked"
    AUTHENTICATOR_ADDED = "authenticator-added"
    AUTHENTICATOR_REMOVED = "authenticator-removed"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - a name of a notice
    CODES_MADE = "codes-made"
    CODE_USED = "code-used"
    CONTACT_CHANGED = "contact-changed"
    CONFIRM_CONTACT = "confirm-contact"
    LOGIN_CODE = "login-code"
    SIGN_COUNT = "sign-count"
    SIM_CHANGED = "sim-changed"
    ACTIVATION_CODE = "activation-code"
    ACCOUNT_ACTIVE = "account-active"
    RECOVERY_CODE = "recovery-code"
    RECOVERY_WAITS = "recovery-waits"
    RECOVERED = "recovered"
    MANDATE_OFFERED = "mandate-offered"
    MANDATE_GIVEN = "mandate-given"
    MANDATE_BEGUN = "mandate-begun"
    MANDATE_ENDED = "mandate-ended"
    ASSISTED = "assisted"
    DATA_CHANGED = "data-changed"
    APPROVAL_ASKED = "approval-asked"
    SIGN_IN_ASKED = "sign-in-asked"


@dataclass(frozen=True)
class Text:
    """Subject (for a text message: all of it) and paragraphs; `%(name)s`, `%(device)s`, `%(code)s` … are filled in."""

    subject: str
    lines: tuple[str, ...]


NOT_YOU = gettext_noop("Was this not you? Open your account, choose History and press “This was not me”. Or call us.")
NOTHING = gettext_noop("If it was you, you have nothing to do.")
TEXTS = {
    Kind.APPROVAL_ASKED: Text(
        gettext_noop("%(what)s asks you to confirm who you are"),
        (
            gettext_noop("Open your account, choose Questions to you, and answer there. You have two minutes."),
            gettext_noop("Are you not talking with them? Then say no there, or do nothing."),
        ),
    ),
    Kind.SIGN_IN_ASKED: Text(
        gettext_noop("Are you signing in to %(what)s? Confirm it in your account"),
        (
            gettext_noop("If so, open your account on a device where you are signed in, and type the number that the other device shows."),
            gettext_noop("The sign-in comes from %(device)s, and somebody knew your password. You have five minutes."),
            gettext_noop("If not, open your account, choose Questions to you and press “This is not me”."),
        ),
    ),
    Kind.NEW_DEVICE: Text(
        gettext_noop("Somebody signed in to your account on a new device"),
        (gettext_noop("The sign-in came from %(device)s."), NOTHING, NOT_YOU),
    ),
    Kind.LOGIN_BLOCKED: Text(
        gettext_noop("Somebody tried wrong passwords for your account"),
        (gettext_noop("We stopped them. You can sign in as always on your own device."), gettext_noop("You have nothing to do.")),
    ),
    Kind.LOGIN_UNBLOCKED: Text(
        gettext_noop("Your password works again on every device"),
        (gettext_noop("Somebody had tried wrong passwords for your account. That is over."), NOTHING, NOT_YOU),
    ),
    Kind.AUTHENTICATOR_ADDED: Text(
        gettext_noop("A way to sign in was added to your account"), (gettext_noop("It is called “%(what)s”."), NOTHING, NOT_YOU)
    ),
    Kind.AUTHENTICATOR_REMOVED: Text(
        gettext_noop("A way to sign in was removed from your account"), (gettext_noop("It was called “%(what)s”."), NOTHING, NOT_YOU)
    ),
    Kind.PASSWORD_CHANGED: Text(
        gettext_noop("The password of your account was changed"),
        (gettext_noop("All other devices were signed out."), NOTHING, NOT_YOU),
    ),
    Kind.CODES_MADE: Text(
        gettext_noop("New recovery codes were made for your account"),
        (gettext_noop("The codes from before do not work any more."), NOTHING, NOT_YOU),
    ),
    Kind.CODE_USED: Text(
        gettext_noop("A recovery code of your account was used"), (gettext_noop("You have %(left)s codes left."), NOTHING, NOT_YOU)
    ),
    Kind.CONTACT_CHANGED: Text(
        gettext_noop("A contact of your account was changed"),
        (gettext_noop("For seven days the new contact cannot be used to recover the account."), NOTHING, NOT_YOU),
    ),
    Kind.CONFIRM_CONTACT: Text(
        gettext_noop("Your code is %(code)s"), (gettext_noop("Type it on the page to confirm this contact. It works for 15 minutes."),)
    ),
    Kind.LOGIN_CODE: Text(gettext_noop("Your code to sign in is %(code)s. Give it to nobody"), (gettext_noop("It works for 10 minutes."),)),
    Kind.SIGN_COUNT: Text(
        gettext_noop("A key of your account may have been copied"),
        (gettext_noop("The key “%(what)s” counted backwards. Remove it if you do not know why."), NOT_YOU),
    ),
    Kind.SIM_CHANGED: Text(
        gettext_noop("We did not send a code to your telephone: its card was changed lately"),
        (
            gettext_noop("Did you change it? Use a code from your paper, or wait three days. Or go to an office with your identity card."),
            NOT_YOU,
        ),
    ),
    Kind.ACTIVATION_CODE: Text(
        gettext_noop("Your activation code is %(code)s"),
        (gettext_noop("Go to %(address)s and type your RUN and this code. It works for 15 days."),),
    ),
    Kind.ACCOUNT_ACTIVE: Text(
        gettext_noop("Your account is active"), (gettext_noop("You can sign in to public services from now on."), NOT_YOU)
    ),
    Kind.RECOVERY_CODE: Text(
        gettext_noop("Your code to recover the account is %(code)s"),
        (gettext_noop("Type it on the page where you asked for it. If you did not ask, you have nothing to do."),),
    ),
    Kind.RECOVERY_WAITS: Text(
        gettext_noop("Somebody wants a new password for your account"),
        (
            gettext_noop("If it was not you, stop it now at the address below. Otherwise you can set the password in 24 hours."),
            gettext_noop("To stop it:"),
        ),
    ),
    Kind.RECOVERED: Text(
        gettext_noop("Your account has a new password"),
        (gettext_noop("All devices were signed out. Check your ways to sign in."), NOTHING, NOT_YOU),
    ),
    Kind.MANDATE_OFFERED: Text(
        gettext_noop("%(who)s wants you to act for them"),
        (gettext_noop("Open your account and choose Acting for others, to accept or to refuse."),),
    ),
    Kind.MANDATE_GIVEN: Text(
        gettext_noop("Somebody is offered to act for %(who)s"),
        (gettext_noop("It counts once they accept. Until then you can take it back in your account."), NOTHING, NOT_YOU),
    ),
    Kind.MANDATE_BEGUN: Text(
        gettext_noop("A permission to act for somebody began"),
        (
            gettext_noop("It concerns %(who)s."),
            gettext_noop("In your account, Acting for others shows what it allows and each use. You can end it there."),
        ),
    ),
    Kind.MANDATE_ENDED: Text(
        gettext_noop("A permission to act for somebody ended"), (gettext_noop("It concerned %(who)s. You have nothing to do."),)
    ),
    Kind.ASSISTED: Text(
        gettext_noop("%(who)s helps you now with %(service)s"),
        (gettext_noop("The reason given: %(reason)s."), gettext_noop("If you did not ask for help, call us now."), NOT_YOU),
    ),
    Kind.DATA_CHANGED: Text(
        gettext_noop("Your name in your account was changed"),
        (gettext_noop("The civil registry told us. If it is wrong, go to the civil registry."),),
    ),
}
