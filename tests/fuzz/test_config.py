"""Settings from a form, a command line, a TOML file or a request: a value, or `ConfigError`."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from cxr_tasks.champion.scoring.request import KEYS, make_request, names_data, request_environment
from cxr_tasks.champion.versions import require_champion
from cxr_tasks.errors import ConfigError, shown
from cxr_tasks.settings import SETTINGS
from cxr_tasks.settings.config import make_config
from cxr_tasks.settings.defaults import DEFAULTS_FILE, make_retention, read_defaults
from cxr_tasks.settings.form import form_fields
from cxr_tasks.volume.paths import Home
from tests.fuzz.cases import ODD_TEXTS, damaged, fuzzed, nested, texts, values

NAMES = st.sampled_from(list(SETTINGS))
ENDLESS = (nested(20_000), 10**5000, [10**5000], {"a": nested(20_000)})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def check_config(given: dict[Any, Any]) -> None:
    """A configuration that is accepted can be written down and read back as the same."""
    with suppress(ConfigError):
        config = make_config(given)
        assert make_config(config.as_dict()) == config
        assert len(config.fingerprint) == 64


def likely(name: str) -> st.SearchStrategy[Any]:
    """Values of a setting that are possible, or nearly so."""
    setting = SETTINGS[name]
    numbers = [setting.minimum, setting.maximum, setting.default]
    return st.sampled_from([*setting.choices, *numbers, None, ""]) | values


@fuzzed(given=st.dictionaries(NAMES | texts | st.integers() | st.none(), values, max_size=4))
def test_anything(given: dict[Any, Any]) -> None:
    check_config(given)


@fuzzed(given=st.fixed_dictionaries({}, optional={name: likely(name) for name in SETTINGS}))
def test_settings_that_are_nearly_possible(given: dict[str, Any]) -> None:
    check_config(given)


@pytest.mark.parametrize("name", list(SETTINGS))
@pytest.mark.parametrize("value", ENDLESS, ids=["nested", "number", "list", "dict"])
def test_value_too_large_to_show_is_refused(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=name):
        make_config({name: value})


def test_value_is_shown_up_to_a_limit() -> None:
    assert shown("x" * 1000) == "'" + "x" * 199 + "..."
    assert shown(nested(20_000)) == "list too large to show"
    assert shown(10**5000) == "int too large to show"


TOML = (
    b"""
profile = "honest"
source = "folder"
data = "/x-rays"
variants = ["vanilla_cnn"]
epochs = 3
min_sensitivity = 0.9
[score]
data = "/in"
[retention]
keep_runs = 10
""",
    b"seed = 7\nprevalence = 1e-3\nsource.x = { a = [1, 2], b = 1979-05-27 }\n",
)


@fuzzed(content=damaged(*TOML))
def test_defaults_file(folder: Path, content: bytes) -> None:
    (folder / "defaults.toml").write_bytes(content)
    with suppress(ConfigError):
        defaults = read_defaults({"CXR_HOME": str(folder)})
        form_fields(defaults.run)
        check_config(dict(defaults.run))


@fuzzed(name=NAMES, value=values)
def test_defaults_file_with_odd_values(folder: Path, name: str, value: Any) -> None:
    text = toml_of(value)
    for line in (f"{name} = {text}", f"[score]\ndata = {text}", f"[retention]\nkeep_runs = {text}"):
        (folder / "defaults.toml").write_bytes(line.encode(errors="surrogatepass"))
        with suppress(ConfigError):
            read_defaults({"CXR_HOME": str(folder)})


def toml_of(value: Any) -> str:
    """Write a value as TOML would, if not always rightly."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{abs(value):#x}"
    return f'"{value}"' if isinstance(value, str) else shown(value, 20_000).replace("'", '"')


@pytest.mark.parametrize(
    "content",
    [
        b"a = " + b"[" * 30_000,
        b"a" + b".a" * 30_000 + b" = 1",
        b"a = " + b"{a=" * 1000,
        b"#" * (1 << 17),
        b"seed = 0x" + b"f" * 4000,
    ],
    ids=["nested", "dotted", "tables", "long", "number"],
)
def test_defaults_file_costs_no_time(folder: Path, content: bytes) -> None:
    (folder / "defaults.toml").write_bytes(content)
    started = time.process_time()
    with pytest.raises(ConfigError, match=r"defaults\.toml"):
        read_defaults({"CXR_HOME": str(folder)})
    assert time.process_time() - started < 1


@pytest.mark.parametrize("name", ODD_TEXTS)
def test_defaults_file_of_any_name(name: str) -> None:
    with suppress(ConfigError):
        read_defaults({"CXR_HOME": f"/nowhere/{name}", DEFAULTS_FILE: name})
    with suppress(ConfigError):
        read_defaults({"CXR_HOME": f"/nowhere/{name}"})


@fuzzed(given=st.dictionaries(st.sampled_from(KEYS) | texts | st.integers(), values | texts))
def test_score_request(folder: Path, given: dict[Any, Any]) -> None:
    for use in (names_data, make_request):
        with suppress(ConfigError):
            use(given)
    with suppress(ConfigError):
        require_champion(Home(folder), make_request({**given, "data": "/"}).version)


@fuzzed(data=texts, version=texts, name=texts)
def test_score_request_in_texts(folder: Path, data: str, version: str, name: str) -> None:
    given = {"data": data, "version": version, "name": name}
    request_environment(given)["CXR_SCORE_REQUEST"].encode()
    with suppress(ConfigError):
        require_champion(Home(folder), make_request(given).version)


@fuzzed(value=values | st.dictionaries(st.sampled_from(["keep_runs", "keep_days"]), values))
def test_retention(value: Any) -> None:
    with suppress(ConfigError):
        make_retention(value, where="defaults.toml")
