"""`label_suspects.json`: how many labels of a run's data look wrong, and by what."""

from cxr_tasks.statistics.figures_record import Basis, ByClass
from cxr_tasks.volume.record_model import Facts


class LabelSuspectFacts(Facts):
    """Labels that somebody should look at; `label_suspects.csv` has a row for each image."""

    basis: Basis
    """Which images were ranked: those scored by models that had not seen them; with `val` they
    chose the epoch."""
    n_images: int
    n_ranked: int
    variants: list[str]
    """Those better than chance, whose mean probability ranks; where there is none, nothing is."""
    calibrated: bool
    """Whether the probabilities are scaled by temperatures."""
    thresholds: ByClass[float] | None
    """From what probability of a class on a model is confident in it."""
    n_suspects: int
    """Labels that look wrong, by one of the two following, and that nobody has decided about."""
    n_by_model: int
    """The model is confident in the other class."""
    n_by_copies: int
    """A copy of the image has the other label."""
    n_of_patients: int
    """The patient has images of both labels, which may be right: not among the suspects."""
    n_decided: int
    """Somebody has decided about the label; no suspect any more."""

    @property
    def n_to_look_at(self) -> int:
        """The suspects, and the patients' images that are none."""
        return self.n_suspects + self.n_of_patients
