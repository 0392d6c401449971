"""Kinds of refusal of the account: problem documents and pages, beside those of OAuth in errors.py."""

from shared.problems import Conflict, Forbidden, InvalidRequest, NotFound


class PasskeyRefused(InvalidRequest):
    """What the browser sent is no passkey that can be taken."""

    slug = "passkey-refused"
    title = "The passkey was not added"


class PasswordRefused(InvalidRequest):
    """The password is too short, too long, or known to thieves; `fault` says which."""

    slug = "password-refused"
    title = "This password cannot be used"


class LastFactor(Conflict):
    """The last strong way to sign in stays until there is another way back in (WA-5)."""

    slug = "last-factor"
    title = "This is your last strong way to sign in"


class SecurityNotFound(NotFound):
    """No such way to sign in, or session, of this person."""

    slug = "security-entry-not-found"
    title = "Your account has no such entry"


class ContactRefused(InvalidRequest):
    """The contact is not valid, or its code did not come back."""

    slug = "contact-refused"
    title = "The contact was not changed"


class NotOfTheTeam(NotFound):
    """The service is not there, or not this person's."""

    slug = "not-of-the-team"
    title = "There is no such service of your team"


class TwoPersonsNeeded(Forbidden):
    """Two different persons must act: nobody approves their own wish, or gives themselves an account."""

    slug = "two-persons-needed"
    title = "Another person must do this"


class ActivationRefused(InvalidRequest):
    """The person cannot be activated like this; the text says what to do."""

    slug = "activation-refused"
    title = "The account was not activated"


class RecoveryRefused(InvalidRequest):
    """The recovery does not go on: a wrong code, or one that is over."""

    slug = "recovery-refused"
    title = "The account was not recovered"


class AnnouncementRefused(InvalidRequest):
    """The announcement cannot be made like this; the text says why."""

    slug = "announcement-refused"
    title = "The announcement was not made"


class ApprovalNotFound(NotFound):
    """The question whether it is you who signs in elsewhere was answered, is over, or is somebody else's."""

    slug = "approval-not-found"
    title = "This question is not there any more"


class MandateRefused(InvalidRequest):
    """The permission to act cannot be given, ended or changed like this; the text says what to do."""

    slug = "mandate-refused"
    title = "The permission was not changed"


class MandateNotFound(NotFound):
    """No such permission that concerns this person."""

    slug = "mandate-not-found"
    title = "There is no such permission of yours"


class AssistanceRefused(InvalidRequest):
    """The agent cannot help like this; the text says what to do."""

    slug = "assistance-refused"
    title = "Help was not begun"


class AssistanceNotFound(NotFound):
    """No such assisted session that concerns this person or agent."""

    slug = "assistance-not-found"
    title = "There is no such help"
