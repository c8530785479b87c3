"""Errors of the local databases. Their texts say what is wrong and what to do."""


class EmulatorError(Exception):
    """A local database, or a program that it needs, is not available on this machine."""


class DataFolderError(EmulatorError):
    """The data folder cannot be read or written. No empty database may replace it."""


class DataFolderInUse(EmulatorError):
    """Another server uses the data folder."""
