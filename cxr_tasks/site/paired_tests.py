"""Whether runs that scored the same images can be told apart: the tests of two variants of a run.

What only one has right is tested with the signs of patients' and copies' groups flipped; how much
figures differ is estimated by a bootstrap that draws those groups.

NumPy and SciPy are imported when runs are compared first, not by whoever opens the table.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cxr_tasks.site.scored_runs import Ground
from cxr_tasks.variants import VARIANTS

if TYPE_CHECKING:
    from cxr_tasks.site.ground_tests import GroundTests, Tested

SIGNIFICANCE = 0.05
_N_KEPT = 32


@dataclass(frozen=True)
class RunPair:
    """One variant of two runs, on the same images."""

    first: int  # places of the runs among those compared
    second: int
    test: "Tested"
    ground: "GroundTests"
    p_holm: float  # corrected for all pairs that are shown

    @property
    def is_told_apart(self) -> bool:
        """Whether the test finds a difference."""
        return self.p_holm < SIGNIFICANCE


class PairedTests:
    """Tests of runs against each other; what was computed of the same predictions is kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, GroundTests] = OrderedDict()

    def compare(self, grounds: Sequence[Ground]) -> list[RunPair]:
        """Test every variant of every two runs of each ground, with Holm's correction over all."""
        if not grounds:
            return []
        from cxr_tasks.statistics.significance import holm

        found = [(ground, tests, test) for ground in grounds for tests, test in self._pairs(ground)]
        corrected = holm([test.p_value for _, _, test in found])
        pairs = [
            RunPair(ground.members[test.first], ground.members[test.second], test, tests, p_holm)
            for (ground, tests, test), p_holm in zip(found, corrected, strict=True)
        ]
        ranks = {name: rank for rank, name in enumerate(VARIANTS)}
        return sorted(pairs, key=lambda pair: (ranks[pair.test.variant], pair.first, pair.second))

    def _pairs(self, ground: Ground) -> "list[tuple[GroundTests, Tested]]":
        from cxr_tasks.site.ground_tests import compare_ground

        key = ground.digest
        tests = self._kept.get(key) or compare_ground(ground)
        self._kept[key] = tests
        self._kept.move_to_end(key)
        while len(self._kept) > _N_KEPT:
            self._kept.popitem(last=False)
        return [(tests, test) for test in tests.tested]
