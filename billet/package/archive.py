"""Make the zip small, fast to import, and reproducible."""

import gzip
import json
import os
import subprocess
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

from billet.package.target import Target

SERVICES = {"dynamodb"}
"""The AWS services that the API calls, by their names in botocore/data."""
LAMBDA_FOLDER = "/var/task"
"""The folder into which Lambda unpacks the zip."""
PARTS = {
    "chalice": {"__init__.py", "app.py"},
    "offapi": {"swagger_bundle.js", "swagger_style.css"},
    "typing_extensions.py": set(),
    "tzdata": {"__init__.py", "zoneinfo/__init__.py", "zoneinfo/UTC"},
}
"""The files of libraries that are only needed in part: Chalice's runtime, what
chalicelib/http/routes/docs.py serves, and what icalendar needs of its libraries."""
UNUSED = {"icalendar/fuzzing", "icalendar/tests"}
"""Folders that are half of icalendar."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold."""


def write(folder: Path, zip_file: Path, target: Target) -> None:
    """Pack what Lambda needs from a folder, with all modules compiled. Changes the folder."""
    for file in [path for path in folder.rglob("*") if path.is_file()]:
        if not needed(PurePosixPath(file.relative_to(folder))):
            file.unlink()
    _shorten(folder / "botocore/data")
    _compile(folder, target)
    _pack(folder, zip_file)


def needed(path: PurePosixPath) -> bool:
    """Return whether the API or a tool for its dependencies reads this file of the zip."""
    top = path.parts[0]
    if top.endswith(".dist-info"):
        return path.name == "METADATA"  # vulnerability scanners read it
    if path.is_relative_to("botocore/data"):
        # Without rule sets botocore finds endpoints in endpoints.json, as its older versions do.
        shared = len(path.parts) == 3
        return shared or (path.parts[2] in SERVICES and not path.match("endpoint-rule-set-*"))
    if top in PARTS:
        return path.relative_to(top).as_posix() in PARTS[top]
    if any(path.is_relative_to(folder) for folder in UNUSED):
        return False
    return top != "bin" and not top.startswith(".") and path.suffix not in {".pyi", ".pyc"}


def _shorten(data: Path) -> None:
    """Remove what botocore reads at each start and the API does not need.

    That is the endpoints of other services and the documentation of DynamoDB's operations.
    """
    endpoints = data / "endpoints.json"
    content = json.loads(endpoints.read_bytes())
    for partition in content["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in SERVICES & services.keys()}
    endpoints.write_text(json.dumps(content))
    for packed in data.glob("*/*/service-2.json.gz"):
        model = _undocumented(json.loads(gzip.decompress(packed.read_bytes())))
        packed.with_suffix("").write_text(json.dumps(model))
        packed.unlink()


def _undocumented(model: Any) -> Any:
    if isinstance(model, dict):
        return {
            name: _undocumented(part)
            for name, part in model.items()
            if not (name == "documentation" and isinstance(part, str))
        }
    return [_undocumented(part) for part in model] if isinstance(model, list) else model


def _compile(folder: Path, target: Target) -> None:
    """Write .pyc files that Python uses without checking the source.

    The output of marshal depends on the hash seed and on what the process did before, so a process
    of its own with a fixed seed writes them.
    """
    arguments = ["-q", "--invalidation-mode", "unchecked-hash", "-s", str(folder)]
    subprocess.run(  # noqa: S603
        [target.python, "-m", "compileall", *arguments, "-p", LAMBDA_FOLDER, str(folder)],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        check=True,
    )


def _pack(folder: Path, zip_file: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    with zipfile.ZipFile(zip_file, "w") as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes())
