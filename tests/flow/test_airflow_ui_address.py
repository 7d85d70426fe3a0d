"""Where `make ui` says that it is, and whether it warns who else may reach it."""

import pytest

from cxr_tasks.flow.airflow_ui import HOST, address_of, is_this_machine


@pytest.mark.parametrize(
    ("host", "port", "address", "is_alone"),
    [
        ("127.0.0.1", None, "http://127.0.0.1:8080", True),
        ("localhost", "9090", "http://localhost:9090", True),
        ("::1", None, "http://[::1]:8080", True),
        ("0.0.0.0", None, "http://127.0.0.1:8080", False),  # noqa: S104
        ("::", None, "http://127.0.0.1:8080", False),
        ("192.168.1.5", None, "http://192.168.1.5:8080", False),
    ],
)
def test_the_address_is_one_at_which_this_machine_reaches_it(
    host: str, port: str | None, address: str, is_alone: bool
) -> None:
    environ = {HOST: host} | ({"AIRFLOW__API__PORT": port} if port else {})
    assert address_of(environ) == address
    assert is_this_machine(host) == is_alone
