"""Characters that tests of usernames need."""

import unicodedata

IOTAS = [text for text in map(chr, range(0x3000)) if "\u0345" in unicodedata.normalize("NFD", text)]
"""The characters that have the combining iota U+0345 in them."""
