"""The one refusal of this package."""


class CannotStart(Exception):
    """Something needed cannot run here.  The text is one sentence for the person at the terminal: what is wrong, what to do."""
