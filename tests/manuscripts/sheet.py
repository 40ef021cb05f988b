"""One page as raw PDF operators, so that every placement, clip and text mode is exactly what we say.

Coordinates are points of the page as displayed, origin top left, whatever /Rotate and /CropBox say.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
import pikepdf
import pymupdf
from pikepdf import Array, Dictionary, Name

from covidct_curate.records import Box

from .phantom import Pixels

FONTS = {
    "tiro": "Times-Roman",
    "tibo": "Times-Bold",
    "tiit": "Times-Italic",
    "helv": "Helvetica",
    "hebo": "Helvetica-Bold",
    "heit": "Helvetica-Oblique",
}
Matrix = tuple[float, float, float, float, float, float]
UPRIGHT: Matrix = (1, 0, 0, 1, 0, 0)
"""Maps the unit square, in which PDF paints an image, to the unit square of its box: no turn."""


_font = cache(pymupdf.Font)


@cache
def text_width(text: str, font: str, size: float) -> float:
    """Points that `text` takes in one of FONTS."""
    return float(_font(font).text_length(text, fontsize=size))  # type: ignore[no-untyped-call]


def image_object(pdf: pikepdf.Pdf, pixels: Pixels, **entries: object) -> pikepdf.Stream:
    """A Flate image XObject of grey (H x W) or RGB (H x W x 3) pixels; `entries` add to its dictionary."""
    height, width = pixels.shape[:2]
    space = Name.DeviceGray if pixels.ndim == 2 else Name.DeviceRGB
    return raw_image(pdf, zlib.compress(pixels.tobytes(), 9), width, height, ColorSpace=space, **entries)


def raw_image(pdf: pikepdf.Pdf, data: bytes, width: int, height: int, **entries: object) -> pikepdf.Stream:
    """An image XObject of bytes already encoded; Flate and 8 bits unless `entries` say otherwise."""
    named = {
        "Type": Name.XObject,
        "Subtype": Name.Image,
        "Width": width,
        "Height": height,
        "BitsPerComponent": 8,
        "Filter": Name.FlateDecode,
    }
    kept = {key: value for key, value in (named | entries).items() if value is not None}
    return pikepdf.Stream(pdf, data, Dictionary(**kept))  # type: ignore[arg-type]


def _hex(text: str) -> str:
    return text.encode("cp1252").hex()


class Sheet:
    """A page under construction."""

    def __init__(
        self,
        pdf: pikepdf.Pdf,
        width: float = 612,
        height: float = 792,
        rotate: int = 0,
        crop: tuple[float, float] = (0, 0),
    ) -> None:
        """`width` and `height` are those displayed; `crop` shifts the visible part inside a larger media box."""
        self.pdf, self.width, self.height, self.rotate, self.crop = pdf, width, height, rotate, crop
        self._operators: list[str | bytes] = []
        self._objects: dict[str, pikepdf.Object] = {}
        self._names: dict[tuple[int, int], str] = {}
        self._states: dict[str, pikepdf.Object] = {}

    def write(self, *operators: str | bytes) -> None:
        """Append operators as they are (their y points up)."""
        self._operators.extend(operators)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        font: str = "tiro",
        size: float = 11,
        *,
        hidden: bool = False,
        turned: bool = False,
        grey: float = 0,
    ) -> None:
        """Text whose baseline starts at (x, y); `hidden` is render mode 3, `turned` reads upwards."""
        matrix = "0 1 -1 0" if turned else "1 0 0 1"
        self.write(
            f"BT {3 if hidden else 0} Tr {grey:g} g /{font} {size:g} Tf "
            f"{matrix} {x:.2f} {self.height - y:.2f} Tm <{_hex(text)}> Tj ET"
        )

    def path(
        self,
        points: Iterable[tuple[float, float]],
        *,
        width: float = 0.8,
        close: bool = False,
        stroke: str = "0 0 0",
        fill: str | None = None,
    ) -> None:
        """A polyline or, with `close` or `fill`, a polygon."""
        steps = [f"{x:.2f} {self.height - y:.2f} {'l' if k else 'm'}" for k, (x, y) in enumerate(points)]
        paint = "B" if fill and width else "f" if fill else "s" if close else "S"
        self.write(f"{width:g} w {stroke} RG {fill or '0 0 0'} rg", *steps, paint)

    def box(self, box: Box, *, width: float = 0.8, fill: str | None = None, stroke: str = "0 0 0") -> None:
        """A rectangle."""
        x0, y0, x1, y1 = box
        self.path([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], width=width, close=True, fill=fill, stroke=stroke)

    def plot(self, box: Box, seed: int = 0, curves: int = 3, points: int = 40) -> None:
        """Axes, tick labels and curves that stay within a box."""
        rng = np.random.default_rng(seed)
        x0, y0, x1, y1 = box
        left, low, right, high = x0 + 30, y1 - 26, x1 - 4, y0 + 4
        self.path([(left, high), (left, low), (right, low)], width=1)
        for k in range(6):
            x, y = left + (right - left) * k / 5, low - (low - high) * k / 5
            self.path([(x, low), (x, low + 4)])
            self.path([(left, y), (left - 4, y)])
            self.text(x - 4 - 2 * (k == 5), low + 13, str(5 * k), "helv", 7)
            self.text(left - 16, y + 2.5 + 3 * (k == 5), str(20 * k), "helv", 7)
        self.text((left + right) / 2 - 40, y1 - 4, "Days since admission", "helv", 8)
        self.text(x0 + 8, (low + high) / 2 + 30, "Score (%)", "helv", 8, turned=True)
        for k in range(curves):
            time = np.linspace(0, 1, points)
            peak, wide = rng.uniform(0.3, 0.55), rng.uniform(0.2, 0.35)
            level = (0.3 + 0.25 * k) * np.exp(-(((time - peak) / wide) ** 2)) + rng.uniform(
                0.03, 0.06, points
            )
            colour = ("0.1 0.3 0.7", "0.8 0.2 0.1", "0.1 0.5 0.2")[k % 3]
            track = [
                (left + (right - left) * i / (points - 1), low - (low - high) * float(v))
                for i, v in enumerate(level)
            ]
            self.path(track, width=1.2, stroke=colour)

    def use(self, item: pikepdf.Object, kind: str = "Im") -> str:
        """The name under which this page's resources hold an XObject."""
        item = item if item.is_indirect else self.pdf.make_indirect(item)
        if item.objgen not in self._names:
            self._names[item.objgen] = f"{kind}{len(self._names)}"
            self._objects["/" + self._names[item.objgen]] = item
        return self._names[item.objgen]

    def state(self, **entries: object) -> None:
        """Set an extended graphics state, such as ``ca=0.4``."""
        name = f"Gs{len(self._states)}"
        self._states["/" + name] = Dictionary(**entries)  # type: ignore[arg-type]
        self.write(f"/{name} gs")

    def image(
        self,
        image: pikepdf.Object,
        box: Box,
        turn: Matrix = UPRIGHT,
        *,
        clip: Box | None = None,
        alpha: float | None = None,
    ) -> None:
        """Paint an XObject into a box; `turn` maps the unit square to itself first, `clip` hides the rest."""
        self.write("q")
        if clip:
            x0, y0, x1, y1 = clip
            self.write(f"{x0:.3f} {self.height - y1:.3f} {x1 - x0:.3f} {y1 - y0:.3f} re W n")
        if alpha is not None:
            self.state(ca=alpha)
        self.place(box, turn)
        self.write(f"/{self.use(image)} Do", "Q")

    def place(self, box: Box, turn: Matrix = UPRIGHT) -> None:
        """The ``cm`` operators that map the unit square to a box."""
        x0, y0, x1, y1 = box
        self.write(f"{x1 - x0:.4f} 0 0 {y1 - y0:.4f} {x0:.4f} {self.height - y1:.4f} cm")
        if turn != UPRIGHT:
            self.write(" ".join(f"{v:g}" for v in turn) + " cm")

    def finish(self) -> pikepdf.Page:
        """Append the page to its PDF."""
        dx, dy = self.crop
        width, height = self.width, self.height
        if self.rotate in (90, 270):
            width, height = height, width
        lead = {
            0: UPRIGHT,
            90: (0, 1, -1, 0, width, 0),
            180: (-1, 0, 0, -1, width, height),
            270: (0, -1, 1, 0, 0, height),
        }[self.rotate]
        head = " ".join(f"{v:g}" for v in (*lead[:4], lead[4] + dx, lead[5] + dy)) + " cm"
        parts: Sequence[str | bytes] = [head, *self._operators]
        data = b"\n".join(part.encode("latin-1") if isinstance(part, str) else part for part in parts)
        fonts = {
            f"/{name}": Dictionary(
                Type=Name.Font,
                Subtype=Name.Type1,
                BaseFont=Name("/" + base),
                Encoding=Name.WinAnsiEncoding,
            )
            for name, base in FONTS.items()
        }
        page = Dictionary(
            Type=Name.Page,
            MediaBox=Array([0, 0, round(width + 2 * dx, 2), round(height + 2 * dy, 2)]),
            Resources=Dictionary(
                Font=Dictionary(fonts),
                XObject=Dictionary(self._objects),
                ExtGState=Dictionary(self._states),
            ),
            Contents=self.pdf.make_stream(data),
        )
        if self.rotate:
            page.Rotate = self.rotate
        if dx or dy:
            page.CropBox = Array([dx, dy, round(dx + width, 2), round(dy + height, 2)])
        self.pdf.pages.append(pikepdf.Page(page))
        return self.pdf.pages[-1]
