"""Where a record may hold text: every field of its models that takes any."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel


def text_fields(model: type[BaseModel]) -> set[str]:
    """Return `Model.field` for each field of a record, or of a part of it, that takes any text."""
    return {
        f"{owner.__name__}.{name}"
        for owner in _models(model)
        for name, field in owner.model_fields.items()
        if {str, Any} & set(_kinds(field.annotation))
    }


def _models(model: type[BaseModel]) -> set[type[BaseModel]]:
    """Return a model and those of its parts."""
    found, new = set[type[BaseModel]](), {model}
    while new:
        found |= new
        kinds = {
            kind
            for each in new
            for field in each.model_fields.values()
            for kind in _kinds(field.annotation)
        }
        new = {kind for kind in kinds if _is_model(kind)} - found
    return found


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _kinds(annotation: Any) -> Iterator[Any]:
    """Return the types that an annotation is made of; the values of a Literal are none."""
    origin = get_origin(annotation)
    if origin is Literal:
        return
    if origin is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif origin is None:
        yield annotation
    else:
        for each in get_args(annotation):
            yield from _kinds(each)
