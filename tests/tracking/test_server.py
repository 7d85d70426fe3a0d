"""What the operator's variables may say, and what of them is never shown."""

import pytest

from cxr_tasks.errors import ConfigError
from cxr_tasks.tracking.server import (
    DEFAULT_EXPERIMENT,
    EXPERIMENT,
    MODELS,
    PASSWORD,
    TOKEN,
    URI,
    USERNAME,
    Server,
    read_server,
)
from tests.tracking.mlflow_server import basic

SECRET = "s3cret"  # noqa: S105 - looked for where it must not be


@pytest.mark.parametrize("given", ["", "  "])
def test_nothing_is_sent_unless_a_server_is_named(given: str) -> None:
    assert read_server({}) is None
    assert read_server({URI: given, EXPERIMENT: "x" * 1000}) is None


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("http://mlflow:5000", "http://mlflow:5000"),
        (" https://example.org/mlflow/ ", "https://example.org/mlflow"),
        ("HTTP://Example.ORG", "http://example.org"),
        ("http://[::1]:5000", "http://[::1]:5000"),
        ("http://10.0.0.7:80/", "http://10.0.0.7:80"),
        (f"https://me:{SECRET}@example.org", "https://example.org"),
    ],
)
def test_an_address_is_read_without_what_signs_in(given: str, address: str) -> None:
    server = read_server({URI: given})
    assert server
    assert (server.address, server.experiment) == (address, DEFAULT_EXPERIMENT)
    assert SECRET not in repr(server)


@pytest.mark.parametrize(
    "given",
    [
        "mlruns",
        "/srv/mlruns",
        "file:///srv/mlruns",
        "sqlite:///mlflow.db",
        "databricks",
        "mlflow:5000",
        "ftp://mlflow",
        "http://",
        "http://:5000",
        "http://-",
        "http://[::1",
        "http://mlflow:port",
        "http://mlflow:99999",
        "http://ml flow",
        "http://mlflow\\x",
        "http://bücher.example",
        "http://mlflow/#/experiments/1",
        f"http://mlflow?token={SECRET}",
        f"//me:{SECRET}@mlflow",
        f"ftp://me:{SECRET}@mlflow",
        f"http://me:{SECRET}@mlflow:port",
        f"http://me:{SECRET}?x@mlflow",
        f"http://me:{SECRET}@x@ml flow",
        f"http://me:2024/{SECRET}@mlflow:5000",  # a password with a slash, as it is
        f"http://me/{SECRET}@mlflow",
        f"http://me:{SECRET}",
        f"http://me:{SECRET}://x@mlflow",
    ],
)
def test_what_is_no_address_is_refused_and_no_secret_shown(given: str) -> None:
    with pytest.raises(ConfigError, match=f"{URI} is no address of an MLflow server") as caught:
        read_server({URI: given})
    assert SECRET not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("environ", "header"),
    [
        ({}, ""),
        ({TOKEN: "t0k"}, "Bearer t0k"),
        ({USERNAME: "me", PASSWORD: SECRET}, basic("me", SECRET)),
        ({USERNAME: "me", PASSWORD: SECRET, TOKEN: "t0k"}, basic("me", SECRET)),
        ({USERNAME: "me", TOKEN: "t0k"}, "Bearer t0k"),
    ],
)
def test_mlflows_own_variables_sign_in(environ: dict[str, str], header: str) -> None:
    server = read_server({URI: "http://mlflow", **environ})
    assert server
    assert server.authorization == header


def test_what_the_address_says_goes_first_and_may_be_quoted() -> None:
    server = read_server({URI: "https://me:p%40ss@mlflow", USERNAME: "you", PASSWORD: "other"})
    assert server
    assert server.authorization == basic("me", "p@ss")


def test_a_secret_that_no_header_can_hold_is_refused_unshown() -> None:
    with pytest.raises(ConfigError, match=TOKEN) as caught:
        read_server({URI: "http://mlflow", TOKEN: f"{SECRET}\nX-Other: 1"})
    assert SECRET not in str(caught.value)


def test_experiment_and_models_are_read() -> None:
    environ = {URI: "http://mlflow", EXPERIMENT: " Chest X-rays ", MODELS: "1"}
    expected = Server("http://mlflow", experiment="Chest X-rays", with_models=True)
    assert read_server(environ) == expected


@pytest.mark.parametrize(
    ("name", "value"), [(EXPERIMENT, "a\tb"), (EXPERIMENT, "x" * 251), (MODELS, "yes")]
)
def test_other_mistakes_are_refused(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        read_server({URI: "http://mlflow", name: value})
