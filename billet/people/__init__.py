"""The commands of the people who do the tasks: `billet task`, `user`, `board`, `login`.

They use the API through billet_client, and nothing of AWS. `billet task --help` and completion
import the modules with commands, so these import what takes long (billet_client, rich, dateparser,
keyring) only when they use it.
"""
