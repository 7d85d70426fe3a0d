"""Facts for a record of which a test needs little: the rest is empty, but of the right kind."""

import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from cxr_tasks.volume.files import as_json
from cxr_tasks.volume.record_model import Facts, SealedRecord, StageRecord

T = TypeVar("T", bound=Facts)


def filled(model: type[T], **given: Any) -> T:
    """Make a record or a part of one."""
    return model.model_validate(_required(model) | given)


def changed(facts: T, changes: Mapping[str, Any]) -> T:
    """Return facts with other values, each under its keys in the file: `audit.verdict`."""
    content = as_json(facts)
    for keys, value in changes.items():
        at = content
        *before, last = keys.split(".")
        for key in before:
            at = at[key]
        at[last] = as_json(value)
    return type(facts).model_validate(content)


def facts_for(model: type[Facts], **given: Any) -> dict[str, Any]:
    """Make what a model requires, without the head that all records of stages have."""
    head = StageRecord if issubclass(model, StageRecord) else SealedRecord
    required = _required(model)
    return {name: required[name] for name in required if name not in head.model_fields} | given


def _required(model: type[Facts]) -> dict[str, Any]:
    return {
        field.serialization_alias or name: _empty(field.annotation, *field.metadata)
        for name, field in model.model_fields.items()
        if field.is_required()
    }


def _empty(kind: Any, *metadata: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if type(None) in arguments else _empty(arguments[0])
    if origin is Literal:
        return arguments[0]
    if origin is Annotated:
        return _empty(arguments[0], *arguments[1:])
    if isinstance(kind, type) and issubclass(kind, Facts):
        return _required(kind)
    if origin is list:
        return [_empty(arguments[0])] * _min_length(metadata)
    return (origin or kind)()


def _min_length(metadata: tuple[Any, ...]) -> int:
    """Return how many a list has at least: pydantic keeps it as it was given, or by itself."""
    parts = [each for field in metadata for each in getattr(field, "metadata", (field,))]
    return max((getattr(each, "min_length", 0) for each in parts), default=0)
