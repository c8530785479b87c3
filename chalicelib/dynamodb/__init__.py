"""PynamoDB models, keys, ids, reads and changes. Knows no use case and no HTTP."""
