"""How the folders of a data set are laid out: as its preset has them, or how else."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from cxr_tasks.data.sources.file_kinds import is_named_image
from cxr_tasks.data.sources.labels import Labelled, label_paths, within_common_top
from cxr_tasks.errors import DataError
from cxr_tasks.settings.presets import PRESETS, Preset
from cxr_tasks.wording import COVID, NORMAL

_VIRUS = r"(?:covid|sarscov|ncov|corona(?:virus)?)(?:19|2)?"
_WHAT = r"(?:cases?|patients?|images?|cxrs?|xrays?|chestxrays?|pneumonia)?"
_SURE = {
    COVID: re.compile(rf"(?:pos(?:itive)?)?{_VIRUS}(?:pos(?:itive)?)?{_WHAT}"),
    NORMAL: re.compile(rf"(?:normals?|healthy|nofindings?){_WHAT}"),
}
_LIKELY = {
    COVID: re.compile(rf"{_SURE[COVID].pattern}|pos(?:itives?)?{_WHAT}"),
    NORMAL: re.compile(
        rf"{_SURE[NORMAL].pattern}|(?:controls?|neg(?:atives?)?|(?:no|non|not){_VIRUS}"
        rf"|{_VIRUS}neg(?:ative)?){_WHAT}"
    ),
}
"""What people call the folder of a class, without what is no letter or digit. A folder of what is
not COVID-19 may hold other pneumonia, where there is one of normal images too."""

_OTHER = -1
_ANY = _LIKELY | {
    _OTHER: re.compile(
        r"(?:others?|abnormal|virus|viral|bacteria|bacterial|fungal|tuberculosis|tb|(?:lung)?opacity"
        rf"|pneumonias?)+{_WHAT}"
    )
}
"""Also what neither class is called."""

_Words = dict[int, re.Pattern[str]]
_Place = tuple[int, str]
_NUMBER = re.compile(r"\d+[\W_]+")
_N_SHOWN = 5


def preset_name(preset: Preset) -> str:
    """Name a preset; `custom` where its patterns are a person's own."""
    return next((name for name, known in PRESETS.items() if known == preset), "custom")


def check_whole(labelled: Labelled, preset: Preset, root: object) -> None:
    """Refuse a layout of which a preset would take a part only, or a class for the other.

    Patterns that a person wrote are taken at their word.

    Raises:
        DataError: Another preset is the right one, or class folders are left over.
    """
    name = preset_name(preset)
    if name == "custom":
        return
    names = [path for path, _ in labelled.paths] + list(labelled.unmatched)
    rule = f"The preset {name!r} takes {preset.covid!r} as COVID-19 and {preset.normal!r} as normal"
    if name == "study" and _fits(names, PRESETS["radiography"]):
        raise DataError(
            f"{root} has the layout of the COVID-19 Radiography Database: {seen_in(names)}.",
            f"{rule}; a data set is read by the preset of its own layout.",
            _use("radiography"),
        )
    if odd := _left_over(labelled):
        raise DataError(
            f"The preset {name!r} does not fit {root}: {odd.total()} images are in folders that "
            f"are called as a class and would be left out or counted as the other: "
            f"{_most_common(odd)}.",
            f"{rule}; a data set is taken whole or not at all.",
            suggestion(names, preset) or "Sort the images, or use preset=custom with patterns.",
        )


def suggestion(names: Sequence[str], preset: Preset) -> str:
    """Describe by which preset or patterns the images could be taken; empty where none is found."""
    for name, other in PRESETS.items():
        if other != preset and _fits(names, other):
            return _use(name)
    found = find_patterns(names)
    if found is None:
        odd = next((_in_the_way(names, unsafe) for unsafe in _all_patterns(names)), None)
        return (
            f"Folders called otherwise lie inside those of a class: {_most_common(odd)}. Move them "
            "out, or use preset=custom with patterns of your own that leave them out."
            if odd
            else ""
        )
    told = f"Use preset=custom with covid_glob={found.covid!r} and normal_glob={found.normal!r}."
    if "*" in found.covid.removesuffix("**"):
        told += " That takes all parts together; for one part, put its folder for the star."
    return told


def find_patterns(names: Sequence[str]) -> Preset | None:
    """Find patterns by which every image in a folder with a class's name is of that class.

    None that would take a folder for one class whose name says another.
    """
    return next((found for found in _all_patterns(names) if not _in_the_way(names, found)), None)


def _all_patterns(names: Sequence[str]) -> Iterator[Preset]:
    images, top = list(names), ""
    while (deeper := within_common_top(images, top))[0]:
        images, top = deeper
    for words in (_LIKELY, _SURE):
        if found := _patterns(images, top, words):
            yield found


def _in_the_way(names: Sequence[str], preset: Preset) -> Counter[str]:
    """Count, by folder, what patterns would take for one class, and whose folder says another."""
    odd: Counter[str] = Counter()
    for path, label in label_paths(names, preset).paths:
        place = _class_of(path.rpartition("/")[0], _ANY)
        if place and place[0] != label:
            odd[place[1]] += 1
    return odd


def seen_in(names: Sequence[str]) -> str:
    """Describe which folders the images lie in, where they part, and how many in each."""
    inside, top = list(names), ""
    while (deeper := within_common_top(inside, top))[0] and _has_folder(*deeper):
        inside, top = deeper
    folders = Counter(
        top + name[len(top) :].partition("/")[0] for name in inside if "/" in name[len(top) :]
    )
    n_apart = len(names) - folders.total()
    apart = f"no folder ({n_apart})" if n_apart else ""
    return ", ".join(filter(None, (_most_common(folders), apart)))


def _fits(names: Sequence[str], preset: Preset) -> bool:
    labelled = label_paths(names, preset)
    return labelled.has_both_classes and not _left_over(labelled)


def _left_over(labelled: Labelled) -> Counter[str]:
    """Count, by folder, images whose folder says another class than the one they would have."""
    odd: Counter[str] = Counter()
    images: list[tuple[str, int | None]] = list(labelled.paths)
    images += [(path, None) for path in labelled.unmatched if is_named_image(path)]
    for path, label in images:
        if path.startswith(labelled.top):  # else it lies beside the folder that has all
            folder = path[len(labelled.top) :].rpartition("/")[0]
            place = _class_of(folder, _SURE if label is None else _LIKELY)
            if place and place[0] != label:
                odd[labelled.top + place[1]] += 1
    return odd


def _class_of(folder: str, words: _Words) -> _Place | None:
    """Find the class that the innermost folder with a class's name says, and that folder."""
    parts = folder.split("/")
    for end in range(len(parts), 0, -1):
        name = re.sub(r"[\W_]", "", _NUMBER.sub("", parts[end - 1], count=1)).lower()
        for label, called in words.items():
            if called.fullmatch(name):
                return label, "/".join(parts[:end])
    return None


def _patterns(images: Sequence[str], top: str, words: _Words) -> Preset | None:
    """Find a preset that takes all images by these words, and none that they leave out."""
    known = {path: _class_of(path[len(top) :].rpartition("/")[0], words) for path in images}
    places: dict[int, set[tuple[str, ...]]] = {COVID: set(), NORMAL: set()}
    for label, folder in filter(None, known.values()):
        places[label].add(tuple(folder.split("/")))
    patterns = [_pattern(places[label]) for label in (COVID, NORMAL)]
    if not all(patterns):
        return None
    preset = Preset(*(_literal(top) + pattern for pattern in patterns))
    try:
        fits = all(preset.label(path) == (place and place[0]) for path, place in known.items())
    except DataError:  # both match
        return None
    return preset if fits else None


def _pattern(places: set[tuple[str, ...]]) -> str:
    """Write a glob of folders that end in the same name; empty where they do not."""
    if len({place[-1].lower() for place in places}) != 1:
        return ""
    *_, name = next(iter(places))
    if len({len(place) for place in places}) > 1:
        return f"**/{_literal(name)}/**"
    levels = [sorted(level) for level in zip(*places, strict=True)]
    alike = [len({part.lower() for part in level}) == 1 for level in levels]
    parts = [_literal(level[0]) if same else "*" for level, same in zip(levels, alike, strict=True)]
    return "/".join((*parts, "**"))


def _literal(text: str) -> str:
    """Write text as a glob that matches it: what could be a sign matches any one character."""
    return re.sub(r"[*?\[\]{}!]", "?", text)


def _has_folder(names: Sequence[str], top: str) -> bool:
    return any("/" in name[len(top) :] for name in names)


def _most_common(counts: Counter[str]) -> str:
    listed = [f"{name!r} ({n})" for name, n in sorted(counts.most_common(_N_SHOWN))]
    more = [f"... ({len(counts)} folders in all)"] if len(counts) > _N_SHOWN else []
    return ", ".join(listed + more)


def _use(preset: str) -> str:
    return (
        f"Use preset={preset} (command line: --preset {preset}; of external data: "
        f"external_preset={preset})."
    )
