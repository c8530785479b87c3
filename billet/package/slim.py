"""Making the zip small and quick to import from, and the same whenever it is made from the same."""

import gzip
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

SERVICES = {"dynamodb"}
"""Those of AWS that the API calls, as botocore/data names them."""
LAMBDA_FOLDER = "/var/task"
"""Where Lambda unpacks the zip."""
SWAGGER_UI = {"swagger_bundle.js", "swagger_style.css"}
"""What chalicelib/http/routes/docs.py serves of the viewers that offapi ships."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold."""


def write(source: Path, target: Path) -> None:
    """Writes what Lambda needs of one zip into another, with all modules compiled."""
    with tempfile.TemporaryDirectory() as scratch:
        with zipfile.ZipFile(source) as archive:
            names = [name for name in archive.namelist() if needed(PurePosixPath(name))]
            archive.extractall(scratch, names)
        _shorten(Path(scratch) / "botocore/data")
        _compile(scratch)
        _pack(Path(scratch), target)


def needed(path: PurePosixPath) -> bool:
    """Whether the API, or who looks after it, reads this file of the zip."""
    top = path.parts[0]
    if top.endswith(".dist-info"):
        return path.name == "METADATA"  # scanners for vulnerable versions go by it
    if path.is_relative_to("botocore/data"):
        # Without the rules botocore finds endpoints by endpoints.json, as it did before it had any.
        shared = len(path.parts) == 3
        return shared or (path.parts[2] in SERVICES and not path.match("endpoint-rule-set-*"))
    if top == "offapi":
        return path.name in SWAGGER_UI
    return (
        not top.startswith(".")
        and not top.endswith(".data")
        and path.suffix not in {".pyi", ".pyc"}
    )


def _shorten(data: Path) -> None:
    """Leaves out what botocore reads at each start and the API does not need.

    These are the endpoints of other services, and the documentation of its own.
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


def _compile(folder: str) -> None:
    """Makes .pyc files that Python takes as they are, without a look at the source.

    What marshal writes can depend on the hash seed and on what the process did before; so it is a
    process of its own, with a fixed seed.
    """
    arguments = ["-q", "--invalidation-mode", "unchecked-hash"]
    subprocess.run(  # noqa: S603
        [sys.executable, "-m", "compileall", *arguments, "-s", folder, "-p", LAMBDA_FOLDER, folder],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        check=True,
    )


def _pack(folder: Path, target: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    with zipfile.ZipFile(target, "w") as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes())
