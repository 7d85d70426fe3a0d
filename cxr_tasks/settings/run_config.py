"""One run's settings, all sections together."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from cxr_tasks.settings.data_section import DataSection
from cxr_tasks.settings.evaluation_section import EvaluationSection
from cxr_tasks.settings.retraining_section import RetrainingSection
from cxr_tasks.settings.run_section import RunSection
from cxr_tasks.settings.setting import PROFILES, Setting
from cxr_tasks.settings.training_section import TrainingSection
from cxr_tasks.volume.files import digest_of

_SECTIONS: dict[str, Any] = {
    "Run": RunSection,
    "Data": DataSection,
    "Training": TrainingSection,
    "Evaluation": EvaluationSection,
    "Retraining": RetrainingSection,
}
"""In the order a form shows them."""


@dataclass(frozen=True)
class RunConfig(RetrainingSection, EvaluationSection, TrainingSection, DataSection, RunSection):
    """A checked configuration; made by `cxr_tasks.settings.config.make_config` only."""

    @property
    def fingerprint(self) -> str:
        """Digest of every setting: equal if and only if the configurations are."""
        return digest_of(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Give the settings as JSON knows them."""
        return asdict(self) | {"variants": list(self.variants)}

    def deciding(self) -> dict[str, Any]:
        """Give the settings that decide about numbers: all but those of the retraining."""
        apart = {item.name for item in fields(RetrainingSection)}
        return {name: value for name, value in self.as_dict().items() if name not in apart}


def _settings() -> dict[str, Setting]:
    by_profile = {key for profile in PROFILES.values() for key in profile}
    return {
        item.name: Setting(
            name=item.name,
            kind=item.type if isinstance(item.type, type) else tuple,
            default=item.default,
            section=title,
            by_profile=item.name in by_profile,
            **item.metadata,
        )
        for title, section in _SECTIONS.items()
        for item in fields(section)
    }


SETTINGS: dict[str, Setting] = _settings()
"""Every setting by name, in the order a form shows them."""
