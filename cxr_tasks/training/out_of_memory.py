"""Memory that runs out in a training, told in the project's words."""

from collections.abc import Iterator
from contextlib import contextmanager

from cxr_tasks.errors import TrainingError
from cxr_tasks.machine.memory import ran_out


@contextmanager
def naming_batch_size(batch_size: int) -> Iterator[None]:
    """Turn an error of exhausted memory into one that names the setting which decides about it.

    The batch size is never changed for the user: another one would be another training.

    Raises:
        TrainingError: Memory ran out.
    """
    try:
        yield
    except Exception as err:
        if not ran_out(err):
            raise
        raise TrainingError(
            f"Memory ran out with batch_size={batch_size} ({type(err).__name__}).",
            "The images of one batch and what every layer makes of them have to fit into the "
            "memory of the device.",
            "Set a smaller batch_size (command line: --batch-size) in a new run, or free memory "
            "and run this one again: it goes on where it stopped.",
        ) from err
