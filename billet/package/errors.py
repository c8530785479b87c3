"""The error of `billet package`."""


class PackagingError(Exception):
    """There is no package that can run. The text is one line."""
