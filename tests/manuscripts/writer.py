"""A manuscript written line by line, and the truth about it.

`Manuscript` flows text over pages and columns, stamps them as preprint servers do, and remembers where
each picture and caption went. `Manuscript.save` returns a `Written`: the file and what is in it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pikepdf

from covidct_curate.records import Binding

from .phantom import Pixels, phantom_ct
from .sheet import UPRIGHT, Matrix, Sheet, image_object, text_width
from .style import AFFILIATION, AUTHORS, FILLER, TITLE, Stamp, Style
from .truth import Placed, TrueFigure, TruePanel, Written, folded


@dataclass
class Manuscript:
    """A manuscript under construction; see the module's docstring."""

    path: Path
    seed: int = 0
    stamp: Stamp | None = field(default_factory=Stamp)
    style: Style = field(default_factory=Style)
    size: tuple[float, float] = (612, 792)
    title: str = TITLE
    authors: str = AUTHORS
    affiliation: str = AFFILIATION
    logo: Pixels | None = None

    def __post_init__(self) -> None:
        if self.stamp and not self.stamp.doi:
            suffix = zlib.crc32(self.path.stem.encode()) % 10**8
            self.stamp = replace(self.stamp, doi=f"10.1101/2020.01.01.{suffix:08d}")
        self.pdf = pikepdf.new()
        self.rng = np.random.default_rng(self.seed)
        self.sheets: list[Sheet] = []
        self.furniture: list[Placed] = []
        self.tables: list[Placed] = []
        self._figures: list[TrueFigure] = []
        self._mentions: dict[str, list[str]] = {}
        self._line = 0
        self._filler = int(self.rng.integers(len(FILLER)))
        self._logo = None if self.logo is None else self.pdf.make_indirect(self.object(self.logo))
        self.page()

    # pages and the place of writing ---------------------------------------------------------------

    @property
    def sheet(self) -> Sheet:
        """The page being written."""
        return self.sheets[self.at]

    @property
    def left(self) -> float:
        """Left edge of the column being written."""
        return self.style.margin + self.column * (self.measure + 18)

    @property
    def measure(self) -> float:
        """Width of a column."""
        whole = self.sheet.width - 2 * self.style.margin
        return (whole - 18 * (self.style.columns - 1)) / self.style.columns

    @property
    def bottom(self) -> float:
        """Lowest baseline of running text."""
        return self.sheet.height - 64

    def page(
        self,
        width: float | None = None,
        height: float | None = None,
        *,
        rotate: int = 0,
        crop: tuple[float, float] = (0, 0),
        plain: bool = False,
    ) -> int:
        """Start a page and return its number; `plain` leaves out the logo and the page number."""
        sheet = Sheet(self.pdf, width or self.size[0], height or self.size[1], rotate, crop)
        self.sheets.append(sheet)
        self.at, self.column = len(self.sheets) - 1, 0
        self.top = self.y = 72.0
        if not plain:
            sheet.text(sheet.width / 2 - 4, sheet.height - 30, str(len(self.sheets)), size=9)
            if self._logo is not None and self.logo is not None:
                box = (
                    sheet.width - 130,
                    34,
                    sheet.width - 50,
                    34 + 80 * self.logo.shape[0] / self.logo.shape[1],
                )
                sheet.image(self._logo, box)
                self.furniture.append(Placed(self.at, box))
        return self.at

    def advance(self) -> None:
        """Go to the next column, or to a new page."""
        if self.column + 1 < self.style.columns:
            self.column, self.y = self.column + 1, self.top
        else:
            self.page()

    def room(self, height: float) -> None:
        """Make sure that `height` points are left in the column."""
        if self.y + height > self.bottom:
            self.advance()

    # text -------------------------------------------------------------------------------------------

    def flow(
        self,
        text: str,
        *,
        font: str | None = None,
        size: float | None = None,
        leading: float | None = None,
        bold: tuple[str, str] = ("", ""),
        left: float | None = None,
        width: float | None = None,
        numbered: bool | None = None,
        centred: bool = False,
    ) -> list[Placed]:
        """Set text in lines from the present place, over columns and pages, and return the lines.

        `bold` is a lead in another font, (text, font). A soft hyphen marks where a word may break.
        """
        style = self.style
        font, size, leading = font or style.font, size or style.size, leading or style.leading
        words = [(w, bold[1]) for w in re.split(r"[ \n]+", bold[0]) if w]
        words += [(w, font) for w in re.split(r"[ \n]+", text) if w]
        placed: list[Placed] = []
        space = text_width(" ", font, size)
        while words:
            if self.y + leading > self.bottom + 4:
                self.advance()
            measure = width or self.measure
            line, used, words = _fill(words, measure, size, space)
            self.y += leading
            x = left if left is not None else self.left
            x += (measure - used) / 2 if centred else 0
            start = x
            for run_font, run in _runs(line):
                self.sheet.text(x, self.y, run, run_font, size)
                x += text_width(run, run_font, size) + space
            placed.append(Placed(self.at, (start, self.y - 0.75 * size, start + used, self.y + 0.25 * size)))
            if style.numbers if numbered is None else numbered:
                self._line += 1
                mark = str(self._line)
                self.sheet.text(style.margin - 14 - text_width(mark, font, size), self.y, mark, font, size)
        return placed

    def heading(self, text: str) -> None:
        """A section heading."""
        self.y += 8
        self.room(40)
        self.flow(text, font="tibo" if self.style.font == "tiro" else "hebo", size=self.style.size + 1)

    def head(self) -> None:
        """Title, authors and affiliation."""
        self.flow(self.title, font="tibo", size=16, leading=20, numbered=False)
        self.y += 6
        self.flow(self.authors, numbered=False)
        self.flow(self.affiliation, font="tiit", numbered=False)

    def front(self) -> None:
        """Title, authors, affiliation, abstract and introduction."""
        self.head()
        self.heading("Abstract")
        self.body(3)
        self.heading("Introduction")
        self.body(4)

    def body(self, sentences: int = 4, *cites: tuple[str, str]) -> None:
        """A paragraph of filler; `cites` are (label, sentence) pairs set between its sentences.

        A label may name several figures, split by ``|``.
        """
        parts = [FILLER[(self._filler + k) % len(FILLER)] for k in range(sentences)]
        self._filler += sentences
        for k, (labels, sentence) in enumerate(cites):
            parts.insert(min(1 + 2 * k, len(parts)), sentence)
            for label in labels.split("|"):
                self.cited(label, sentence)
        self.flow(" ".join(parts))
        self.y += 5

    def cited(self, label: str, sentence: str) -> str:
        """The sentence, remembered as one that cites a figure."""
        self._mentions.setdefault(label, []).append(sentence)
        return sentence

    def article(self, *labels: str, sentences: int = 4) -> None:
        """Front matter and a results section that cites each labelled figure once."""
        self.front()
        self.heading("Results")
        for k, label in enumerate(labels):
            short = label.replace("Figure", "Fig.")
            self.body(
                sentences,
                (
                    label,
                    (
                        f"Chest CT on admission showed opacities in the lower lobes ({short}).",
                        f"As shown in {label}, the lesions had grown by the second scan.",
                        f"The course of the score over time is given in {short} and did not differ by sex.",
                    )[k % 3],
                ),
            )

    # pictures and captions --------------------------------------------------------------------------

    def object(self, pixels: Pixels) -> pikepdf.Stream:
        """An image XObject of these pixels."""
        return image_object(self.pdf, pixels)

    def picture(
        self,
        picture: Pixels | pikepdf.Stream,
        width: float = 260,
        *,
        x: float | None = None,
        y: float | None = None,
        turn: Matrix = UPRIGHT,
        below: float = 0,
    ) -> Placed:
        """Paint a picture `width` points wide at (x, y), else centred at the present place.

        `below` is the room wanted under it on the same page, for its caption.
        """
        image = picture if isinstance(picture, pikepdf.Stream) else self.object(picture)
        tall, wide = float(image.Height), float(image.Width)
        if abs(turn[0]) < 0.5:
            tall, wide = wide, tall
        height = width * tall / wide
        if y is None:
            self.room(height + 10 + below)
            y = self.y + 10
            self.y = y + height
        if x is None:
            x = self.left + (self.measure - width) / 2
        box = (x, y, x + width, y + height)
        self.sheet.image(image, box, turn)
        return Placed(self.at, box)

    def caption(
        self,
        shown: str,
        text: str,
        *,
        left: float | None = None,
        width: float | None = None,
        y: float | None = None,
        keep: bool = True,
        numbered: bool | None = None,
    ) -> Placed:
        """Set a caption in the caption style; `shown` is its label as printed. Its first page and box."""
        style = self.style
        if y is not None:
            self.y = y
        if keep and y is None:
            lines = 1 + text_width(f"{shown} {text}", style.caption_font, style.caption_size) // (
                width or self.measure
            )
            self.room(lines * style.caption_leading + 12)
        lines_placed = self.flow(
            text,
            font=style.caption_font,
            size=style.caption_size,
            leading=style.caption_leading,
            bold=(shown, style.caption_bold),
            left=left,
            width=width,
            numbered=numbered,
        )
        self.y += 10
        first = lines_placed[0]
        for line in lines_placed[1:]:
            if line.page == first.page:
                first |= line
        return first

    def record(
        self,
        label: str | None,
        caption: str,
        placed: Placed | None,
        binding: Binding = "below",
        caption_page: int | None = None,
        *,
        pixels: Pixels | None = None,
        panels: Sequence[tuple[Placed, Pixels]] = (),
        pages: tuple[int, ...] | None = None,
        turned: str = "",
        clipped: bool = False,
        overlay: bool = False,
        tolerance: int = 0,
    ) -> None:
        """Remember a figure as truth."""
        if pages is None:
            pages = () if placed is None else (placed.page,)
        self._figures.append(
            TrueFigure(
                label,
                folded(caption),
                placed.page if placed else None,
                placed.box if placed else None,
                binding,
                caption_page,
                pages,
                pixels,
                tuple(TruePanel(where.page, where.box, shown) for where, shown in panels),
                turned=turned,
                clipped=clipped,
                overlay=overlay,
                tolerance=tolerance,
            )
        )

    def figure(
        self,
        number: int | str,
        caption: str,
        pixels: Pixels | None = None,
        *,
        width: float = 240,
        above: bool = False,
        shown: str | None = None,
    ) -> None:
        """A picture with its caption below (or above), set and remembered."""
        label = f"Figure {number}"
        shown = shown or f"{label}."
        pixels = phantom_ct(self.seed + len(self._figures)) if pixels is None else pixels
        height = width * pixels.shape[0] / pixels.shape[1]
        room = 30 + 13 * (1 + len(caption) // 70)
        if above:
            self.room(height + room)
            caption_at = self.caption(shown, caption, keep=False)
            self.y -= 6
            placed = self.picture(pixels, width)
            self.y += 12
        else:
            placed = self.picture(pixels, width, below=room)
            self.y += 4
            caption_at = self.caption(shown, caption, keep=False)
        self.record(label, caption, placed, "above" if above else "below", caption_at.page, pixels=pixels)

    # the end ----------------------------------------------------------------------------------------

    def _stamp(self, sheet: Sheet, stamp: Stamp) -> None:
        for k, line in enumerate(stamp.lines):
            if stamp.side:
                sheet.text(14 + 8 * k, sheet.height / 2 + 250, line, "helv", 7, turned=True, grey=0.35)
            else:
                x = (sheet.width - text_width(line, "helv", 8)) / 2
                sheet.text(max(x, 4), 9 + 8 * k, line, "helv", 8, grey=0.2)

    def save(self) -> Written:
        """Write the file and return the truth."""
        for sheet in self.sheets:
            if self.stamp:
                self._stamp(sheet, self.stamp)
            sheet.finish()
        self.pdf.save(self.path, deterministic_id=True, compress_streams=True)
        figures = tuple(
            replace(figure, mentions=tuple(self._mentions.get(figure.label or "", ())))
            for figure in self._figures
        )
        stamp = self.stamp
        return Written(
            path=self.path,
            figures=figures,
            pages=len(self.sheets),
            title=self.title,
            doi=stamp.doi if stamp else None,
            server=stamp.server if stamp else None,
            posted=stamp.posted.isoformat() if stamp else None,
            licence=stamp.licence if stamp else None,
            furniture=tuple(self.furniture),
            tables=tuple(self.tables),
        )


def _fill(
    words: list[tuple[str, str]], measure: float, size: float, space: float
) -> tuple[list[tuple[str, str]], float, list[tuple[str, str]]]:
    """Take the words of one line: those taken, the width used, the words left."""
    used = 0.0
    line: list[tuple[str, str]] = []
    for k, (word, font) in enumerate(words):
        gap = space if line else 0
        whole = word.replace("\xad", "")
        width = text_width(whole, font, size)
        if used + gap + width <= measure or not line:
            line.append((whole, font))
            used += gap + width
            continue
        parts = word.split("\xad")
        for cut in range(len(parts) - 1, 0, -1):
            head = "".join(parts[:cut]) + "-"
            if used + gap + text_width(head, font, size) <= measure:
                line.append((head, font))
                used += gap + text_width(head, font, size)
                return line, used, [("\xad".join(parts[cut:]), font), *words[k + 1 :]]
        return line, used, words[k:]
    return line, used, []


def _runs(line: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Join neighbouring words of one font: (font, text)."""
    runs: list[tuple[str, str]] = []
    for word, font in line:
        if runs and runs[-1][0] == font:
            runs[-1] = (font, f"{runs[-1][1]} {word}")
        else:
            runs.append((font, word))
    return runs
