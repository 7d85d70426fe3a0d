"""Which files of a data set are of which class: by its preset, or how else its folders lie."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cxr_tasks.data.sources.left_out import is_named_image
from cxr_tasks.errors import DataError
from cxr_tasks.settings.presets import PRESETS, Preset
from cxr_tasks.wording import CLASS_NAMES, COVID, NORMAL

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
_NUMBER = re.compile(r"\d+[\W_]+")
_N_SHOWN = 5
_MAX_TOPS = 32
"""Folders in one another, each alone, that are looked through; an archive may name thousands."""


@dataclass(frozen=True)
class Labelled:
    """The files of a data set that belong to a class, in the order Keras lists them."""

    paths: tuple[tuple[str, int], ...]  # full names and their labels
    top: str  # the folder the patterns are relative to: empty, or a common one with its slash
    unmatched: tuple[str, ...]  # what belongs to neither class

    @property
    def has_both_classes(self) -> bool:
        """Whether there is an image of each."""
        return len({label for _, label in self.paths}) == len(CLASS_NAMES)


def label_paths(names: Sequence[str], preset: Preset) -> Labelled:
    """Sort files into classes, in the order of `keras.utils.image_dataset_from_directory`.

    Where a class is missing and all folders lie in one top folder, that folder is looked through:
    archives are often packed with one, which may be called as a class is. Files beside it do not
    matter. Names are POSIX, of what may be an image, relative to the data's root.
    """
    found: tuple[dict[str, int], str] = {}, ""
    for inside, top in _tops(names):
        labels = {path: preset.label(path[len(top) :]) for path in inside}
        matched = {path: label for path, label in labels.items() if label is not None}
        has_both = len(set(matched.values())) == len(CLASS_NAMES)
        if has_both or not found[0]:
            found = matched, top
        if has_both:
            break
    labelled, top = found
    paths = sorted(labelled, key=lambda path: _class_folder_name(path[len(top) :]))
    unmatched = tuple(path for path in names if path not in labelled)
    return Labelled(tuple((path, labelled[path]) for path in paths), top, unmatched)


def _class_folder_name(path: str) -> tuple[str, str, str]:
    folder, _, name = path.rpartition("/")
    return path.partition("/")[0], folder, name


def _tops(names: Sequence[str]) -> Iterator[tuple[list[str], str]]:
    """Yield all names, and then what lies in the only folder, and in the only one in that, ..."""
    inside, top = list(names), ""
    while inside and top.count("/") <= _MAX_TOPS:
        yield inside, top
        inside = [name for name in inside if "/" in name[len(top) :]]
        tops = {name[: name.index("/", len(top)) + 1] for name in inside}
        if len(tops) != 1:
            return
        top = tops.pop()


def preset_name(preset: Preset) -> str:
    """Return a preset's name; `custom` where its patterns are a person's own."""
    return next((name for name, known in PRESETS.items() if known == preset), "custom")


def patterns_in_words(preset: Preset) -> str:
    """Return what a preset takes, as the beginning of a sentence."""
    name = preset_name(preset)
    return f"The preset {name!r} takes {preset.covid!r} as COVID-19 and {preset.normal!r} as normal"


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
    if name == "study" and _fits(names, PRESETS["radiography"]):
        raise DataError(
            f"{root} has the layout of the COVID-19 Radiography Database: {seen_in(names)}.",
            f"{patterns_in_words(preset)}; a data set is read by the preset of its own layout.",
            _use("radiography"),
        )
    if odd := _left_over(labelled):
        raise DataError(
            f"The preset {name!r} does not fit {root}: {odd.total()} images are in folders that "
            f"are called as a class and would be left out or counted as the other: "
            f"{_most_common(odd)}.",
            f"{patterns_in_words(preset)}; a data set is taken whole or not at all.",
            suggestion(names, preset) or "Sort the images, or use preset=custom with patterns.",
        )


def suggestion(names: Sequence[str], preset: Preset) -> str:
    """Describe by which preset or patterns the images could be taken; empty where none is found.

    No patterns that would take a folder for one class whose name says another.
    """
    for name, other in PRESETS.items():
        if other != preset and _fits(names, other):
            return _use(name)
    in_the_way = None
    for found in _all_patterns(names):
        odd = _called_otherwise(label_paths(names, found).paths, _ANY)
        if not odd:
            text = f"Use preset=custom with covid_glob={found.covid!r} and "
            text += f"normal_glob={found.normal!r}."
            if "*" in found.covid.removesuffix("**"):
                text += " That takes all parts together; for one part, put its folder for the star."
            return text
        in_the_way = in_the_way or odd
    if not in_the_way:
        return ""
    return (
        f"Folders called otherwise lie inside those of a class: {_most_common(in_the_way)}. Move "
        "them out, or use preset=custom with patterns of your own that leave them out."
    )


def seen_in(names: Sequence[str]) -> str:
    """Describe which folders the images lie in, where they part, and how many in each."""
    inside, top = list(names), ""
    for deeper, its_top in _tops(names):
        if any("/" in name[len(its_top) :] for name in deeper):
            inside, top = deeper, its_top
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
    unmatched = [(path, None) for path in labelled.unmatched if is_named_image(path)]
    odd = _called_otherwise(labelled.paths, _LIKELY, top=labelled.top)
    return odd + _called_otherwise(unmatched, _SURE, top=labelled.top)


def _called_otherwise(
    images: Sequence[tuple[str, int | None]], words: _Words, *, top: str = ""
) -> Counter[str]:
    inside = [(path, label) for path, label in images if path.startswith(top)]
    said = [(label, *_class_of(path[len(top) :], words)) for path, label in inside]
    return Counter(top + folder for label, by_name, folder in said if by_name not in (None, label))


def _class_of(path: str, words: _Words) -> tuple[int | None, str]:
    """Return what class the innermost folder with a class's name says, and that folder."""
    folders = path.split("/")[:-1] or [""]
    for end in range(len(folders), 0, -1):
        name = re.sub(r"[\W_]", "", _NUMBER.sub("", folders[end - 1], count=1)).lower()
        for label, called in words.items():
            if called.fullmatch(name):
                return label, "/".join(folders[:end])
    return None, ""


def _all_patterns(names: Sequence[str]) -> Iterator[Preset]:
    """Yield patterns by which every image in a folder with a class's name is of that class."""
    *_, (images, top) = (list(names), ""), *_tops(names)
    for words in (_LIKELY, _SURE):
        if found := _patterns(images, top, words):
            yield found


def _patterns(images: Sequence[str], top: str, words: _Words) -> Preset | None:
    """Return a preset that takes all images by these words, and none that they leave out."""
    known = {path: _class_of(path[len(top) :], words) for path in images}
    patterns = [
        _pattern({tuple(folder.split("/")) for label, folder in known.values() if label == wanted})
        for wanted in (COVID, NORMAL)
    ]
    if not all(patterns):
        return None
    preset = Preset(*(_literal(top) + pattern for pattern in patterns))
    try:
        fits = all(preset.label(path) == label for path, (label, _) in known.items())
    except DataError:  # both match
        return None
    return preset if fits else None


def _pattern(places: set[tuple[str, ...]]) -> str:
    """Return a glob of folders that end in the same name; empty where they do not."""
    if len({place[-1].lower() for place in places}) != 1:
        return ""
    *_, name = min(places)
    if len({len(place) for place in places}) > 1:
        return f"**/{_literal(name)}/**"
    levels = [sorted(level) for level in zip(*places, strict=True)]
    alike = [len({part.lower() for part in level}) == 1 for level in levels]
    parts = [_literal(level[0]) if same else "*" for level, same in zip(levels, alike, strict=True)]
    return "/".join((*parts, "**"))


def _literal(text: str) -> str:
    """Return text as a glob that matches it: what could be a sign matches any one character."""
    return re.sub(r"[*?\[\]{}!]", "?", text)


def _most_common(counts: Counter[str]) -> str:
    listed = [f"{name!r} ({n})" for name, n in sorted(counts.most_common(_N_SHOWN))]
    more = [f"... ({len(counts)} folders in all)"] if len(counts) > _N_SHOWN else []
    return ", ".join(listed + more)


def _use(preset: str) -> str:
    return (
        f"Use preset={preset} (command line: --preset {preset}; of external data: "
        f"external_preset={preset})."
    )
