"""Compound figures drawn with known truth: pictures of panels, their boxes and their labels.

    from tests.compounds import compose, draw_spec
    rng = np.random.default_rng([seed, index])
    compound = compose(rng, slices, draw_spec(rng))
    compound.picture, compound.boxes, compound.labels

A panel's box is the extent of its own image as it can be seen. Letters and headings outside a panel do not
count, nor does a surround in the very colour of the gutter: of a CT with black around the patient the box
is the whole image on a white page, and the patient (with the table) where the gutter is black too. Where
panels touch there is no gutter, and the boxes are the images, black and all. A plot on a white page reaches
as far as its ink.
"""

from .compose import Compound, compose
from .layout import PixelBox
from .spec import CONTENTS, LAYOUTS, Spec, draw_spec

__all__ = ["CONTENTS", "LAYOUTS", "Compound", "PixelBox", "Spec", "compose", "draw_spec"]
