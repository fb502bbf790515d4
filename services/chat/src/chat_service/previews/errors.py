"""Why there is no preview. Nobody is told: a message without one is whole."""


class PageRefused(Exception):
    """This page is not for previews; its host may have others."""


class HostFailed(Exception):
    """The host does not serve, or may not be reached: the next page would fare no better."""
