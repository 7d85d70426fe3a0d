from pathlib import Path

from bench.alarms import as_table, controls_table
from bench.audit_rates import RESULTS
from cxr_tasks.volume.files import read_json

DOC = Path(__file__).parents[2] / "docs" / "audit.md"


def test_the_page_has_the_tables_that_were_counted() -> None:
    text, results = DOC.read_text(encoding="utf-8"), read_json(RESULTS)
    assert as_table(results) in text
    assert controls_table(results) in text
