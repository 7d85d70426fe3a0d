"""Where a backbone's weights may come from, and how every page and file words it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class WeightsOrigin:
    """The wording of one origin; a text is empty where there is nothing to say."""

    start: str  # where the backbones start, to stand after that word
    note: str = ""  # what a reader has to know before any number
    tag: str = ""  # label beside a run in a list
    difference: str = ""  # how it differs from the study's procedure

    @property
    def sentence(self) -> str:
        """A sentence about a whole run, without a full stop."""
        return f"The backbones start {self.start}" if self.start else "No variant has a backbone"


_ON_PHANTOMS = "pre-trained on this project's synthetic images"

ORIGINS: Mapping[str, WeightsOrigin] = {
    "keras": WeightsOrigin("from Keras' ImageNet weights"),
    "file": WeightsOrigin(
        "from a weights file that the user named",
        difference="The backbones start from a weights file that the user named.",
    ),
    "phantom": WeightsOrigin(
        f"from the project's own weights, {_ON_PHANTOMS}, not on ImageNet",
        note=f"The MobileNetV2 variants were {_ON_PHANTOMS}, not on ImageNet. Their numbers say "
        "nothing about transfer from photographs.",
        tag=_ON_PHANTOMS,
        difference=f"The backbones were {_ON_PHANTOMS}, not on ImageNet.",
    ),
    "random": WeightsOrigin(
        "from random weights, without pre-training",
        note="Random weights: the MobileNetV2 variants started without pre-training. Their "
        "numbers say nothing about transfer learning.",
        tag="random weights",
        difference="The backbones start from random weights, not from ImageNet's.",
    ),
    "none": WeightsOrigin(""),
}
"""By the name that ingestion records; `none` is a run, or a variant, without a backbone."""
