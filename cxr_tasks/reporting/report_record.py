"""`report.json`: every figure that a run's page shows."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from cxr_tasks.audit.audit_record import (
    ControlFacts,
    CopiesFacts,
    LungsFacts,
    PatientsFacts,
    SourcesFacts,
)
from cxr_tasks.audit.drift_record import DriftFacts
from cxr_tasks.data.label_decisions_record import LabelDecisionFacts
from cxr_tasks.data.split_record import FoldNumbers, SplitFacts
from cxr_tasks.evaluation.comparison_record import (
    BannerFacts,
    DecisionRule,
    ExternalFacts,
    RecommendationFacts,
    ScoredPart,
)
from cxr_tasks.evaluation.explanation_record import ExplanationFacts
from cxr_tasks.evaluation.label_suspects_record import LabelSuspectFacts
from cxr_tasks.evaluation.subgroups_record import SubgroupsFacts
from cxr_tasks.evaluation.verdict_record import VerdictFacts, VerdictName
from cxr_tasks.runs.ingest_record import WeightsFacts
from cxr_tasks.runs.starts import How
from cxr_tasks.statistics.figures_record import (
    Basis,
    ByClass,
    Estimate,
    MetricFigures,
    PairFacts,
    PartMeasures,
    Spread,
    StatisticsFacts,
)
from cxr_tasks.statistics.learning_curve_record import LearningCurveFacts
from cxr_tasks.study import StudyReport
from cxr_tasks.training.training_record import TrainingFacts
from cxr_tasks.volume.record_model import Content, Facts, PeakMemory, StageRecord

LABELS_PAGE = "labels.html"
"""The report's second page: labels that look wrong."""

MEASURED_PARTS: tuple[ScoredPart, ...] = ("train", "val", "test", "oof")
_MEASURED = {
    f"{part}_{measure}": (part, measure)
    for part in MEASURED_PARTS
    for measure in PartMeasures.model_fields
    if measure != "roc"
}
"""The keys of measures in the file, such as `val_accuracy`: of which part, which one."""


class _Scope(Facts):
    basis: Basis
    n_images: int


class Headline(MetricFigures, _Scope):
    """The figures on the images of the basis."""


class _Status(Facts):
    status: Literal["ok"]
    error: None


class _UntrainedStatus(Facts):
    status: Literal["failed", "skipped"]
    error: str | None


class _Names(Facts):
    title: str
    study_name: str


class UntrainedReportVariant(_Names, _UntrainedStatus):
    """A variant that failed, for the reason in `error`, or was not selected."""


class _Cost(Facts):
    total_seconds: float
    """Of preparing and training, with all folds."""


class _Figures(Facts):
    statistics: StatisticsFacts
    fixed: DecisionRule | None
    """What new images are scored with; None where no images were left to fix it on."""
    explanation: ExplanationFacts | None
    """None where the backend gives no gradients."""
    measured: dict[ScoredPart, PartMeasures]
    """On each part; in the file a key for each, such as `val_accuracy`, but no curve."""
    headline: Headline


class ReportVariant(_Figures, TrainingFacts, _Cost, _Names, _Status):
    """A trained variant."""

    @model_validator(mode="before")
    @classmethod
    def _gather_measures(cls, content: Any) -> Any:
        if not isinstance(content, Mapping) or "measured" in content:
            return content
        measured: dict[str, dict[str, Any]] = {}
        for key in _MEASURED.keys() & content.keys():
            part, measure = _MEASURED[key]
            measured.setdefault(part, {})[measure] = content[key]
        rest = {key: value for key, value in content.items() if key not in _MEASURED}
        return rest | {
            "measured": {part: measured[part] for part in MEASURED_PARTS if part in measured}
        }

    @model_serializer(mode="wrap")
    def _spread_measures(self, handler: SerializerFunctionWrapHandler) -> Content:
        written: Content = {}
        for key, value in handler(self).items():
            if key != "measured":
                written[key] = value
                continue
            for part, measures in value.items():
                written |= {f"{part}_{key}": each for key, each in measures.items() if key != "roc"}
        return written

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the file: it has a key for each measure of each part that was scored."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        one = handler.resolve_ref_schema(handler(PartMeasures.__pydantic_core_schema__))
        of_part = {name: one["properties"][name] for _, name in _MEASURED.values()}
        del schema["properties"]["measured"]
        schema["properties"] |= {key: of_part[name] for key, (_, name) in _MEASURED.items()}
        schema["required"].remove("measured")
        return schema


VariantReport = Annotated[ReportVariant | UntrainedReportVariant, Field(discriminator="status")]


class ReportAudit(VerdictFacts):
    """The verdict, and what the audit looked at; None, and no control, where the audit failed."""

    controls: dict[str, ControlFacts]
    duplicates: CopiesFacts | None
    patients: PatientsFacts | None
    sources: SourcesFacts | None
    n_folds: int | None
    n_permutations: int | None
    n_excluded_images: int | None
    weights_origin: str | None = None
    drift: DriftFacts | None = None
    lungs: LungsFacts | None = None
    learning_curve: LearningCurveFacts | None = None


class ReportExternal(ExternalFacts):
    """The test on a second data set, and what ingestion left out of that."""

    n_left_out_by_reason: dict[str, int] = Field(default_factory=dict)


class CountSpread(Facts):
    """Whole numbers from the smallest to the largest."""

    least: int
    median: int
    most: int


class ClassImages(Facts):
    """The images of one class."""

    n_images: int
    n_with_patient: int
    known_patient_fraction: float
    n_patients: int
    formats: dict[str, int]
    modes: dict[str, int]
    width_px: CountSpread
    height_px: CountSpread
    file_bytes: CountSpread


class ReportData(Facts):
    """The data set."""

    fingerprint: str
    description: str
    synthetic: bool
    n_images: int
    n_rejected: int
    n_left_out: int = 0
    n_left_out_by_reason: dict[str, int] = Field(default_factory=dict)
    n_unusable_masks_by_reason: dict[str, int] = Field(default_factory=dict)
    """Images without a lung mask, although there are files for one."""
    classes: ByClass[ClassImages]
    remedy: str = ""
    """What was done to the images so that a shortcut tells less; empty where nothing was."""
    n_left_out_by_remedy: int = 0
    first_run: str = ""
    """The run on the images as they came."""


class SeedVariant(Facts):
    """A variant's figures over runs that differ in the seed alone."""

    roc_auc: Spread | None
    accuracy: Spread | None


class SeedsFacts(Facts):
    """Other runs that differ from this one in the seed alone; figures are of all together."""

    runs: list[str]
    variants: dict[str, SeedVariant]


class RunWithoutDecisions(Facts):
    """An equal run of the same files, without people's decisions about labels."""

    run_key: str
    verdict: VerdictName
    variant: str
    """Whose figures these are: the recommended one, or else the best."""
    roc_auc: Estimate


class ReportDecisions(LabelDecisionFacts):
    """People's decisions about labels, and what the run would be without them."""

    file_name: str
    """Where they stand."""
    without: RunWithoutDecisions | None
    """None where no such run is on the shared volume."""
    command: str
    """Starts that run."""


class RunTimes(Facts):
    """When a run began and its report was made, and who began it."""

    started_at: float
    """In seconds since 1970, as all times here."""
    ended_at: float
    """When the report was made."""
    by: str
    """A user of Airflow, or of the machine; empty where it was nobody, or is not known."""
    how: How
    dag_run: str
    """Airflow's id of the run that went on with it last; empty without Airflow."""


class ReportFigures(Facts):
    """All that the page shows; what is only drawn is left out, such as ROC curves."""

    run_key: str
    profile: str
    source: str
    audit: ReportAudit
    basis: Basis
    folds: FoldNumbers | None
    banners: list[BannerFacts]
    recommendation: RecommendationFacts
    variants: dict[str, VariantReport]
    pairs: list[PairFacts]
    external: ReportExternal | None
    study: StudyReport
    data: ReportData
    split: SplitFacts
    weights: WeightsFacts
    config: dict[str, Any]
    """Every setting by its name."""
    reproduce: str
    """The command that starts the same run again."""
    hashes: dict[str, str]
    """What a second run has to have in common with this one, by name."""
    subgroups: SubgroupsFacts | None = None
    seeds: SeedsFacts | None = None
    """None where there is no such run, and in older files."""
    label_suspects: LabelSuspectFacts | None = None
    """None where the run's evaluation is of an older version."""
    label_decisions: ReportDecisions | None = None
    wrong_by_any: ByClass[int] | None = None
    """Images that at least one variant has wrong; None in files of older versions."""
    """None where nobody has decided about a label."""
    times: RunTimes | None = None
    """None where it is not known who began the run."""

    @property
    def trained(self) -> dict[str, ReportVariant]:
        """The variants that finished."""
        return {name: each for name, each in self.variants.items() if each.status == "ok"}

    @property
    def shown_name(self) -> str:
        """The variant that figures are shown of: the recommended one, or else the best."""
        return self.recommendation.variant or self.recommendation.best

    @property
    def shown(self) -> ReportVariant:
        """Its figures."""
        return self.trained[self.shown_name]

    @property
    def chosen(self) -> ReportVariant | None:
        """The figures of the recommended variant; None where none is recommended."""
        return None if self.recommendation.variant is None else self.shown


class ReportRecord(PeakMemory, ReportFigures, StageRecord):
    """The finished stage `report`."""

    FILE: ClassVar[str] = "report.json"
    COMMAND: ClassVar[str] = "report"

    stage: Literal["report"]
