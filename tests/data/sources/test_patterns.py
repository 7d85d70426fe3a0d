from pathlib import Path

import pytest

from cxr_tasks.data.sources.folder import FolderSource
from cxr_tasks.errors import ConfigError
from cxr_tasks.settings.config import make_config
from cxr_tasks.settings.presets import Preset, matches, preset_of, relative_pattern
from tests.image_files import make_files


@pytest.mark.parametrize(
    ("pattern", "path", "is_match"),
    [
        ("positive/*.png", "positive/a.png", True),
        ("positive/*.png", "positive/deeper/a.png", False),
        ("positive/**/*.png", "positive/a.png", True),
        ("positive/**/*.png", "positive/x/y/a.png", True),
        ("**/pos?/**", "x/y/posA/b/c.png", True),
        ("a+b/(c)/**", "a+b/(c)/d.png", True),
        ("**", "a\nb.png", True),
        ("p**.png", "p/x/a.png", True),
        ("**.png", "p/x/a.png", True),
        ("p/**/**/*.png", "p/a.png", True),
        ("*/a.png", "x/y/a.png", False),
        ("***", "x/a.png", True),
        # alternatives
        ("p/*.{jpg,png}", "p/a.png", True),
        ("p/*.{jpg,png}", "p/a.JPG", True),
        ("p/*.{jpg,png}", "p/a.gif", False),
        ("{p,q/**}/*.png", "q/x/a.png", True),
        ("{p,q/**}/*.png", "p/x/a.png", False),
        ("p/*.{jp{g,eg},png}", "p/a.jpeg", True),
        ("p/*.{jp{g,eg},png}", "p/a.jpng", False),
        ("p/a{,b}.png", "p/a.png", True),
        ("p/*.{png}", "p/a.png", True),
        ("p/a,b{.png", "p/a,b{.png", True),
        ("p/a}.png", "p/a}.png", True),
        # sets of characters
        ("p/[ab].png", "p/b.png", True),
        ("p/[ab].png", "p/c.png", False),
        ("p/[ab].png", "p/ab.png", False),
        ("p/[0-9]*.png", "p/7x.png", True),
        ("p/[!a]*.png", "p/ax.png", False),
        ("p/[^a]*.png", "p/bx.png", True),
        ("p[!x]a.png", "p/a.png", False),
        ("p/[]a].png", "p/].png", True),
        ("p/[*].png", "p/*.png", True),
        ("p/[*].png", "p/a.png", False),
        ("p/[a,b]{.png,.jpg}", "p/,.jpg", True),
        ("scans [1]/*.png", "scans [1]/a.png", True),
        ("scans [1]/*.png", "scans 1/a.png", True),
        ("p/[].png", "p/[].png", True),
        ("p/[a.png", "p/[a.png", True),
        # letters
        ("caf\u00e9/*", "cafe\u0301/a.png", True),
        ("cafe\u0301/*", "caf\u00e9/a.png", True),
        ("POSITIVE/*", "positive/a.png", True),
    ],
)
def test_pattern(pattern: str, path: str, *, is_match: bool) -> None:
    assert matches(path, pattern) is is_match
    assert (Preset(pattern, "no/**").label(path) == 1) is is_match


ROOT = "/data/set [1]"


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("./p/*.png", "p/*.png"),
        (".\\p\\*.png", "p/*.png"),
        ("p\\**\\*.{jpg,png}", "p/**/*.{jpg,png}"),
        ("  p/** ", "p/**"),
        ("p//./x/*", "p/x/*"),
        ("p/", "p/**"),
        ("p/x/", "p/x/**"),
        (f"{ROOT}/p/*.png", "p/*.png"),
        (f"{ROOT}/./p/", "p/**"),
        ("~/set [1]/p/*", "p/*"),
    ],
)
def test_pattern_is_read_as_it_is_meant(
    pattern: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/data")
    assert relative_pattern("covid_glob", pattern, root=ROOT) == meant


def test_pattern_begins_with_the_data_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    for start in ("data", "link"):
        pattern = f"{tmp_path / start}/p/*"
        assert relative_pattern("covid_glob", pattern, root=str(tmp_path / "link")) == "p/*"


REFUSED = {
    "/elsewhere/p/*": "does not begin with the data's path '/data/set'",
    "/data/settled/p/*": "does not begin with the data's path",
    "C:\\data\\set\\p\\*": "does not begin with the data's path",
    "~nobody-here/p/*": "does not begin with the data's path",
    "../other/*": "leads out of the data",
    "p/../../x": "leads out of the data",
    " ": "names no file",
    "./": "names no file",
    "p/[z-a].png": "no set of characters",
    "{" * 9 + "a,b" + "}" * 9: "too many braces",
}


@pytest.mark.parametrize("pattern", REFUSED)
@pytest.mark.parametrize("setting", ["covid_glob", "normal_glob"])
def test_pattern_that_can_match_nothing_is_refused_at_once(pattern: str, setting: str) -> None:
    given = {"source": "folder", "data": "/data/set", "preset": "custom"}
    patterns = {"covid_glob": "p/**", "normal_glob": "n/**"} | {setting: pattern}
    with pytest.raises(ConfigError, match=REFUSED[pattern]):
        make_config(given | patterns)


def test_absolute_pattern_needs_a_folder_in_all_data() -> None:
    given = {"preset": "custom", "covid_glob": "/data/set/p/*", "normal_glob": "n/*"}
    with pytest.raises(ConfigError, match="is absolute, and this source has no folder"):
        make_config(given | {"source": "kaggle", "kaggle_dataset": "a/b"})
    inside = given | {"source": "folder", "data": "/data/set"}
    assert preset_of(make_config(inside)) == Preset("p/*", "n/*")
    with pytest.raises(ConfigError, match="does not begin with the data's path '/data/other'"):
        make_config(inside | {"external_source": "folder", "external_data": "/data/other"})


@pytest.mark.parametrize("start", ["", "./", "{root}/", ".\\"])
def test_images_are_found_by_any_spelling(tmp_path: Path, start: str) -> None:
    names = ["pos 1/a.jpg", "pos 1/b.png", "neg/x/c.png", "neg/x/d.gif"]
    root = make_files(tmp_path / "data", dict.fromkeys(names, b"x"))
    config = make_config(
        {
            "source": "folder",
            "data": str(root),
            "preset": "custom",
            "covid_glob": f"{start.format(root=root)}pos [12]/*.{{jpg,png}}",
            "normal_glob": f"{start.format(root=root)}neg/**/*.[pg]??",
        }
    )
    listing = FolderSource(root, preset_of(config)).listing()
    assert [(item.path, item.label) for item in listing.candidates] == [
        ("neg/x/c.png", 0),
        ("neg/x/d.gif", 0),
        ("pos 1/a.jpg", 1),
        ("pos 1/b.png", 1),
    ]
