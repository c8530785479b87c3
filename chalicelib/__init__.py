"""All that runs in Lambda. Three floors, each importing only downwards: api, use cases, storage."""
