"""One run's settings: each with its type, default, limits and help, from which all else is made."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from cxr_tasks.settings.learning_rates import RULE as RATES_RULE
from cxr_tasks.settings.learning_rates import in_one_way, rates_of
from cxr_tasks.variants import VARIANTS, VariantName
from cxr_tasks.volume.files import digest_of

PROFILES: dict[str, dict[str, Any]] = {
    "quickstart": {
        "source": "phantom",
        "split": "grouped",
        "folds": 0,
        "epochs": 0,
        "patience": 100,
        "batch_size": 16,
        "phantom_difficulty": "easy",
        "test_one_in": 3,
    },
    "paper": {"source": "kaggle", "split": "paper", "folds": 0, "epochs": 500, "patience": 30},
    "honest": {
        "source": "kaggle",
        "split": "grouped",
        "folds": 5,
        "head_repeats": 3,
        "epochs": 500,
        "patience": 30,
    },
}
"""What each profile sets where the user says nothing."""

WEIGHTS_WITHOUT_FILE = ("phantom", "random")
"""Values of `weights` that name no file; for profile quickstart only."""

PATH_SETTINGS = (
    "data",
    "patients",
    "label_decisions",
    "weights",
    "external_data",
    "external_patients",
)
"""Settings that name a file or a folder; some also take a word that is no path."""


_VARIANTS = tuple(VARIANTS.values())

LATER_SETTINGS = (
    "lung_masks",
    "label_decisions",
    "remedy",
    "head_repeats",
    "learning_rate",
    "approval",
)
"""Settings that older runs lack; at their default a run is as it was without them."""


def split_list(value: Any) -> Any:
    """Split a comma-separated text; return any other value as it is."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _one_line(text: str) -> str:
    text.encode()  # raises UnicodeEncodeError, a ValueError, for a path's odd bytes
    if "\0" in text or text.splitlines() not in ([], [text]):
        raise ValueError(text)
    return text


def _in_order(names: tuple[VariantName, ...]) -> tuple[VariantName, ...]:
    return tuple(name for name in VARIANTS if name in names)


Remedy = Literal["none", "lungs", "alike", "both", "balanced"]
Text = Annotated[str, AfterValidator(_one_line)]
Variants = Annotated[
    tuple[VariantName, ...], BeforeValidator(split_list), AfterValidator(_in_order)
]
LearningRates = Annotated[str, BeforeValidator(in_one_way)]
_run, _data, _training, _evaluation, _retraining = (
    partial(Field, json_schema_extra={"section": section})
    for section in ("Run", "Data", "Training", "Evaluation", "Retraining")
)


class RunConfig(BaseModel):
    """A checked configuration; made by `cxr_tasks.settings.config.make_config` only.

    The text below a setting is its help in the trigger form and on the command line.
    """

    model_config = ConfigDict(
        frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    profile: Literal["quickstart", "paper", "honest"] = _run("quickstart", title="Profile")
    """Decides the settings below that are left empty and follow the profile. `quickstart`:
    synthetic images and short trainings, minutes on two cores. `paper`: the published study's
    procedure. `honest`: five folds; every image is scored by models that saw neither it nor its
    patient."""
    variants: Variants = _run(tuple(VARIANTS), title="Variants", min_length=1, strict=False)
    """Which of the four models to train and compare."""
    seed: int = _run(42, title="Seed", ge=0, le=2**31 - 1)
    """Decides the split, the initial weights, the order of images, dropout and augmentation."""

    source: Literal["kaggle", "folder", "zip", "phantom"] = _data("phantom", title="Source")
    """Where the images come from. `phantom`: synthetic images, drawn by this project.
    {by_profile}"""
    data: Text = _data("", title="Data path")
    """For `folder` and `zip`: the path as the workers see it."""
    follow_links: bool = _data(False, title="Follow links out of the folder")
    """For `folder`: also follow links that lead out of the data folder; links within it are always
    followed."""
    preset: Literal["study", "radiography", "custom"] = _data("study", title="Preset")
    """Which folders hold which class. `study`: COVID/ and NORMAL/. `radiography`: COVID/images and
    Normal/images. `custom`: according to the two patterns below."""
    covid_glob: Text = _data("", title="Pattern of COVID-19 images")
    """For preset `custom`: relative to the data's root, for example `positive/**/*.{jpg,png}`."""
    normal_glob: Text = _data("", title="Pattern of normal images")
    """For preset `custom`: relative to the data's root, for example `negative/**/*.{jpg,png}`."""
    kaggle_dataset: Text = _data("", title="Kaggle data set")
    """For `kaggle`: OWNER/SLUG or the data set's address; OWNER/SLUG/versions/5 for that version.
    The study's slug is `covid-19-vs-normal-chest-x-rays`; the study does not name its owner."""
    patients: Text = _data("", title="Patients file")
    """A CSV file with the columns path,patient and, optionally, source (hospital, archive), sex,
    age, view, device, follow_up and hospital; it overrides what file names say."""
    lung_masks: Text = _data("", title="Lung masks")
    """Where the mask of an image's lungs lies, relative to the data's root or absolute, for example
    `{folder}/../masks/{name}` or `/data/masks/{stem}.png`; `*` is any text. Empty: preset
    `radiography` takes its own masks, others have none. `none`: masks are ignored."""
    label_decisions: Text = _data("", title="Label decisions file")
    """A CSV file with the columns path,decision,by,when,reason, in which people decide to keep or
    flip an image's label, or to exclude the image; `python -m cxr_tasks label` writes it."""
    phantom_images: int = _data(192, title="Phantom images", ge=24, le=200_000)
    """How many images to draw for source `phantom`."""
    phantom_difficulty: Literal["easy", "hard"] = _data(
        "hard", title="Difficulty of the phantom images"
    )
    """How strongly the fine structure shows that tells the drawn classes apart: with `easy` 1.4
    times as strongly as with `hard`. {by_profile}"""
    max_rejected_fraction: float = _data(0.05, title="Maximum rejected fraction", ge=0, le=1)
    """Ingestion fails if more than this fraction of the files is unusable."""

    remedy: Remedy = _data("none", title="Remedy")
    """Work on images made anew, so that shortcuts tell less: `lungs`: all but the lungs
    painted over. `alike`: files re-encoded alike, brightness too. `both` of them. `balanced`: pairs
    of patients alike in file and acquisition, the others left out. Compare with the same run
    without it."""

    split: Literal["paper", "grouped"] = _training("grouped", title="Split")
    """`paper`: 75/25 as Keras' loader does it, without a test part. `grouped`: train, val and test,
    with no patient or duplicate in two of them. {by_profile}"""
    test_one_in: int = _training(5, title="Test one image in", ge=2, le=10)
    """One image in this many is set aside for testing, a patient's images kept together; a fifth of
    the others validates. Only with split `grouped` and without folds. {by_profile}"""
    folds: int = _training(0, title="Folds", ge=0, le=20)
    """Every image is scored out of fold, by a model trained on the other folds. 0: no folds; the
    split's own parts are scored. Requires split `grouped`. {by_profile}"""
    repeats: int = _training(1, title="Repeats of the folds", ge=1, le=20)
    """How many times the images are divided into folds; an image's probabilities are averaged over
    the repeats."""
    head_repeats: int = _training(1, title="Repeats where only the head trains", ge=1, le=20)
    """The same for a variant whose backbone is all frozen, which trains in seconds. Repeats beyond
    the others' show how far its figures move by chance, and change none. {by_profile}"""
    epochs: int = _training(500, title="Maximum epochs", ge=0, le=10_000)
    """A training ends after so many, unless early stopping ends it before; 0: each variant's own
    number, in `quickstart` only. {by_profile}"""
    patience: int = _training(30, title="Patience", ge=1, le=10_000)
    """Epochs without a lower validation loss before a training stops; with as many as the epochs,
    or more, none ever does. {by_profile}"""
    learning_rate: LearningRates = _training(
        "", title="Learning rates", json_schema_extra={"section": "Training", "rule": RATES_RULE}
    )
    """Adam's, of every variant: `1e-4`; or of some: `mobilenetv2_partial=1e-5,vanilla_cnn=1e-4`.
    Empty: each variant's own ({rates}). One that is set stands in the report, as a difference from
    the study."""
    batch_size: int = _training(32, title="Batch size", ge=1, le=1024)
    """Images in one training step. {by_profile}"""
    class_weights: bool = _training(False, title="Class weights")
    """Weight both classes equally in the loss if they differ in number."""
    weights: Text = _training("", title="Backbone weights")
    """A MobileNetV2 weights file without top. Empty: Keras' ImageNet weights, downloaded once; if
    they are unavailable, `quickstart` uses `phantom` and other profiles stop. In `quickstart`
    only: `phantom`, pre-trained on this project's synthetic images; `random`."""
    precision: Literal["auto", "float32", "mixed"] = _training("auto", title="Precision")
    """`mixed`: half-precision arithmetic on full-precision weights. `auto`: mixed on a graphics
    card, float32 on a CPU. Layers fed by frozen ones stay float32."""
    threads: int = _training(0, title="Threads per training", ge=0, le=256)
    """CPU threads; results repeat exactly only with the same number. 0: by the cores of the machine
    that starts the run, whichever machine continues it."""

    min_sensitivity: float = _evaluation(0.95, title="Minimum sensitivity", ge=0.01, le=1)
    """A decision cut-off is chosen on validation images to detect at least this fraction of
    COVID-19, and applied to images that had no part in choosing it."""
    prevalence: float = _evaluation(0.1, title="Prevalence", ge=0.0001, le=0.9999)
    """The fraction of COVID-19 for which PPV and NPV are computed."""
    external_source: Literal["none", "kaggle", "folder", "zip", "phantom"] = _evaluation(
        "none", title="External source"
    )
    """A second data set, used for testing only: `folder`, `zip`, `kaggle`, or `phantom` (drawn with
    another seed)."""
    external_data: Text = _evaluation("", title="External data")
    """For `folder` and `zip`: the path as the workers see it; for `kaggle`: OWNER/SLUG."""
    external_preset: Literal["same", "study", "radiography"] = _evaluation(
        "same", title="External preset"
    )
    """Which folders of it hold which class; `same`: as the preset above."""
    external_patients: Text = _evaluation("", title="External patients file")
    """Like the patients file, for the external data."""

    force: bool = _retraining(False, title="Run even if nothing has changed")
    """Otherwise a run ends early if an earlier one has the same images, settings, library versions
    and code: it would produce the same numbers."""
    promote: bool = _retraining(True, title="Challenge the champion")
    """At the end, compare the recommended variant with the champion on images that neither has
    seen, and let it serve if it is better. Models of synthetic data are never promoted."""
    approval: bool = _retraining(False, title="Ask a person before promotion")
    """A model that would be promoted waits in Airflow, under Required Actions, for a person who
    approves or rejects it; without an answer it is not promoted. It holds no worker meanwhile."""
    challenge_level: Literal["spent", "fixed"] = _retraining(
        "spent", title="Significance level of a challenge"
    )
    """Each challenge is another chance for a model that is no better to be promoted. `spent`: the
    champion's first challenge is decided at 3 %, the k-th at 1/k² of that, 5 % over all of them;
    `fixed`: every one at 5 %."""
    allow_shortcut: bool = _retraining(False, title="Promote despite a shortcut")
    """Promote even if the audit's verdict is `shortcut`: the model may then recognise the source of
    an image and nothing about disease. The model card says so."""

    @property
    def fingerprint(self) -> str:
        """Digest of every setting: equal if and only if the configurations are."""
        settings = self.as_dict().items()
        return digest_of({name: value for name, value in settings if not _is_new(name, value)})

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return self.model_dump(mode="json")

    def n_repeats_of(self, variant: str) -> int:
        """Return how many times a variant's folds are divided, for its figures or their spread."""
        head_only = VARIANTS[variant].trains_head_only
        return max(self.repeats, self.head_repeats) if head_only else self.repeats

    def learning_rate_of(self, variant: str) -> float:
        """Return Adam's learning rate for a variant."""
        own = VARIANTS[variant].usual_learning_rate(quick=self.profile == "quickstart")
        return rates_of(self.learning_rate).get(variant, own)

    def deciding(self) -> dict[str, Any]:
        """Return the settings that decide about numbers: all but those of the retraining."""
        settings = self.as_dict().items()
        return {name: value for name, value in settings if SETTINGS[name].section != "Retraining"}

    def external_config(self) -> "RunConfig | None":
        """Return the configuration that ingests the external data set; None if there is none."""
        if self.external_source == "none":
            return None
        kaggle = self.external_source == "kaggle"
        external = {
            "source": self.external_source,
            "data": "" if kaggle else self.external_data,
            "kaggle_dataset": self.external_data if kaggle else "",
            "preset": self.preset if self.external_preset == "same" else self.external_preset,
            "patients": self.external_patients,
            "lung_masks": "none",  # it only tests, and lies elsewhere
            "label_decisions": "",
            # pictures are treated alike, so that they can be told; none is left out
            "remedy": "none" if self.remedy == "balanced" else self.remedy,
            "seed": (self.seed + 1) % 2**31,  # decides phantoms only: with one seed, the same ones
        }
        return self.model_copy(update=external)


def _is_new(name: str, value: Any) -> bool:
    """Return whether a setting is what it was before there was any: older runs digest without."""
    return name in LATER_SETTINGS and value == SETTINGS[name].default


@dataclass(frozen=True)
class Setting:
    """What a person has to know about one setting, and what its value may be."""

    name: str
    kind: str  # its JSON type
    default: Any
    title: str
    help: str
    section: str
    choices: tuple[str, ...]
    minimum: float | None
    maximum: float | None
    by_profile: bool  # a profile has a value of its own for it
    rule: str = ""  # what a text may be; empty where it is any line

    @property
    def flag(self) -> str:
        """Its flag on the command line."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def limits(self) -> str:
        """What its numbers may be, for a person; empty where it is no number."""
        if self.minimum is None or self.maximum is None:
            return ""
        if self.kind == "number":
            return f"It is a fraction: 0.1 is 10 %. Allowed: {self.minimum:g} to {self.maximum:g}."
        return f"Allowed: {self.minimum} to {self.maximum}."


def _described(name: str, schema: dict[str, Any]) -> Setting:
    return Setting(
        name=name,
        kind=schema["type"],
        default=RunConfig.model_fields[name].default,
        title=schema["title"],
        help=_help(name, schema["description"]),
        section=schema["section"],
        choices=tuple(schema.get("enum") or schema.get("items", {}).get("enum", ())),
        minimum=schema.get("minimum"),
        maximum=schema.get("maximum"),
        by_profile=any(name in profile for profile in PROFILES.values()),
        rule=schema.get("rule", ""),
    )


def _help(name: str, description: str) -> str:
    """Fill in what the project decides elsewhere, so that no number stands in two places."""
    text = " ".join(description.split())
    return text.replace("{by_profile}", _by_profile(name)).replace("{rates}", _own_rates())


def _by_profile(name: str) -> str:
    """Describe what a setting is in each profile where nobody sets it."""
    profiles_by_value: dict[str, list[str]] = {}
    for profile, values in PROFILES.items():
        value = values.get(name, RunConfig.model_fields[name].default)
        shown = _own_epochs() if (name, value) == ("epochs", 0) else str(value)
        profiles_by_value.setdefault(shown, []).append(profile)
    listed = "; ".join(f"{', '.join(names)}: {value}" for value, names in profiles_by_value.items())
    return f"By profile if empty ({listed})."


def _own_epochs() -> str:
    return ", ".join(f"{each.name} {each.quickstart_epochs}" for each in _VARIANTS)


def _own_rates() -> str:
    """Describe each variant's own learning rate: in quickstart, and where a training is long."""
    listed = (
        ", ".join(f"{each.name} {each.usual_learning_rate(quick=quick):g}" for each in _VARIANTS)
        for quick in (True, False)
    )
    return "quickstart: {}; the study's, in the others: {}".format(*listed)


SETTINGS: dict[str, Setting] = {
    name: _described(name, schema)
    for name, schema in RunConfig.model_json_schema()["properties"].items()
}
"""Every setting by name, in the order a form shows them."""


def default_of(name: str, profile: str) -> Any:
    """Return what a setting is in a profile where nobody sets it."""
    return PROFILES[profile].get(name, SETTINGS[name].default)
