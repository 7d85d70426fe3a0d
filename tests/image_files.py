"""Small image files and data sets for tests."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def picture(*, width: int = 60, height: int = 40, seed: int = 0) -> Image.Image:
    """A smooth random grey picture in RGB, a little tinted, alike after lossy compression."""
    cells = np.random.default_rng(seed).integers(0, 246, (4, 5, 1), dtype=np.uint8)
    tinted = Image.fromarray(cells + np.array([0, 4, 8], np.uint8))
    return tinted.resize((width, height), Image.Resampling.BICUBIC)


def colour_picture(*, width: int = 60, height: int = 40) -> Image.Image:
    """A smooth random picture in colour."""
    cells = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize((width, height), Image.Resampling.BICUBIC)


def encode(image: Image.Image, file_format: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data)


def made_png(width: int, height: int, *, bits: int, colour: int, raw: bytes) -> bytes:
    """A PNG of these lines, each with its filter's number before it."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def with_chunks(png: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with more chunks behind its header."""
    return png[:33] + b"".join(_chunk(kind, content) for kind, content in chunks) + png[33:]


def make_files(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def class_files(*, n_covid: int = 3, n_normal: int = 3) -> dict[str, bytes]:
    """Content by path, laid out as the study's download."""
    covid = {f"COVID/COVID/c{k}.png": encode(picture(seed=k)) for k in range(n_covid)}
    normal = {
        f"NORMAL/NORMAL/n{k}.jpg": encode(picture(seed=100 + k), "JPEG") for k in range(n_normal)
    }
    return covid | normal


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum
