"""Every control asked at once: none may be silenced by the correction for the others."""

import numpy as np
import pandas as pd

from cxr_tasks.audit import control_tests
from cxr_tasks.audit.control_tests import CONTROLS, Seen, ask_controls, divide


def test_controls_that_all_tell_are_all_found_however_many_there_are() -> None:
    labels, groups = np.repeat([0, 1], 30), np.arange(60)
    noise = np.random.default_rng(0).normal(0, 0.5, 60)
    names = [name for name, each in CONTROLS.items() if each.role == "control"]
    assert len(names) > 8
    seen = Seen({name: pd.DataFrame({"telling": 2 * labels + noise}) for name in names})
    tested = control_tests.Tested(labels, groups, divide(labels, groups, seed=0))
    controls, _ = ask_controls(seen, tested, seed=0)
    assert [name for name in names if not controls[name].above_chance] == []


def test_one_control_that_tells_is_found_among_many_that_do_not() -> None:
    rng = np.random.default_rng(1)
    labels, groups = np.repeat([0, 1], 60), np.arange(120)
    names = [name for name, each in CONTROLS.items() if each.role == "control"]
    tables = {name: pd.DataFrame({"silent": rng.normal(size=120)}) for name in names}
    tables["acquisition_sex"] = pd.DataFrame({"telling": labels + rng.normal(0, 1.2, 120)})
    tested = control_tests.Tested(labels, groups, divide(labels, groups, seed=0))
    controls, _ = ask_controls(Seen(tables), tested, seed=0)
    assert [name for name in names if controls[name].above_chance] == ["acquisition_sex"]
