"""The file `.env` of a cluster: every secret of `docker-compose.yaml`, freshly drawn."""

import base64
import os
import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path

from cxr_tasks.errors import ConfigError

_password = partial(secrets.token_hex, 24)
_long_secret = partial(secrets.token_urlsafe, 64)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


SECRETS: dict[str, tuple[Callable[[], str], str]] = {
    "CXR_JWT_SECRET": (_long_secret, "Signs the tokens of tasks and of people; 64 random bytes."),
    "CXR_API_SECRET_KEY": (_long_secret, "Signs the UI's sessions and requests for logs."),
    "CXR_FERNET_KEY": (_fernet_key, "Encrypts connections in the database. Lost, they are lost."),
    "CXR_POSTGRES_PASSWORD": (_password, "Of the database; set when its volume is first made."),
    "CXR_REDIS_PASSWORD": (_password, "Of the broker. Who has it can start tasks."),
    "CXR_ADMIN_PASSWORD": (_password, "Of the UI's first user, admin; change it there."),
}
"""Each secret's name in `.env`: how it is drawn, and what it is for.

Nothing drawn here needs quoting in a URL, in YAML or in a shell.
"""

_HEAD = """\
# Read by `docker compose`. `python -m cxr_tasks secrets` writes it as .env, secrets filled in.
# Keep .env out of version control, and keep a copy where the backups are not.

# Trainings run on the processor; on graphics cards with docker-compose.yaml:deploy/compose-gpu.yaml
COMPOSE_FILE=docker-compose.yaml
# Trainings at once. With graphics cards as many as there are cards.
CXR_TRAINING_SLOTS=1
# The shared volume: leave it, or the path of a folder that belongs to user 50000, group 0.
CXR_HOME_VOLUME=cxr-home
# The most memory that the four tasks of `worker` and the trainings of `worker-training` may take,
# with its unit; below 2g hardly a training fits.
CXR_WORKER_MEMORY=8g
CXR_TRAINING_MEMORY=8g
# Where the UI listens, address and port; a port alone would open it to the network. Put a proxy
# with TLS before it rather than that.
CXR_UI_ADDRESS=127.0.0.1:8080
# Cron expressions in UTC by which cxr_pipeline, cxr_watch and cxr_tidy run; empty: by hand. What
# scheduled runs train on is said in defaults.toml on the shared volume.
CXR_SCHEDULE=
CXR_WATCH_SCHEDULE=
CXR_TIDY_SCHEDULE=
# After how many hours a try of a task, of a training, and a whole run are given up, and a model
# that no person has approved is not promoted; empty: 24, 144, 336, 168.
CXR_TASK_TIMEOUT_HOURS=
CXR_TRAINING_TIMEOUT_HOURS=
CXR_RUN_TIMEOUT_HOURS=
CXR_APPROVAL_TIMEOUT_HOURS=
# Whom Airflow's UI names as the DAGs' owner; cxr unless set.
CXR_OWNER=
# Where to tell how a run ended; empty: nowhere.
CXR_NOTIFY_URL=
# The MLflow server that runs are sent to, such as http://mlflow:5000; empty: none. How to sign in
# there, by name and password or by a token; the experiment; 1: the models too.
CXR_MLFLOW_URI=
CXR_MLFLOW_USERNAME=
CXR_MLFLOW_PASSWORD=
CXR_MLFLOW_TOKEN=
CXR_MLFLOW_EXPERIMENT=
CXR_MLFLOW_MODELS=
# The object store that finished reports and the champion are copied to, such as s3://bucket/prefix;
# empty: none. Its package has to be added to the image, and how to sign in to the services.
CXR_PUBLISH_URL=
"""


def make_env_file(path: Path) -> None:
    """Write a new `.env`, readable by its owner only; one that exists is never touched.

    Raises:
        ConfigError: There is such a file, or its folder is missing.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as err:
        raise ConfigError(
            f"{path} exists.",
            "Secrets that are in use are never overwritten: the database is tied to them.",
            "Move the file away if it is not in use, or name another one: python -m cxr_tasks "
            "secrets FILE.",
        ) from err
    except FileNotFoundError as err:
        raise ConfigError(
            f"The folder {path.parent} does not exist.",
            "The file of secrets is written beside docker-compose.yaml.",
            "Correct the path, or make the folder.",
        ) from err
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(env_text())


def env_text() -> str:
    """Return the text of a `.env` with secrets drawn anew at every call."""
    return _text({name: draw() for name, (draw, _) in SECRETS.items()})


def example_text() -> str:
    """Return the text of `.env.example`: the same file, no secret filled in."""
    return _text(dict.fromkeys(SECRETS, ""))


def _text(values: dict[str, str]) -> str:
    lines = [f"\n# {why}\n{name}={values[name]}\n" for name, (_, why) in SECRETS.items()]
    return _HEAD + "".join(lines)
