"""A reviewer's panels of a figure: a grid, or boxes."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass

from covidct_curate.errors import ChoiceError
from covidct_curate.panels.boxes import likeness
from covidct_curate.records import PixelBox

LEAST = 8
"""Pixels a side of a panel."""
_SAME_SHAPE = 0.02
"""Share by which a picture's shape may change and boxes drawn on it still fit."""
_ALIKE = 0.9
"""Intersection over union from which on two boxes are one and the same."""

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Either ``grid`` (rows, columns) or ``boxes`` in a picture of ``size``."""

    grid: tuple[int, int] | None = None
    boxes: tuple[PixelBox, ...] = ()
    size: Size | None = None

    def check(self, size: Size) -> None:
        """Raises `ChoiceError` unless it makes sense in a picture of that size."""
        width, height = size
        if self.grid is not None:
            rows, columns = self.grid
            if min(height // rows, width // columns) < LEAST and self.grid != (1, 1):
                raise ChoiceError(
                    f"a grid of {rows}x{columns} in {width}x{height} pixels has cells of under {LEAST} pixels a "
                    "side; take fewer rows or columns"
                )
        for number, box in enumerate(self.boxes):
            x0, y0, x1, y1 = box
            if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
                raise ChoiceError(
                    f"the box {_written(box)} is empty or leaves the picture of {width}x{height} pixels"
                )
            if min(x1 - x0, y1 - y0) < min(LEAST, width, height):
                raise ChoiceError(f"the box {_written(box)} is under {LEAST} pixels a side")
            for other in self.boxes[:number]:
                if likeness(box, other) >= _ALIKE:
                    raise ChoiceError(
                        f"the boxes {_written(other)} and {_written(box)} cover the same pixels"
                    )

    def boxes_in(self, size: Size) -> tuple[PixelBox, ...]:
        """The panels in a picture of that size; none when the boxes were drawn on one of another shape."""
        width, height = size
        if self.grid is not None:
            rows, columns = self.grid
            xs = [round(width * k / columns) for k in range(columns + 1)]
            ys = [round(height * k / rows) for k in range(rows + 1)]
            return tuple((xs[c], ys[r], xs[c + 1], ys[r + 1]) for r in range(rows) for c in range(columns))
        if self.size is None or self.size == size:
            return self.boxes
        across, down = width / self.size[0], height / self.size[1]
        if abs(math.log(across / down)) > _SAME_SHAPE:
            return ()
        return tuple(
            (
                min(round(x0 * across), width - 1),
                min(round(y0 * down), height - 1),
                min(max(round(x1 * across), round(x0 * across) + 1), width),
                min(max(round(y1 * down), round(y0 * down) + 1), height),
            )
            for x0, y0, x1, y1 in self.boxes
        )

    def value(self) -> str:
        """As a decision keeps it."""
        if self.grid is not None:
            return json.dumps({"grid": self.grid})
        return json.dumps({"boxes": self.boxes, "size": self.size})


def read_choice(value: str) -> Choice | None:
    """A decision's value read back, None when it is none of ours."""
    try:
        told = json.loads(value)
        if "grid" in told:
            rows, columns = map(int, told["grid"])
            return Choice(grid=(rows, columns)) if min(rows, columns) > 0 else None
        boxes = tuple(_box(list(map(int, box))) for box in told["boxes"])
        size = told["size"] and (int(told["size"][0]), int(told["size"][1]))
    except (ValueError, TypeError, KeyError, IndexError):
        return None
    return Choice(boxes=boxes, size=size) if boxes and (size is None or min(size) > 0) else None


def written(choice: Choice) -> str:
    """As a person writes it: ``2x3``, or ``0,0,200,180; 210,0,400,180``."""
    if choice.grid is not None:
        return f"{choice.grid[0]}x{choice.grid[1]}"
    return "; ".join(map(_written, choice.boxes))


def parse_grid(text: str) -> Choice:
    """``2x3``: two rows of three. Raises `ChoiceError` for anything else."""
    found = re.fullmatch(r"\s*([1-9]\d{0,2})\s*[xX×]\s*([1-9]\d{0,2})\s*", text)
    if not found:
        raise ChoiceError(f"{text!r} is no grid; write rows x columns, such as 2x3")
    return Choice(grid=(int(found[1]), int(found[2])))


def parse_boxes(texts: list[str]) -> Choice:
    """``0,0,200,180``, one text a box or several in one, parted by semicolons or spaces; or a JSON list.

    Raises `ChoiceError` for anything else.
    """
    boxes = []
    for text in texts:
        plain = re.sub(r"\]\s*,\s*\[", ";", text).strip("[] ")
        for each in re.sub(r"\s*,\s*", ",", plain).replace(";", " ").split():
            if not re.fullmatch(r"\d{1,6}(,\d{1,6}){3}", each):
                raise ChoiceError(f"{each!r} is no box; write left,top,right,bottom in pixels: 0,0,200,180")
            boxes.append(_box(list(map(int, each.split(",")))))
    if not boxes:
        raise ChoiceError("no box is given; write left,top,right,bottom in pixels: 0,0,200,180")
    return Choice(boxes=tuple(boxes))


def _box(numbers: list[int]) -> PixelBox:
    x0, y0, x1, y1 = numbers
    return x0, y0, x1, y1


def _written(box: PixelBox) -> str:
    return ",".join(map(str, box))
