"""All that runs on an operator's machine."""
