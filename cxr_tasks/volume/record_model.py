"""Records as typed models: what a JSON file on the shared volume says, checked as it is read.

A model has the keys of its file under their names and in their order, so that reading and writing
changes no byte that the digest covers. Older schema versions are migrated before (`sealed.py`).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxr_tasks.errors import DamagedError, first_few, shown
from cxr_tasks.volume.files import parse_json
from cxr_tasks.volume.sealed import SCHEMA_VERSION, read_sealed, unseal, write_sealed

Content = dict[str, Any]

Interval = Annotated[list[float], Field(min_length=2, max_length=2)]
"""Lower and upper end."""

_SHOWN_CHARACTERS = 60
_MAX_CHARACTERS = 10_000_000
"""Of a text; with a limit pydantic also refuses what is no Unicode, which no page can show."""

_REASONS = {
    "bool_type": "is not true or false",
    "dict_type": "is no object",
    "finite_number": "is no finite number",
    "float_type": "is no number",
    "int_type": "is no whole number",
    "list_type": "is no list",
    "model_attributes_type": "is no object",
    "model_type": "is no object",
    "string_type": "is no text",
    "string_unicode": "is no Unicode text",
    "union_tag_not_found": "does not say of which kind it is",
}
"""What is wrong with a value, by pydantic's name of the error; others in pydantic's own words."""


FactsT = TypeVar("FactsT", bound="Facts")


class Facts(BaseModel):
    """A part of a record: frozen, and strict, so that no text counts as a number.

    Keys that are not known are kept and written again: within a schema version newer code adds
    keys, and what other code wrote into a file that is replaced, such as the champion's pointer,
    must not be lost. Nothing reads them by name. A default stands only where an older version of
    the project did not write the key; what a file did not say is not written either.
    """

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="allow",
        allow_inf_nan=False,
        str_max_length=_MAX_CHARACTERS,
        validate_by_name=True,
        validate_by_alias=True,
        use_attribute_docstrings=True,
        defer_build=True,  # most processes read few of the records
    )

    def content(self) -> Content:
        """Return it as JSON knows it: the keys that were read or given, in their order."""
        return self.model_dump(by_alias=True, exclude_unset=True)

    def fields_of(self, model: type["Facts"]) -> Content:
        """Return the fields of a model that were read or given here, as arguments for another."""
        names = (name for name in model.model_fields if name in self.model_fields_set)
        return {name: getattr(self, name) for name in names}

    def only(self, model: type[FactsT]) -> FactsT:
        """Return what another model has of it."""
        return model(**self.fields_of(model))


class SealedRecord(Facts):
    """A JSON file with its schema version and a digest of its content."""

    schema_version: int = SCHEMA_VERSION


class StageRecord(SealedRecord):
    """The record of a finished stage, which makes its folder count."""

    FILE: ClassVar[str]
    """The record's name in its folder."""
    COMMAND: ClassVar[str]
    """The stage of the command line that makes it."""

    stage: str
    seconds: float
    """How long it took."""
    seed: int
    config_fingerprint: str
    inputs: dict[str, str]
    """SHA-256 of everything it has read, by name."""
    outputs: dict[str, str]
    """SHA-256 of every file in its folder, by path."""
    versions: dict[str, str]
    """Of Python, the libraries and the project's code."""

    @classmethod
    def stage_name(cls) -> str:
        """Return the one stage that this record may be of."""
        return str(get_args(cls.model_fields["stage"].annotation)[0])


class PeakMemory(Facts):
    """The last key of what a stage writes of itself: its peak of anonymous memory."""

    peak_anon_mb: int | float = 0


SealedT = TypeVar("SealedT", bound=SealedRecord)


def parse_facts(
    content: Mapping[str, Any],
    model: type[FactsT],
    *,
    path: Path,
    remedy: str = "Run again what made it: that makes it anew.",
) -> FactsT:
    """Check content against a model.

    Args:
        content: What a file holds, in this schema version's form.
        model: What it should be.
        path: The file, for the error.
        remedy: What to do where it is something else.

    Raises:
        DamagedError: A key is missing or of another kind; names at most five of them.
    """
    try:
        return model.model_validate(content)
    except ValidationError as err:
        found = _offences(content, err)
        raise DamagedError(
            f"{path} is not what this version of the project writes: {first_few(found)}.",
            f"It has the keys of a {model.__name__}, each of its kind.",
            remedy,
        ) from err


def read_sealed_record(path: Path, model: type[SealedT]) -> SealedT:
    """Read a sealed file, migrated where an older version of the project wrote it.

    Raises:
        DamagedError: It is not what was written, or not such a record.
        ArtifactError: It is missing, or a newer version of the project wrote it.
    """
    return parse_facts(read_sealed(path), model, path=path)


def parse_sealed_record(content: bytes, model: type[SealedT], *, path: Path) -> SealedT:
    """Read a sealed file from its bytes, so that a reader has the very ones that it passes on.

    Args:
        content: What the file holds.
        model: What it should be.
        path: The file, for the error.

    Raises:
        DamagedError: It is not what was written, or not such a record.
        ArtifactError: A newer version of the project wrote it.
    """
    return parse_facts(unseal(parse_json(content, path), path), model, path=path)


def write_sealed_record(path: Path, record: SealedRecord) -> None:
    """Write a record in one step, with the schema version and a digest of its content."""
    write_sealed(path, record.content())


def _offences(content: object, err: ValidationError) -> list[str]:
    """Describe what is wrong, once for each key: of a union pydantic reports every member."""
    found: dict[str, str] = {}
    for error in err.errors(include_url=False, include_context=False):
        key = _key_path(content, error["loc"])
        words = error["msg"].removeprefix("Value error, ")  # before what a validator of ours says
        reason = _REASONS.get(error["type"], f"is not right: {words}")
        what = "is missing" if error["type"] == "missing" else reason
        seen = (
            "" if error["type"] == "missing" else f" ({shown(error['input'], _SHOWN_CHARACTERS)})"
        )
        found.setdefault(key, f"{key} {what}{seen}")
    return list(found.values())


def _key_path(content: object, place: Iterable[int | str]) -> str:
    """Write where an error is as keys of the file, without the models that pydantic tried."""
    keys: list[str] = []
    at: Any = content
    steps = list(place)
    for number, step in enumerate(steps):
        key = next((key for key in _keys_for(steps[: number + 1]) if _has(at, key)), None)
        if key is not None:
            at = at[key]
        elif number == len(steps) - 1 and isinstance(at, Mapping):
            key = step  # which is missing
        if key is not None:
            keys.append(shown(key, _SHOWN_CHARACTERS).strip("'"))
    return ".".join(keys) or "it"


def _keys_for(steps: list[int | str]) -> list[int | str]:
    """Return what the last step may be called in the file: `val`, `loss` is its key `val_loss`."""
    return [steps[-1], "_".join(map(str, steps[-2:]))]


def _has(content: object, key: int | str) -> bool:
    if isinstance(content, Mapping):
        return key in content
    return isinstance(content, list) and isinstance(key, int) and key < len(content)
