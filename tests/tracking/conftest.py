from collections.abc import Iterator

import pytest

from tests.tracking.mlflow_server import MlflowServer, serving


@pytest.fixture
def mlflow() -> Iterator[MlflowServer]:
    with serving() as server:
        yield server
