"""One-figure manuscripts for every way a PDF stores or places an image: ``PIXELS[name](path) -> Written``.

Pictures lie at one point a pixel on whole points, so a page rendered at 72 dpi shows the truth pixel by
pixel (within the figure's `tolerance`). What the images hold is computed here, not read back from a PDF.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pikepdf
from numpy.typing import NDArray
from pikepdf import Array, Dictionary, Name
from PIL import Image, ImageCms

from .layouts import CASES
from .phantom import Pixels, coloured, phantom_ct
from .sheet import Matrix, raw_image
from .truth import Placed, Written
from .writer import Manuscript

HIGH, WIDE = 200, 260
Shown = tuple[pikepdf.Stream, Pixels, int]
"""An image object, what a viewer shows of it, and the tolerance."""

PIXELS: dict[str, Callable[[Path], Written]] = {}


def _slice() -> Pixels:
    return phantom_ct(4, (HIGH, WIDE))


def _start(path: Path) -> tuple[Manuscript, float, float]:
    m = Manuscript(path, 4)
    m.body(3, ("Figure 1", "The patient had a chest CT on the first day (Figure 1)."))
    return m, 170.0, float(round(m.y) + 12)


def _finish(m: Manuscript, placed: Placed, shown: Pixels, tolerance: int = 0, **facts: object) -> Written:
    m.y = placed.box[3] + 6
    caption = m.caption("Figure 1.", CASES[0], keep=False)
    m.record(
        "Figure 1",
        CASES[0],
        placed,
        "below",
        caption.page,
        pixels=shown,
        tolerance=tolerance,
        **facts,  # type: ignore[arg-type]
    )
    m.body(3)
    return m.save()


def stored(function: Callable[[pikepdf.Pdf], Shown]) -> Callable[[pikepdf.Pdf], Shown]:
    """List a way of storing an image; the manuscript around it is always the same."""

    def write(path: Path) -> Written:
        m, x, y = _start(path)
        image, shown, tolerance = function(m.pdf)
        return _finish(m, m.picture(image, shown.shape[1], x=x, y=y), shown, tolerance)

    PIXELS[function.__name__] = write
    return function


def _flate(pdf: pikepdf.Pdf, data: NDArray[np.generic] | bytes, **entries: object) -> pikepdf.Stream:
    raw = data if isinstance(data, bytes) else data.tobytes()
    return raw_image(pdf, zlib.compress(raw), WIDE, HIGH, **entries)


def _under(colours: NDArray[np.floating], cover: NDArray[np.floating]) -> Pixels:
    """Colours over white, `cover` 0..1."""
    if colours.ndim == 3:
        cover = cover[..., None]
    return np.asarray(np.clip(np.rint(colours * cover + 255 * (1 - cover)), 0, 255), np.uint8)


def _inks(cmyk: NDArray[np.uint8]) -> Pixels:
    """CMYK to RGB by plain subtraction; viewers with colour profiles differ, most in the dark."""
    ink = cmyk.astype(float) / 255
    return np.asarray(np.rint(255 * (1 - ink[..., :3]) * (1 - ink[..., 3:])), np.uint8)


def _separated() -> NDArray[np.uint8]:
    grey = _slice()
    black = (255 - grey).astype(float)
    colour = np.stack([black * 0.2, black * 0.1, black * 0.15, black * 0.75], axis=-1)
    return np.asarray(colour, np.uint8)


@stored
def gray8(pdf: pikepdf.Pdf) -> Shown:
    return _flate(pdf, _slice(), ColorSpace=Name.DeviceGray), _slice(), 0


@stored
def rgb(pdf: pikepdf.Pdf) -> Shown:
    shown = coloured(_slice())
    return _flate(pdf, shown, ColorSpace=Name.DeviceRGB), shown, 0


@stored
def indexed(pdf: pikepdf.Pdf) -> Shown:
    palette = coloured(np.arange(0, 256, 2, dtype=np.uint8)[None])[0]
    space = Array([Name.Indexed, Name.DeviceRGB, 127, pikepdf.String(palette.tobytes())])
    index = _slice() // 2
    return _flate(pdf, index, ColorSpace=space), palette[index], 0


@stored
def indexed_4bit(pdf: pikepdf.Pdf) -> Shown:
    palette = coloured(np.arange(0, 256, 16, dtype=np.uint8)[None])[0]
    space = Array([Name.Indexed, Name.DeviceRGB, 15, pikepdf.String(palette.tobytes())])
    index = _slice() // 16
    packed = index[:, 0::2] << 4 | index[:, 1::2]
    return _flate(pdf, packed, ColorSpace=space, BitsPerComponent=4), palette[index], 0


@stored
def cmyk_flate(pdf: pikepdf.Pdf) -> Shown:
    inks = _separated()
    return _flate(pdf, inks, ColorSpace=Name.DeviceCMYK), _inks(inks), 40


@stored
def cmyk_jpeg_adobe(pdf: pikepdf.Pdf) -> Shown:
    """Inks stored inverted with an Adobe marker and undone by Decode, as Photoshop writes them."""
    buffer = io.BytesIO()
    Image.fromarray(_separated(), "CMYK").save(buffer, "JPEG", quality=92)
    decoded = np.asarray(Image.open(io.BytesIO(buffer.getvalue())))
    image = raw_image(
        pdf,
        buffer.getvalue(),
        WIDE,
        HIGH,
        ColorSpace=Name.DeviceCMYK,
        Filter=Name.DCTDecode,
        Decode=Array([1, 0] * 4),
    )
    return image, _inks(decoded), 40


@stored
def icc_based(pdf: pikepdf.Pdf) -> Shown:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    stream = pdf.make_stream(profile, N=3, Alternate=Name.DeviceRGB)
    shown = coloured(_slice(), 2)
    return _flate(pdf, shown, ColorSpace=Array([Name.ICCBased, stream])), shown, 2


@stored
def separation(pdf: pikepdf.Pdf) -> Shown:
    """One spot ink whose tint transform gives a bluish RGB."""
    full = (0.1, 0.2, 0.6)
    tint = Dictionary(FunctionType=2, Domain=Array([0, 1]), C0=Array([1, 1, 1]), C1=Array(list(full)), N=1)
    space = Array([Name.Separation, Name("/Spot Blue"), Name.DeviceRGB, tint])
    ink = 255 - _slice()
    level = ink.astype(float)[..., None] / 255
    shown = np.asarray(np.rint(255 * (1 - level * (1 - np.array(full)))), np.uint8)
    return _flate(pdf, ink, ColorSpace=space), shown, 2


@stored
def soft_mask(pdf: pikepdf.Pdf) -> Shown:
    alpha = np.tile(np.linspace(40, 255, WIDE).astype(np.uint8), (HIGH, 1))
    mask = pdf.make_indirect(_flate(pdf, alpha, ColorSpace=Name.DeviceGray))
    image = _flate(pdf, _slice(), ColorSpace=Name.DeviceGray, SMask=mask)
    return image, _under(_slice().astype(float), alpha / 255), 2


@stored
def colour_key(pdf: pikepdf.Pdf) -> Shown:
    """Black air is made transparent by a colour key."""
    shown = np.where(_slice() <= 16, 255, _slice()).astype(np.uint8)
    return _flate(pdf, _slice(), ColorSpace=Name.DeviceGray, Mask=Array([0, 16])), shown, 0


def _disc() -> NDArray[np.bool_]:
    y, x = np.mgrid[0:HIGH, 0:WIDE]
    return np.asarray((x - 120) ** 2 / 100**2 + (y - 95) ** 2 / 80**2 < 1)


@stored
def stencil_mask(pdf: pikepdf.Pdf) -> Shown:
    """An explicit mask: only the pixels where the stencil is 0 are painted."""
    bits = np.packbits(~_disc(), axis=1)
    mask = pdf.make_indirect(_flate(pdf, bits, ImageMask=True, BitsPerComponent=1))
    image = _flate(pdf, _slice(), ColorSpace=Name.DeviceGray, Mask=mask)
    return image, np.where(_disc(), _slice(), 255).astype(np.uint8), 0


@stored
def decode_inverted(pdf: pikepdf.Pdf) -> Shown:
    return _flate(pdf, 255 - _slice(), ColorSpace=Name.DeviceGray, Decode=Array([1, 0])), _slice(), 0


def _bilevel() -> NDArray[np.bool_]:
    """True where white: the slice dithered by ordered thresholds."""
    bayer = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) * 16 + 8
    return np.asarray(_slice() > np.tile(bayer, (HIGH // 4, WIDE // 4)))


@stored
def one_bit(pdf: pikepdf.Pdf) -> Shown:
    bits = np.packbits(_bilevel(), axis=1)
    image = _flate(pdf, bits, ColorSpace=Name.DeviceGray, BitsPerComponent=1)
    return image, (_bilevel() * 255).astype(np.uint8), 0


@stored
def one_bit_ccitt(pdf: pikepdf.Pdf) -> Shown:
    buffer = io.BytesIO()
    Image.fromarray(_bilevel()).save(buffer, "TIFF", compression="group4", strip_size=1 << 24)
    tags = Image.open(io.BytesIO(buffer.getvalue())).tag_v2  # type: ignore[attr-defined]
    offset, size = tags[273][0], tags[279][0]
    parameters = Dictionary(K=-1, Columns=WIDE, Rows=HIGH, BlackIs1=tags[262] == 1)
    image = raw_image(
        pdf,
        buffer.getvalue()[offset : offset + size],
        WIDE,
        HIGH,
        ColorSpace=Name.DeviceGray,
        BitsPerComponent=1,
        Filter=Name.CCITTFaxDecode,
        DecodeParms=parameters,
    )
    return image, (_bilevel() * 255).astype(np.uint8), 0


@stored
def grey16(pdf: pikepdf.Pdf) -> Shown:
    deep = _slice().astype(np.uint16) * 257
    image = _flate(pdf, deep.astype(">u2"), ColorSpace=Name.DeviceGray, BitsPerComponent=16)
    return image, _slice(), 1


def _encoded(pdf: pikepdf.Pdf, pixels: Pixels, kind: str, filter_: pikepdf.Name) -> Shown:
    buffer = io.BytesIO()
    options = {"quality": 88} if kind == "JPEG" else {"irreversible": False}
    Image.fromarray(pixels).save(buffer, kind, **options)
    shown = np.asarray(Image.open(io.BytesIO(buffer.getvalue())))
    space = None if kind == "JPEG2000" else Name.DeviceGray if pixels.ndim == 2 else Name.DeviceRGB
    bits = None if kind == "JPEG2000" else 8
    image = raw_image(
        pdf, buffer.getvalue(), WIDE, HIGH, Filter=filter_, ColorSpace=space, BitsPerComponent=bits
    )
    return image, shown, 20 if kind == "JPEG" and pixels.ndim == 3 else 3  # viewers smooth chroma


@stored
def jpeg(pdf: pikepdf.Pdf) -> Shown:
    return _encoded(pdf, _slice(), "JPEG", Name.DCTDecode)


@stored
def jpeg_rgb(pdf: pikepdf.Pdf) -> Shown:
    return _encoded(pdf, coloured(_slice()), "JPEG", Name.DCTDecode)


@stored
def jpeg2000(pdf: pikepdf.Pdf) -> Shown:
    return _encoded(pdf, _slice(), "JPEG2000", Name.JPXDecode)


@stored
def jpeg2000_rgb(pdf: pikepdf.Pdf) -> Shown:
    return _encoded(pdf, coloured(_slice()), "JPEG2000", Name.JPXDecode)


def placed(function: Callable[[Path], Written]) -> Callable[[Path], Written]:
    """List a way of placing an image."""
    PIXELS[function.__name__] = function
    return function


@placed
def image_mask(path: Path) -> Written:
    """A stencil painted dark red."""
    m, x, y = _start(path)
    bits = np.packbits(_bilevel(), axis=1)  # 0 is painted
    m.sheet.write("0.8 0.1 0.1 rg")
    where = m.picture(_flate(m.pdf, bits, ImageMask=True, BitsPerComponent=1), WIDE, x=x, y=y)
    shown = np.where(_bilevel()[..., None], 255, np.array([204, 26, 26])).astype(np.uint8)
    return _finish(m, where, shown, 1)


@placed
def inline(path: Path) -> Written:
    """An inline image, uncompressed but for ASCII hex."""
    m, x, y = _start(path)
    box = (x, y, x + WIDE, y + HIGH)
    m.sheet.write("q")
    m.sheet.place(box)
    data = _slice().tobytes().hex().encode()
    m.sheet.write(f"BI /W {WIDE} /H {HIGH} /BPC 8 /CS /G /F /AHx ID ".encode() + data + b">", "EI", "Q")
    return _finish(m, Placed(m.at, box), _slice())


@placed
def clipped(path: Path) -> Written:
    """The page shows the middle of the image only."""
    m, x, y = _start(path)
    part = (x + 40, y + 30, x + 220, y + 170)
    m.sheet.image(m.object(_slice()), (x, y, x + WIDE, y + HIGH), clip=part)
    return _finish(m, Placed(m.at, part), _slice()[30:170, 40:220], clipped=True)


@placed
def alpha_constant(path: Path) -> Written:
    """The image is painted with an opacity of 0.6."""
    m, x, y = _start(path)
    box = (x, y, x + WIDE, y + HIGH)
    m.sheet.image(m.object(_slice()), box, alpha=0.6)
    cover = np.full((HIGH, WIDE), 0.6)
    return _finish(m, Placed(m.at, box), _under(_slice().astype(float), cover), 2)


@placed
def placed_twice(path: Path) -> Written:
    """Two figures paint the same image object."""
    m, x, y = _start(path)
    image = m.pdf.make_indirect(m.object(_slice()))
    for number in (1, 2):
        box = (x, y, x + WIDE, y + HIGH)
        m.sheet.image(image, box)
        m.y = box[3] + 6
        caption = m.caption(f"Figure {number}.", CASES[number], keep=False)
        m.record(f"Figure {number}", CASES[number], Placed(m.at, box), "below", caption.page, pixels=_slice())
        y = float(round(m.y) + 20)
    return m.save()


TURNS: dict[str, tuple[Matrix, Callable[[Pixels], Pixels]]] = {
    "mirrored": ((-1, 0, 0, 1, 1, 0), np.fliplr),
    "flipped": ((1, 0, 0, -1, 0, 1), np.flipud),
    "rotated 90": ((0, -1, 1, 0, 0, 1), lambda pixels: np.rot90(pixels, -1)),
    "rotated 180": ((-1, 0, 0, -1, 1, 1), lambda pixels: np.rot90(pixels, 2)),
    "rotated 270": ((0, 1, -1, 0, 1, 0), lambda pixels: np.rot90(pixels, 1)),
}
"""How a placement matrix turns the stored image, and the same turn of an array."""


def _turned(name: str) -> Callable[[Path], Written]:
    matrix, turn = TURNS[name]

    def write(path: Path) -> Written:
        m, x, y = _start(path)
        shown = np.ascontiguousarray(turn(_slice()))
        where = m.picture(_slice(), shown.shape[1], x=x, y=y, turn=matrix)
        return _finish(m, where, shown, turned=name)

    return write


for _name in TURNS:
    PIXELS[_name.replace(" ", "_")] = _turned(_name)
