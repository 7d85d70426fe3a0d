"""The frozen beginning of a network: where it ends, and what is left to train.

Frozen layers give the same output for the same image in every epoch: they run in inference
mode, batch normalisation included. So they need to run once, and the rest can be trained on
what they gave; that is the same function with the same gradients.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Layer = Any
Model = Any
Tensor = Any


@dataclass(frozen=True)
class Cut:
    """A network in two parts that share their layers with it, on either side of one layer's output.

    Nothing in `prefix` changes in training; training `rest` trains the whole network.
    """

    layer: str
    prefix: Model
    rest: Model


def cut_frozen_prefix(model: Model) -> Cut | None:
    """Cut a network at the last tensor that alone carries the output of its frozen layers.

    The tensor is a dominator of the output in the layer graph (Lengauer & Tarjan 1979): every
    path from the image to the probability goes through it, so a residual connection around it
    rules a tensor out. Everything before it is constant: frozen, and without random layers.

    Args:
        model: A functional model of one output.

    Returns:
        The parts, or None where no layer with weights lies before the first trainable one.
    """
    return cut_prefix(model, _is_constant)


def cut_prefix(model: Model, is_constant: Callable[[Layer], bool]) -> Cut | None:
    """Cut a network where its frozen prefix would end if these layers, and no others, were frozen.

    Args:
        model: A functional model of one output.
        is_constant: Whether a layer always gives the same for the same input.

    Returns:
        The parts, or None where no constant layer with weights lies before the first other one.
    """
    import keras

    tensor = _last_constant_dominator(model.outputs[0], is_constant)
    if tensor is None:
        return None
    return Cut(
        _maker(tensor).name,
        keras.Model(model.inputs, tensor, name=f"{model.name}_prefix"),
        keras.Model(tensor, model.outputs, name=model.name),
    )


def _last_constant_dominator(output: Tensor, is_constant: Callable[[Layer], bool]) -> Tensor | None:
    tensors = _with_all_before(output)
    numbers = {id(tensor): number for number, tensor in enumerate(tensors)}
    origins = [[numbers[id(each)] for each in _made_from(tensor)] for tensor in tensors]
    constant: list[bool] = []
    saves_work: list[bool] = []
    for layer, before in zip(map(_maker, tensors), origins, strict=True):
        constant.append(is_constant(layer) and all(constant[each] for each in before))
        saves_work.append(bool(layer.weights) or any(saves_work[each] for each in before))
    first_needed = len(tensors)  # by the tensors after this one; -1 by another input of the network
    for number, tensor in reversed(list(enumerate(tensors))):
        if first_needed >= number and constant[number] and saves_work[number]:
            return tensor
        first_needed = min([first_needed, *origins[number]]) if origins[number] else -1
    return None


def _with_all_before(output: Tensor) -> list[Tensor]:
    """Order the tensors that lead to the output: each after those it is made from."""
    ordered: dict[int, Tensor] = {}
    todo = [output]
    while todo:
        tensor = todo[-1]
        waiting = [each for each in _made_from(tensor) if id(each) not in ordered]
        todo.extend(waiting)
        if not waiting:
            ordered[id(tensor)] = todo.pop()
    return list(ordered.values())


# Keras has no public way from a tensor to its layer where the layer is a network itself.


def _maker(tensor: Tensor) -> Layer:
    return tensor._keras_history.operation


def _made_from(tensor: Tensor) -> list[Tensor]:
    history = tensor._keras_history
    return list(history.operation._inbound_nodes[history.node_index].input_tensors)


def _is_constant(layer: Layer) -> bool:
    """Whether a layer gives the same for the same input throughout a training."""
    parts = getattr(layer, "layers", [])
    if parts:
        return all(_is_constant(part) for part in parts)
    # A trainable layer's batch statistics change too. Random layers keep a generator's state,
    # which Keras counts as a variable but not as a weight.
    changes = layer.trainable and bool(layer.weights)
    return not changes and len(layer.variables) == len(layer.weights)
