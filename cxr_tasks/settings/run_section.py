"""Settings of the section Run: what is trained, by which profile and seed."""

from dataclasses import dataclass

from cxr_tasks.settings.setting import PROFILES, setting
from cxr_tasks.variants import VARIANTS


@dataclass(frozen=True)
class RunSection:
    """What is trained, by which profile and seed."""

    profile: str = setting(
        "quickstart",
        "Profile",
        "What the settings below are where they are left empty. `quickstart`: synthetic images, "
        "short trainings, minutes on two cores. `paper`: the published study's procedure. "
        "`honest`: every image scored by models that saw neither it nor its patient, in five "
        "folds.",
        choices=tuple(PROFILES),
    )
    variants: tuple[str, ...] = setting(
        tuple(VARIANTS),
        "Variants",
        "Which of the four models to train and compare.",
        choices=tuple(VARIANTS),
    )
    seed: int = setting(
        42,
        "Seed",
        "Decides split, initial weights, order of images, dropout and augmentation.",
        minimum=0,
        maximum=2**31 - 1,
    )
