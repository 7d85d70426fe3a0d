import pytest

from tests.dags.airflow_cli import make_airflow_home


@pytest.fixture(scope="session")
def airflow_environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give an environment with an Airflow home of its own, its database ready."""
    return make_airflow_home(tmp_path_factory.mktemp("airflow"))
