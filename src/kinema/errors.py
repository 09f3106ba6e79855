"""The one exception that speaks to the user."""


class UserError(ValueError):
    """A mistake of the user, told in one sentence: what was wrong, where, and what to do.

    The command line prints the sentence without a traceback and exits with status 2.
    """
