"""What decodes the compressions of DICOM, and which package to install for it."""

from __future__ import annotations

from typing import Any

from covidct_curate.errors import CurateError, VolumeError

_CODECS = {
    "1.2.840.10008.1.2.4.5": "pylibjpeg pylibjpeg-libjpeg",
    "1.2.840.10008.1.2.4.7": "pylibjpeg pylibjpeg-libjpeg",
    "1.2.840.10008.1.2.4.8": "pylibjpeg pylibjpeg-libjpeg",
    "1.2.840.10008.1.2.4.9": "pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.20": "pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.5": "pylibjpeg pylibjpeg-rle",
}
"""How a transfer syntax begins → what decodes it; the longest that fits counts."""


def check_codec(dataset: Any) -> None:
    """Raise `CurateError`, naming the package, when a dataset's compression cannot be decoded here."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    syntax = UID(str(dataset.file_meta.get("TransferSyntaxUID", "")))
    if not syntax or not syntax.is_compressed or syntax.is_deflated:
        return
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if available:
        return
    fitting = [start for start in _CODECS if syntax.startswith(start)]
    if not fitting:
        raise VolumeError(f"no decoder for DICOM compressed as {syntax.name} is known; save it uncompressed")
    packages = _CODECS[max(fitting, key=len)]
    raise CurateError(
        f"DICOM compressed as {syntax.name} needs a decoder; install it: pip install {packages}"
    )
