"""All that runs on an operator's machine."""

__version__ = "0.1.0"
