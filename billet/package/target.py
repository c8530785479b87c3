"""What a package is made for, and the Python that can make it."""

import platform
import shutil
import subprocess
import sys
from typing import NamedTuple

from billet.package.errors import PackagingError

RUNTIMES = ("python3.11", "python3.12", "python3.13")
"""The supported runtimes of Lambda. A new one can encode responses in another way, see
`chalicelib.http.pages`. Add it when the tests pass on that Python."""
ARCHITECTURES = ("arm64", "x86_64")
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
"""The names of Linux for them."""
GLIBC = {"python3.11": ("2_17",)}
"""The versions of glibc that wheels for the runtime may need, if they are not `NEWER_GLIBC`."""
NEWER_GLIBC = ("2_17", "2_28", "2_34")
"""Of Amazon Linux 2023, that is, from python3.12 on."""


class Target(NamedTuple):
    """A runtime and a processor of Lambda."""

    runtime: str
    architecture: str
    python: str
    """An interpreter of the runtime's version."""

    @classmethod
    def of(cls, runtime: str, architecture: str, python: str | None = None) -> "Target":
        """Return the target with an interpreter of this machine.

        Args:
            python: the interpreter to use; the default is the running one, or that on PATH.

        Raises:
            PackagingError: no interpreter has the version of the runtime.
        """
        candidates = [python] if python else [sys.executable, shutil.which(runtime)]
        for candidate in candidates:
            if candidate and _version(candidate) == runtime:
                return cls(runtime, architecture, candidate)
        if python:
            raise PackagingError(f"--python: {python} is not {runtime}")
        raise PackagingError(
            f"{runtime} is not on PATH, and the modules must be compiled by it: install it, choose "
            "another --runtime, or package in a container (docs/packaging.md)"
        )

    @classmethod
    def of_this_machine(cls) -> "Target":
        """Return the runtime and the processor of the running interpreter."""
        architectures = {machine: name for name, machine in MACHINES.items()}
        runtime = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        return cls(runtime, architectures.get(platform.machine(), "arm64"), sys.executable)

    @property
    def options(self) -> tuple[str, ...]:
        """The options of `billet package` for the target."""
        return ("--runtime", self.runtime, "--architecture", self.architecture)

    @property
    def version(self) -> str:
        """The version of Python, 3.13."""
        return self.runtime.removeprefix("python")

    @property
    def extension_tag(self) -> str:
        """The tag of extension modules for the target."""
        machine = MACHINES[self.architecture]
        return f"cpython-{self.version.replace('.', '')}-{machine}-linux-gnu"

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms of wheels that can run there."""
        machine = MACHINES[self.architecture]
        versions = GLIBC.get(self.runtime, NEWER_GLIBC)
        return (f"manylinux2014_{machine}", *(f"manylinux_{one}_{machine}" for one in versions))


def _version(python: str) -> str:
    """Return the name of an interpreter's version, or "" if it can't be run."""
    ask = "import sys; print('python{}.{}'.format(*sys.version_info[:2]))"
    try:
        done = subprocess.run(  # noqa: S603
            [python, "-c", ask], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip()
