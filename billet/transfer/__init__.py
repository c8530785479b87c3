"""`billet export` and `billet import`: all users and tasks in one file, and back.

The file is JSON Lines: a header, then users, tasks and tokens, each in the order of its key, then
a line with the counts. Equal data gives equal files, byte for byte. The file holds entities, not
items: an import makes the items with the functions that the API uses.
"""
