"""What came of a run's challenge, as it stands now."""

from cxr_tasks.champion.pointer import history, retired_versions, serving
from cxr_tasks.errors import ArtifactError
from cxr_tasks.volume.paths import Home
from cxr_tasks.volume.records import Record
from cxr_tasks.wording import one_line


def outcome(home: Home, promotion: Record) -> str:
    """Say how a challenge was decided, and of a promoted model whether it serves no more."""
    reason = promotion["reason"]
    if since := _since(home, promotion["version"]):
        return f"{promotion['decision']}, but {since}: it serves no more. Then: {reason}"
    return f"{promotion['decision']}: {reason}"


def _since(home: Home, version: str | None) -> str:
    """Say why a version that was promoted does not serve; empty where it does, or none was."""
    try:
        served, now, retired = history(home), serving(home), retired_versions(home)
    except ArtifactError:  # told by whoever needs the champion
        return ""
    if version in retired:
        entry = retired[version]
        return f"retired on {entry['at']} ({one_line(entry['reason'], 300)})"
    if version == now or not any(entry["version"] == version for entry in served):
        return ""
    return f"{one_line(now)} serves now" if now else "retired since"
