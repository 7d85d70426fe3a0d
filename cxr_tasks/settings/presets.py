"""Which files of a data set belong to which class."""

from dataclasses import dataclass

from cxr_tasks.errors import DataError
from cxr_tasks.settings.patterns import matches, relative_pattern
from cxr_tasks.settings.run_config import RunConfig
from cxr_tasks.wording import COVID, NORMAL


@dataclass(frozen=True)
class Preset:
    """The patterns of each class, relative to the data's root.

    What they may hold is said at `patterns.matches`.
    """

    covid: str
    normal: str

    def label(self, path: str) -> int | None:
        """Give the class of a path, or None where neither pattern matches.

        Raises:
            DataError: Both patterns match.
        """
        labels = [
            label
            for label, pattern in ((COVID, self.covid), (NORMAL, self.normal))
            if matches(path, pattern)
        ]
        if len(labels) > 1:
            raise DataError(
                f"{path!r} belongs to both classes.",
                f"A file matches {self.covid!r} (COVID-19) or {self.normal!r} (normal), not both.",
                "Make the patterns covid_glob and normal_glob narrower.",
            )
        return labels[0] if labels else None


PRESETS: dict[str, Preset] = {
    "study": Preset("COVID/**", "NORMAL/**"),
    "radiography": Preset("**/COVID/images/*", "**/Normal/images/*"),
}
"""Data sets whose folders are known; `custom` brings its own patterns."""


def preset_of(config: RunConfig) -> Preset:
    """Choose the patterns that a configuration names.

    Raises:
        ConfigError: A pattern can match nothing.
    """
    if config.preset == "custom":
        return Preset(
            relative_pattern("covid_glob", config.covid_glob, root=config.data),
            relative_pattern("normal_glob", config.normal_glob, root=config.data),
        )
    return PRESETS[config.preset]
