from pathlib import Path

import pytest

from cxr_tasks.audit.audit_record import AuditFacts, AuditRecord, FindingFacts
from cxr_tasks.flow.stages import StageContext, execute
from cxr_tasks.volume.progress import Progress, read_events
from tests.drawing import Drawing
from tests.drawn_run import draw_run
from tests.made_facts import facts_for, filled


@pytest.mark.parametrize(("n", "told"), [(0, "0 findings ("), (1, "1 finding ("), (2, "2 findin")])
def test_audit_ends_with_the_number_of_its_findings(n: int, told: str, tmp_path: Path) -> None:
    run, config = draw_run(tmp_path, Drawing(n_images=48))
    context = StageContext(run, config, Progress(run.progress, "audit"), {})
    (run.audit / "audit.json").unlink()
    context.finish_once(
        run.audit,
        AuditRecord,
        {"ingest": run.ingest / "ingest.json", "split": run.split / "split.json"},
        lambda _built: filled(AuditFacts, findings=[facts_for(FindingFacts)] * n),
    )
    execute("audit", context)
    assert [event.text for event, _ in read_events(run.progress)][-1].startswith(told)
