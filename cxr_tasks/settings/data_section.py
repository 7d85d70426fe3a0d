"""Settings of the section Data: where the images come from, and which are of which class."""

from dataclasses import dataclass

from cxr_tasks.settings.setting import STUDY_SLUG, setting


@dataclass(frozen=True)
class DataSection:
    """Where the images come from, and which are of which class."""

    source: str = setting(
        "phantom",
        "Source",
        "Where the images come from; by profile where empty. `phantom`: drawn here, synthetic.",
        choices=("kaggle", "folder", "zip", "phantom"),
    )
    data: str = setting("", "Data path", "For `folder` and `zip`: the path, as the workers see it.")
    follow_links: bool = setting(
        False,
        "Follow links out of the folder",
        "For `folder`: links inside the data folder are always followed, those that lead out of "
        "it only with this.",
    )
    preset: str = setting(
        "study",
        "Preset",
        "Which folders hold which class. `study`: COVID/ and NORMAL/. `radiography`: "
        "COVID/images and Normal/images. `custom`: by the two patterns below.",
        choices=("study", "radiography", "custom"),
    )
    covid_glob: str = setting(
        "",
        "Pattern of COVID-19 images",
        "For preset `custom`, relative to the data's root, for example `positive/**/*.{jpg,png}`.",
    )
    normal_glob: str = setting(
        "",
        "Pattern of normal images",
        "For preset `custom`, relative to the data's root, for example `negative/**/*.{jpg,png}`.",
    )
    kaggle_dataset: str = setting(
        "",
        "Kaggle data set",
        "For `kaggle`: OWNER/SLUG or the data set's address; OWNER/SLUG/versions/5 for that "
        f"version. The study's slug is `{STUDY_SLUG}`; it names no owner.",
    )
    patients: str = setting(
        "",
        "Patients file",
        "A CSV file with the columns path,patient and, if wanted, source (hospital, archive); "
        "overrides what file names say.",
    )
    phantom_images: int = setting(
        192,
        "Phantom images",
        "How many images to draw for source `phantom`.",
        minimum=24,
        maximum=200_000,
    )
    phantom_difficulty: str = setting(
        "hard",
        "Difficulty of the phantom images",
        "How strongly the fine structure shows that tells the drawn classes apart: `easy` 1.4 "
        "times as strongly as `hard`. By profile where empty (quickstart: easy; paper, honest: "
        "hard).",
        choices=("easy", "hard"),
    )
    max_rejected_fraction: float = setting(
        0.05,
        "Largest rejected fraction",
        "Ingestion fails when more than this fraction of the files is unusable.",
        minimum=0.0,
        maximum=1.0,
    )
