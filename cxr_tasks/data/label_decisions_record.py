"""What people's decisions about labels did to a data set, as its record says it."""

from cxr_tasks.errors import first_few
from cxr_tasks.volume.record_model import Facts
from cxr_tasks.wording import one_line


class LabelDecisionFacts(Facts):
    """The decisions that were applied, each image's last one."""

    n_changed: int
    """Labels that are the other class' now."""
    n_left_out: int
    """Images that are not in the data set for it."""
    n_kept: int
    """Labels that were looked at and stay."""
    by: list[str]
    """Who decided."""
    dataset_before: str
    """Fingerprint of the data set of the same files without the decisions."""

    @property
    def changes_data(self) -> bool:
        """Whether a label or an image is another one by it."""
        return bool(self.n_changed or self.n_left_out)

    def in_words(self, file_name: str) -> str:
        """Describe what changed: `3 labels were changed and 1 image left out by decisions of ...`.

        Args:
            file_name: Where the decisions stand.
        """
        counts = [(self.n_changed, "label", "changed"), (self.n_left_out, "image", "left out")]
        parts: list[str] = []
        for n, what, verb in counts if self.changes_data else [(self.n_kept, "label", "kept")]:
            if n:
                verb = verb if parts else f"{'was' if n == 1 else 'were'} {verb}"
                parts.append(f"{n} {what}{'s' if n > 1 else ''} {verb}")
        who = first_few([one_line(name, 60) for name in self.by])
        return f"{' and '.join(parts)} by decisions of {who} ({one_line(file_name, 60)})"
