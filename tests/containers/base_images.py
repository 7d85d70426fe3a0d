"""The images that the project's own begin with: pulled, or made on this machine to stand in.

Where no registry can be reached, Debian's packages and this machine's Python make images that keep
what the Dockerfile and `docker-compose.yaml` rely on. They are for this suite, nothing else.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.containers.engine import Engine
from tests.deploy.compose_file import ROOT, read_compose

HERE = Path(__file__).parent
_STAND_INS = ("cxr-stand-in/python", "cxr-stand-in/servers", "cxr-stand-in/servers")
_PULL_SECONDS = 600
_SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_OF_PYTHON = (
    "ca-certificates",
    "libbz2-1.0",
    "libffi8",
    "libgdbm6",
    "liblzma5",
    "libncursesw6",
    "libreadline8",
    "libsqlite3-0",
    "libssl3",
    "libuuid1",
    "netbase",
    "tzdata",
    "zlib1g",
)
_POSTGRES = "/usr/lib/postgresql/15/bin"


@dataclass(frozen=True)
class BaseImages:
    """Names of images that the engine has.

    Attributes:
        python: What the Dockerfile begins with.
        postgres: The database.
        redis: The broker.
    """

    python: str
    postgres: str
    redis: str


def base_images(engine: Engine, folder: Path) -> BaseImages:
    """Pull the images that the project names, or make stand-ins below a folder."""
    named = _named()
    if all(_is_there(engine, name) for name in (named.python, named.postgres, named.redis)):
        return named
    stand_ins = BaseImages(*_STAND_INS)
    if any(engine.run("image", "inspect", name).returncode for name in _STAND_INS):
        _make_stand_ins(engine, folder, stand_ins)
    return stand_ins


def _named() -> BaseImages:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    (python,) = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", dockerfile, re.MULTILINE)
    services = read_compose()["services"]
    return BaseImages(python, services["postgres"]["image"], services["redis"]["image"])


def _is_there(engine: Engine, name: str) -> bool:
    if engine.run("image", "inspect", name).returncode == 0:
        return True
    try:
        return engine.run("pull", "--quiet", name, timeout=_PULL_SECONDS).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _make_stand_ins(engine: Engine, folder: Path, names: BaseImages) -> None:
    if shutil.which("debootstrap") is None:
        pytest.skip("no registry can be reached, and no debootstrap makes images in its place")
    with_python = folder / "python"
    _debian(with_python, _OF_PYTHON)
    _copy_python(with_python)
    path = f"ENV PATH=/usr/local/bin:{_SYSTEM_PATH}"
    _import(engine, with_python, names.python, [path, "ENV LANG=C.UTF-8", 'CMD ["python3"]'])

    with_servers = folder / "servers"
    _debian(with_servers, ("postgresql-15", "redis-server"))
    shutil.copy(HERE / "stand_in_postgres.sh", with_servers / "usr/local/bin")
    data = "/var/lib/postgresql/data"
    _inside(with_servers, f"install -d -o postgres -g postgres -m 700 {data}")
    start = 'CMD ["sh", "/usr/local/bin/stand_in_postgres.sh"]'
    _import(engine, with_servers, names.postgres, [f"ENV PATH={_POSTGRES}:{_SYSTEM_PATH}", start])


def _debian(root: Path, packages: Sequence[str]) -> None:
    included = f"--include={','.join(packages)}"
    log = root.with_suffix(".log")
    with log.open("wb") as stream:
        command = ["debootstrap", "--variant=minbase", included, "bookworm", str(root)]
        done = subprocess.run(command, stdout=stream, stderr=stream, check=False)
    if done.returncode:
        pytest.skip(f"no registry can be reached, and no Debian: {log.read_text()[-600:]}")
    _inside(root, "apt-get clean && rm -rf /var/lib/apt/lists/*")


def _copy_python(root: Path) -> None:
    """Copy this machine's Python to where the official image has its own, with a pip."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    source, target = Path(sys.base_prefix), root / "usr/local"
    (target / "bin").mkdir(parents=True, exist_ok=True)
    shutil.copy(source / "bin" / version, target / "bin")
    for name in ("python", "python3"):
        (target / "bin" / name).symlink_to(version)
    for library in source.glob("lib/libpython3*"):
        shutil.copy(library, target / "lib", follow_symlinks=False)
    unneeded = shutil.ignore_patterns("site-packages", "test", "__pycache__")
    shutil.copytree(source / "lib" / version, target / "lib" / version, ignore=unneeded)
    _inside(root, f"ldconfig && /usr/local/bin/{version} -m ensurepip")


def _inside(root: Path, command: str) -> None:
    environ = {"PATH": f"/usr/local/bin:{_SYSTEM_PATH}", "LANG": "C.UTF-8"}
    words = ["chroot", str(root), "sh", "-ec", command]
    done = subprocess.run(words, env=environ, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _import(engine: Engine, root: Path, name: str, changes: Sequence[str]) -> None:
    pack = ["tar", "-C", str(root), "-c", "."]
    described = [part for change in changes for part in ("--change", change)]
    with subprocess.Popen(pack, stdout=subprocess.PIPE) as packed:
        engine.output("import", *described, "-", name, stdin=packed.stdout)
    assert packed.returncode == 0
    shutil.rmtree(root)
