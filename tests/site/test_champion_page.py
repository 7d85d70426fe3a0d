"""The champion's history as a page, and the batches that it scored."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cxr_tasks.champion.approval_record import ApprovalFacts, ApprovalRecord
from cxr_tasks.champion.pointer import changing, serve
from cxr_tasks.champion.promotion_record import PromotionRecord
from cxr_tasks.champion.scores_record import ScoresRecord
from cxr_tasks.champion.version_record import VersionRecord
from cxr_tasks.site.answer import Answer
from cxr_tasks.site.site import Site
from cxr_tasks.volume.files import sha256_of
from cxr_tasks.volume.paths import Home, RunPaths
from cxr_tasks.volume.record_model import write_sealed_record
from tests.made_facts import changed, filled
from tests.policy import refused_scripts
from tests.site.shelf import BEGAN, put_run
from tests.stored import flip_bit

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>{{ 7 * 7 }}"


@pytest.fixture
def site(home: Home) -> Site:
    return Site(home)


def text(answer: Answer) -> str:
    body = answer.body if isinstance(answer.body, str) else answer.body.decode()
    assert refused_scripts(body) == []
    return " ".join(body.split())


def put_version(home: Home, name: str, **facts: object) -> Path:
    record = filled(VersionRecord, version=name, variant="vanilla_cnn", **facts)
    path = home.champion / name / "version.json"
    figure = {"value": 0.91, "interval": [0.88, 0.94]}
    write_sealed_record(
        path,
        changed(
            record,
            {
                "headline.accuracy": figure | {"independent": None},
                "headline.roc_auc": figure | {"independent": None},
            },
        ),
    )
    return path


def put_service(
    home: Home, version: str, action: Any, reason: str, approval: ApprovalFacts | None = None
) -> None:
    with changing(home):
        serve(home, version, action=action, reason=reason, now=NOW, approval=approval)


def test_models_that_wait_for_a_person_are_told(site: Site, home: Home, template: RunPaths) -> None:
    for key, answer in (("asks", None), ("done", filled(ApprovalFacts, report_sha256="a" * 64))):
        put_run(home, template, key)
        record = filled(
            ApprovalRecord,
            report_sha256="a" * 64,
            variant="vanilla_cnn",
            champion="0001-one",
            answer=answer,
            proposal=key,
        )
        write_sealed_record(home.run(key).approval, record)
    page = text(site.champion(base="/cxr"))
    waits = page[page.index("Waits for a person") : page.index("turned down")]
    assert 'href="/cxr/runs/asks"' in waits
    assert "would serve in place of 0001-one. asks" in waits
    assert "done" not in waits
    assert "waits for approval</a>" in text(site.all_runs({}, base="/cxr"))
    answered = filled(ApprovalFacts, answer="rejected", report_sha256="a" * 64)
    record = filled(ApprovalRecord, report_sha256="a" * 64, answer=answered)
    write_sealed_record(home.run("asks").approval, record)
    assert "waits for" not in text(site.all_runs({}, base="/cxr")).casefold()


def test_where_none_ever_served_the_page_says_what_it_takes(site: Site) -> None:
    page = text(site.champion(base="/cxr"))
    assert "No model has ever served" in page
    assert "honest" in page


def test_every_change_of_what_serves_is_told_the_newest_first(
    site: Site, home: Home, template: RunPaths
) -> None:
    put_run(home, template, "one")
    put_service(home, "0001-one", "promoted", "The first champion.")
    agreed = ApprovalFacts(
        answer="approved", by="ann", at="2026-01-02", reason="Agreed", report_sha256="a" * 64
    )
    put_service(home, "0002-two", "promoted", "Better.", agreed)
    put_service(home, "0001-one", "rolled back", "Rolled back from 0002-two.")
    put_version(home, "0001-one")
    put_version(home, "0002-two")
    page = text(site.champion(base="/cxr"))
    assert "<strong>0001-one</strong> serves, since 2026-01-02 03:04 UTC" in page
    told = ["Rolled back from 0002-two.", "Better.", "The first champion."]
    places = [page.index(each) for each in told]
    assert places == sorted(places)
    assert "Approved by ann, 2026-01-02 00:00 UTC: Agreed" in page
    assert "91.0 %<small>88.0 to 94.0 %</small>" in page
    assert 'href="/cxr/runs/one"' in page
    assert "two<small>deleted</small>" in page


def test_a_retired_champion_and_lost_files_are_told(site: Site, home: Home) -> None:
    for name in ("0001-one", "0002-two"):
        put_service(home, name, "promoted", "Better.")
    put_version(home, "0001-one")
    flip_bit(put_version(home, "0002-two"))
    put_service(home, "0002-two", "retired", HOSTILE)
    page = text(site.champion(base="/cxr"))
    assert "No model serves since 0002-two was retired" in page
    assert "&lt;script&gt;" in page
    assert "0002-two is damaged" in page
    assert str(home.root) not in page
    (home.champion / "champion.json").write_text("{")
    page = text(site.champion(base="/cxr"))
    assert "What serves is not known" in page
    assert "champion --restore" in page
    assert str(home.root) not in page


def test_challenges_that_were_turned_down_are_listed(
    site: Site, home: Home, template: RunPaths
) -> None:
    for key, decision in (("lost", "kept"), ("bad", "refused"), ("won", "promoted")):
        run = put_run(home, template, key)
        record = filled(PromotionRecord, decision=decision, reason=f"Why {key}.")
        write_sealed_record(run.promote / "promote.json", record)
    page = text(site.champion(base="/cxr")).partition("turned down")[2]
    assert "Why lost." in page
    assert "Why bad." in page
    assert "Why won." not in page


def put_batch(home: Home, name: str, **facts: object) -> Path:
    folder = home.scores(name)
    folder.mkdir(parents=True)
    (folder / "scores.csv").write_text("path,score\na,0.5\n")
    (folder / "index.html").write_text("the page")
    outputs = {each: sha256_of(folder / each) for each in ("scores.csv", "index.html")}
    record = filled(ScoresRecord, name=name, outputs=outputs, **facts)
    changes = {"champion.version": "0001-one", "champion.verdict": "warning"}
    write_sealed_record(folder / "score.json", changed(record, changes))
    return folder


def test_batches_are_listed_the_last_first_and_lead_to_their_tables(site: Site, home: Home) -> None:
    assert "No scored batches yet" in text(site.batches(base="/cxr"))
    put_batch(home, "old", scored_at="2026-01-01T00:00:00+00:00")
    put_batch(home, "new", scored_at="2026-01-03T00:00:00+00:00", n_scored=7, n_images=9)
    (home.root / "scores" / "half").mkdir()
    (home.root / "scores" / ".hidden").mkdir()
    page = text(site.batches(base="/cxr"))
    places = [page.index(f">{name}</a></th>") for name in ("new", "old", "half")]
    assert places == sorted(places)
    assert "score.json is missing" in page
    assert ">.hidden<" not in page
    assert "7<small>of 9</small>" in page
    assert 'href="/cxr/scores/new/scores.csv"' in page
    assert text(site.scores("new", base="/cxr")) == "the page"


def test_a_table_is_served_as_it_was_written_or_not_at_all(site: Site, home: Home) -> None:
    folder = put_batch(home, "new")
    answer = site.scores_csv("new", base="/cxr")
    assert answer.body == (folder / "scores.csv").read_bytes()
    assert answer.media_type == "text/csv; charset=utf-8"
    flip_bit(folder / "scores.csv")
    flip_bit(folder / "index.html")
    for answer in (site.scores_csv("new", base="/cxr"), site.scores("new", base="/cxr")):
        assert "These scores are damaged" in text(answer)


@pytest.mark.parametrize("key", ["..", "../runs", "a\0", "", "x" * 200, "none"])
def test_no_name_leads_elsewhere(site: Site, home: Home, key: str) -> None:
    (home.root / "scores.csv").parent.mkdir(parents=True, exist_ok=True)
    (home.root / "scores.csv").write_text("secret")
    answer = site.scores_csv(key, base="/cxr")
    assert (answer.status, "secret" in text(answer)) == (404, False)


def test_no_link_in_a_batch_leads_out_of_it(site: Site, home: Home) -> None:
    folder = put_batch(home, "new")
    secret = home.root / "secret.csv"
    secret.write_bytes((folder / "scores.csv").read_bytes())
    (folder / "scores.csv").unlink()
    (folder / "scores.csv").symlink_to(secret)
    assert site.scores_csv("new", base="/cxr").status == 404


def test_promoted_runs_lead_to_the_champion(site: Site, home: Home, template: RunPaths) -> None:
    run = put_run(home, template, "won", began=BEGAN)
    record = filled(PromotionRecord, decision="promoted", reason="Better.", version="0001-won")
    write_sealed_record(run.promote / "promote.json", record)
    assert 'class="tag promoted" href="/cxr/champion"' in text(site.all_runs({}, base="/cxr"))
