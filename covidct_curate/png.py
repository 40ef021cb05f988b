"""Write pixels as a PNG file with nothing in it but pixels."""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
"""Grey (height, width) or RGB (height, width, 3), 8 bits a channel; or grey of 16 bits."""

_BAND = 1 << 22
"""Bytes filtered at once."""
_UP = 2
"""Each row stored as its difference to the row above: a quarter of the time that choosing a filter for
every row takes, at the same size."""


def write_png(pixels: Pixels, path: Path) -> str:
    """Write ``pixels``, any memory order, and return the SHA-256 of mode, size and pixels.

    Raises OSError when the file cannot be written.
    """
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else 3
    deep = pixels.dtype == np.uint16
    digest = _begun(pixels)
    packer = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    length = width * channels * (2 if deep else 1)
    rows = max(1, _BAND // length)
    above = np.zeros((1, length), np.uint8)
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        colour = 0 if channels == 1 else 2
        _chunk(file, b"IHDR", struct.pack(">2I5B", width, height, 16 if deep else 8, colour, 0, 0, 0))
        for start in range(0, height, rows):
            part = np.ascontiguousarray(pixels[start : start + rows], ">u2" if deep else None)
            band = part.view(np.uint8).reshape(-1, length)
            digest.update(band.data)
            filtered = np.empty((band.shape[0], length + 1), np.uint8)
            filtered[:, 0] = _UP
            np.subtract(band[:1], above, out=filtered[:1, 1:])
            np.subtract(band[1:], band[:-1], out=filtered[1:, 1:])
            above = band[-1:].copy()
            _chunk(file, b"IDAT", packer.compress(filtered.data))
        _chunk(file, b"IDAT", packer.flush())
        _chunk(file, b"IEND", b"")
    return digest.hexdigest()


def pixels_hash(pixels: Pixels) -> str:
    """The hash that `write_png` returns."""
    digest = _begun(pixels)
    digest.update(np.ascontiguousarray(pixels, ">u2" if pixels.dtype == np.uint16 else None).data)
    return digest.hexdigest()


def _begun(pixels: Pixels) -> hashlib._Hash:
    """The hash of mode and size, to which the pixels are to be added."""
    mode = "I;16" if pixels.dtype == np.uint16 else "L" if pixels.ndim == 2 else "RGB"
    return hashlib.sha256(f"{mode} {pixels.shape[1]} {pixels.shape[0]} ".encode())


def _chunk(file: BinaryIO, kind: bytes, content: bytes) -> None:
    if content or kind == b"IEND":
        file.write(struct.pack(">I", len(content)) + kind + content)
        file.write(struct.pack(">I", zlib.crc32(content, zlib.crc32(kind))))
