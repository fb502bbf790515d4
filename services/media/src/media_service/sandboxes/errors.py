"""What can happen to work in a sandbox."""


class SandboxError(Exception):
    """The work did not come to its end."""


class WorkKilled(SandboxError):
    """It took more memory or processor time than it may have, or crashed: it would do so again."""


class WorkFailed(SandboxError):
    """It raised: a fault of ours."""


class WorkLost(SandboxError):
    """It took too long by the clock, or the program that it ran in is gone: another try may well succeed."""
