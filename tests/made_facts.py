"""Facts for a record of which a test needs little: the rest is empty, but of the right kind."""

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from cxr_tasks.volume.record_model import Facts, SealedRecord, StageRecord


def facts_for(model: type[Facts], **given: Any) -> dict[str, Any]:
    """Make what a model requires, without the head that all records of stages have."""
    head = StageRecord if issubclass(model, StageRecord) else SealedRecord
    required = {
        field.serialization_alias or name: field.annotation
        for name, field in model.model_fields.items()
        if field.is_required() and name not in head.model_fields
    }
    return {name: _empty(kind) for name, kind in required.items()} | given


def _empty(kind: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if type(None) in arguments else _empty(arguments[0])
    if origin is Literal:
        return arguments[0]
    if origin is Annotated:
        return _empty(arguments[0])
    if isinstance(kind, type) and issubclass(kind, Facts):
        return facts_for(kind)
    return (origin or kind)()
