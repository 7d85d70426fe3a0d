"""MLflow's calls that sending a run takes, their limits kept and their answers checked."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, Field, ValidationError

from cxr_tasks.errors import TrackingError
from cxr_tasks.tracking.rest import REMEDY, Answer, Rest
from cxr_tasks.tracking.server import EXPERIMENT, Server

MAX_METRICS, MAX_PARAMS, MAX_TAGS = 400, 100, 100
"""Of one request. MLflow takes 1000 in all, and on a small database takes seconds for those."""

_MAX_PARAM_CHARACTERS, _MAX_TAG_CHARACTERS = 500, 5000
"""What servers since MLflow 1 take; newer ones take more."""

_MAX_DIGEST_CHARACTERS = 36

_NOT_THERE, _ALREADY_THERE = "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"

_KIND = {"key": "mlflow.experimentKind", "value": "custom_model_development"}
"""Of an experiment: shows it as one of trainings."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,250}$")]
"""By which a server knows a run or an experiment."""

AnswerT = TypeVar("AnswerT", bound=BaseModel)


class KeyValue(BaseModel):
    """A param or a tag."""

    key: str
    value: str = ""


class Metric(BaseModel):
    """A value of a metric; of those that a server has of one key it names the last."""

    key: str
    value: float
    timestamp: int = 0  # milliseconds since 1970
    step: int = 0


class RunInfo(BaseModel):
    """What MLflow calls a run, and where it keeps its files."""

    run_id: Name
    artifact_uri: Annotated[str, Field(pattern=r"^[!-~]*$", max_length=2000)] = ""


class RunData(BaseModel):
    """What is known of a run there."""

    metrics: list[Metric] = Field(default_factory=list)
    params: list[KeyValue] = Field(default_factory=list)
    tags: list[KeyValue] = Field(default_factory=list)

    def tag(self, key: str) -> str:
        """Return a tag's value; empty where there is none."""
        return next((each.value for each in self.tags if each.key == key), "")


class KnownRun(BaseModel):
    """A run that is there."""

    info: RunInfo
    data: RunData = Field(default_factory=RunData)


class _Experiment(BaseModel):
    experiment_id: Name
    lifecycle_stage: str = "active"


class _ExperimentAnswer(BaseModel):
    experiment: _Experiment


class _ExperimentMade(BaseModel):
    experiment_id: Name


class _RunAnswer(BaseModel):
    run: KnownRun


class _RunsAnswer(BaseModel):
    runs: list[KnownRun] = Field(default_factory=list)


class Mlflow:
    """A server's experiment.

    Raises:
        TrackingError: In every call: the server is not reached, or does not take it.
    """

    def __init__(self, rest: Rest, server: Server) -> None:
        self._rest = rest
        self._server = server
        self._experiment = self._find_experiment(server.experiment) or self._make_experiment(
            server.experiment
        )

    def find_runs(self, tag: str, value: str) -> list[KnownRun]:
        """Find the runs that have a tag, and are not deleted."""
        answer = self._rest.post(
            "runs/search",
            experiment_ids=[self._experiment],
            filter=f"tags.`{tag}` = '{value}'",
            run_view_type="ACTIVE_ONLY",
            max_results=1000,
        )
        return self._checked(answer, _RunsAnswer).runs

    def create_run(self, name: str, tags: Mapping[str, str], *, began_ms: int) -> KnownRun:
        """Make a run."""
        answer = self._rest.post(
            "runs/create",
            experiment_id=self._experiment,
            run_name=name,
            start_time=began_ms,
            tags=_pairs(tags, _MAX_TAG_CHARACTERS),
        )
        return self._checked(answer, _RunAnswer).run

    def log(
        self,
        run_id: str,
        *,
        metrics: Sequence[Metric],
        params: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> None:
        """Add to a run, in as many requests as it takes, the metrics in their order."""
        kinds = {
            "metrics": _chunks([each.model_dump() for each in metrics], MAX_METRICS),
            "params": _chunks(_pairs(params, _MAX_PARAM_CHARACTERS), MAX_PARAMS),
            "tags": _chunks(_pairs(tags, _MAX_TAG_CHARACTERS), MAX_TAGS),
        }
        for batch in zip_longest(*kinds.values(), fillvalue=()):
            content = dict(zip(kinds, map(list, batch), strict=True))
            self._rest.post("runs/log-batch", run_id=run_id, **content)

    def log_data(self, run_id: str, *, name: str, digest: str, source: str) -> None:
        """Name the data that a run used; the same again is no other."""
        data = {
            "name": name,
            "digest": digest[:_MAX_DIGEST_CHARACTERS],
            "source_type": "local",
            "source": source,
        }
        context = [{"key": "mlflow.data.context", "value": "training"}]
        self._rest.post(
            "runs/log-inputs", run_id=run_id, datasets=[{"dataset": data, "tags": context}]
        )

    def update_run(self, run_id: str, *, status: str, ended_ms: int | None) -> None:
        """Set how a run ended, and when."""
        end = {} if ended_ms is None else {"end_time": ended_ms}
        self._rest.post("runs/update", run_id=run_id, status=status, **end)

    def keeps_files(self, info: RunInfo) -> bool:
        """Return whether files of a run go through this server."""
        try:
            parts = urlsplit(info.artifact_uri)
        except ValueError:
            return False
        ours = urlsplit(self._server.address).netloc
        return parts.scheme == "mlflow-artifacts" and parts.netloc in ("", ours)

    def put_file(self, info: RunInfo, path: Path, place: str) -> None:
        """Store a file at a place below a run."""
        folder = urlsplit(info.artifact_uri).path.strip("/")
        self._rest.put(path, quote(f"{folder}/{place}"))

    def _find_experiment(self, name: str) -> str:
        """Return the experiment of a name; empty where there is none."""
        try:
            answer = self._rest.get("experiments/get-by-name", experiment_name=name)
        except TrackingError as err:
            if err.code != _NOT_THERE:
                raise
            return ""
        experiment = self._checked(answer, _ExperimentAnswer).experiment
        if experiment.lifecycle_stage != "active":
            raise TrackingError(
                f"The experiment {name!r} was deleted on {self._server.address}.",
                "MLflow keeps the name of what is deleted until it is removed for good.",
                f"Restore it there, or name another one with {EXPERIMENT}. {REMEDY}",
            )
        return experiment.experiment_id

    def _make_experiment(self, name: str) -> str:
        try:
            answer = self._rest.post("experiments/create", name=name, tags=[_KIND])
        except TrackingError as err:
            if err.code != _ALREADY_THERE:
                raise
            found = self._find_experiment(name)  # another run has just made it
            if not found:
                raise
            return found
        return self._checked(answer, _ExperimentMade).experiment_id

    def _checked(self, answer: Answer, model: type[AnswerT]) -> AnswerT:
        try:
            return model.model_validate(answer)
        except ValidationError as err:
            raise self._rest.no_mlflow("answers otherwise than MLflow does") from err


def _pairs(values: Mapping[str, str], limit: int) -> list[dict[str, str]]:
    return [
        {"key": key, "value": value if len(value) <= limit else f"{value[: limit - 3]}..."}
        for key, value in values.items()
    ]


def _chunks(items: Sequence[dict[str, Any]], size: int) -> Iterator[Sequence[dict[str, Any]]]:
    return (items[start : start + size] for start in range(0, len(items), size))
