"""Records for tests: some of which a test needs little, and some that differ in a key or two."""

import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from cxr_tasks.volume.files import as_json
from cxr_tasks.volume.record_model import Facts, FactsT, SealedRecord, StageRecord


def made(model: type[FactsT], **given: Any) -> FactsT:
    """Make what a test says of it; the rest is empty, but of the right kind."""
    return model.model_validate(_required(model) | given)


def changed(facts: FactsT, changes: Mapping[str, Any]) -> FactsT:
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
    facts = _required(model)
    return {key: facts[key] for key in facts if key not in head.model_fields} | given


def _required(model: type[Facts]) -> dict[str, Any]:
    required = {
        field.serialization_alias or name: field
        for name, field in model.model_fields.items()
        if field.is_required()
    }
    return {name: _empty(field.annotation, _least(field)) for name, field in required.items()}


def _least(field: FieldInfo) -> int:
    """Return how many items a list needs."""
    return max((getattr(limit, "min_length", 0) for limit in field.metadata), default=0)


def _empty(kind: Any, least: int = 0) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if type(None) in arguments else _empty(arguments[0])
    if origin is Literal:
        return arguments[0]
    if origin is Annotated:
        return _empty(arguments[0])
    if origin is list:
        return [_empty(arguments[0])] * least
    if isinstance(kind, type) and issubclass(kind, Facts):
        return facts_for(kind)
    return (origin or kind)()
