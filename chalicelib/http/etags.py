"""ETags: the version of a user or task in double quotes, or the digest of other content."""

import hashlib


def of_version(version: int, hidden: int = 0) -> str:
    """Return the strong ETag of a version.

    Bodies of one version are identical, apart from assignees that are left out. Their number
    follows the version.
    """
    return f'"{version}-{hidden}"' if hidden else f'"{version}"'


def of_content(content: bytes) -> str:
    """Return the strong ETag of content without a version."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'
