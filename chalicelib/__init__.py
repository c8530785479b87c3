"""All that runs in Lambda. Three floors, each importing only downwards: api, use cases, storage."""

__version__ = "0.1.0"
