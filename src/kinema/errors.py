"""The two ways to speak to the user: what went wrong, and what was done differently."""


class UserError(ValueError):
    """A mistake of the user, told in one sentence: what was wrong, where, and what to do.

    The command line prints the sentence without a traceback and exits with status 2.
    """


class Notice(UserWarning):
    """Something done differently from what the user asked, told in one sentence.

    Raised through `warnings.warn`; the command line prints the sentence and goes on.
    """
