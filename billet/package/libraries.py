"""The libraries of Lambda, in the versions and with the hashes of the lock files."""

import re
import subprocess
import sys
from pathlib import Path

from billet.package import source
from billet.package.errors import PackagingError
from billet.package.target import MACHINES, Target

ELF_MACHINES = {"x86_64": 0x3E, "aarch64": 0xB7}
"""e_machine of the ELF format."""


def install(target: Target, folder: Path) -> None:
    """Install the libraries as wheels for Lambda into an empty folder.

    Raises:
        PackagingError: pip fails, or a library is for another platform.
    """
    chalice = folder / "chalice.txt"
    chalice.write_text(_pin("chalice", source.ROOT / "requirements-serve.txt"))
    files = (source.ROOT / "requirements.txt", chalice)
    platforms = [part for one in target.platforms for part in ("--platform", one)]
    command = [
        *(sys.executable, "-m", "pip", "--python", target.python, "install", "--quiet"),
        *("--disable-pip-version-check", "--no-input", "--no-deps", "--no-compile"),
        *("--require-hashes", "--only-binary", ":all:", "--implementation", "cp"),
        *("--python-version", target.version, *platforms, "--target", str(folder)),
        *(part for file in files for part in ("--requirement", str(file))),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise PackagingError(f"pip failed: {_reason(done.stderr)}")
    chalice.unlink()
    check_platform(target, folder)


def check_platform(target: Target, folder: Path) -> None:
    """Check that each extension module is for the target.

    Raises:
        PackagingError: one is for another Python or processor.
    """
    machine = MACHINES[target.architecture]
    for file in sorted(folder.rglob("*.so*")):
        tag = file.name.partition(".")[2].rpartition(".so")[0]
        head = file.read_bytes()[:20]
        right_machine = int.from_bytes(head[18:20], "little") == ELF_MACHINES[machine]
        if tag not in {target.extension_tag, "abi3", ""} or not right_machine:
            name = file.relative_to(folder)
            raise PackagingError(f"{name}: is not for {target.runtime} on {target.architecture}")


def _pin(name: str, lock: Path) -> str:
    """Return the version and the hashes of a library in a lock file.

    The zip has only Chalice's runtime, not the command's libraries. So they are not in the lock of
    Lambda, requirements.txt.
    """
    found = re.search(rf"^{name}==(?:.*\\\n)*.*\n", lock.read_text(), re.MULTILINE)
    if found is None:
        raise PackagingError(f"{lock.name}: must have {name}; run `make lock`")
    return found[0]


def _reason(stderr: str) -> str:
    """Return pip's last error, in one line."""
    errors = [line for line in stderr.splitlines() if line.startswith("ERROR: ")]
    reason = errors[-1].removeprefix("ERROR: ") if errors else stderr.strip().rpartition("\n")[2]
    if "No matching distribution" in reason:  # also what pip says without a network
        reason += " as a wheel for Lambda (is the package index reachable?)"
    return reason or "it gave no reason"
