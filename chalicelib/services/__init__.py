"""The use cases: what can be done with tasks, users, assignments and tokens."""
