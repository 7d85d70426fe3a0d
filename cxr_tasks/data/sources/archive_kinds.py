"""What a file that should be a zip archive is instead, told by its first bytes."""

from pathlib import Path

_UNPACK = "Unpack it and name the folder with source=folder, or pack that as zip."
_DOWNLOAD = "Download it again; where that takes an account, with one that may."
_STARTS = {
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", _UNPACK),
    b"\x1f\x8b": ("a gzip file, such as a .tar.gz", _UNPACK),
    b"Rar!": ("a RAR archive", _UNPACK),
    b"\xfd7zXZ": ("an xz file, such as a .tar.xz", _UNPACK),
    b"BZh": ("a bzip2 file, such as a .tar.bz2", _UNPACK),
    b"\x28\xb5\x2f\xfd": ("a Zstandard file, such as a .tar.zst", _UNPACK),
    b"<": ("a web page or XML, perhaps one to sign in", _DOWNLOAD),
    b"{": ("JSON, perhaps an error of the server", _DOWNLOAD),
    b"version https://git-lfs": ("a pointer of Git LFS", "Fetch the file itself: git lfs pull."),
    b"\x89PNG": ("a single image", "Name the folder it is in, with source=folder."),
    b"\xff\xd8\xff": ("a single image", "Name the folder it is in, with source=folder."),
    b"PK\x07\x08": ("one part of several", "Join the parts, then pack them as one zip."),
    b"PK": ("one that is cut short or damaged", "Download or pack it again."),
}
_TAR, _TAR_AT = b"ustar", 257


def what_it_is(path: Path) -> tuple[str, str]:
    """Describe what a file is, and what to do about it; two empty texts where it cannot be told."""
    with path.open("rb") as stream:
        start = stream.read(_TAR_AT + len(_TAR))
    if not start:
        return "an empty one", "Download or pack it again."
    if start[_TAR_AT:] == _TAR:
        return "a tar archive", _UNPACK
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")  # as web servers send pages
    return next((kind for sign, kind in _STARTS.items() if text.startswith(sign)), ("", ""))
