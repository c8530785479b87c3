"""Secrets of API tokens and feeds: a prefix and 256 random bits.

Only the SHA-256 digest of a secret is stored. A slow hash would add nothing, because nobody can try
2^256 secrets.
"""

import hashlib
import secrets

BYTES = 32


def generate(prefix: str) -> str:
    """Return a new secret."""
    return prefix + secrets.token_urlsafe(BYTES)


def digest(secret: str) -> str:
    """Return the digest of a secret, or of what a client has sent as one, in hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
