"""Small manuscripts with known truth: phantom CTs, layouts, pixel formats, bad files.

from tests.manuscripts import LAYOUTS
written = LAYOUTS["clean"](tmp_path / "clean.pdf", 0)
written.figures[0].caption, written.figures[0].bbox, written.figures[0].pixels
"""

from . import furniture, pieces
from .layouts import LAYOUTS
from .phantom import Pixels, phantom_ct
from .pixels import PIXELS
from .truth import Placed, TrueFigure, TruePanel, Written
from .writer import Manuscript

__all__ = [
    "LAYOUTS",
    "PIXELS",
    "Manuscript",
    "Pixels",
    "Placed",
    "TrueFigure",
    "TruePanel",
    "Written",
    "furniture",
    "phantom_ct",
    "pieces",
]
