"""The kinds of rules: which values, keys and named groups each may have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MODALITIES = (
    "ct",
    "xray",
    "mri",
    "ultrasound",
    "nuclear",
    "angiography",
    "endoscopy",
    "photo",
    "microscopy",
    "gel",
    "plot",
    "diagram",
    "table",
    "other",
)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a rule of a kind may say."""

    values: tuple[str, ...] | None = ()
    """Allowed values; ``()`` allows any text, None none at all."""
    extra: Mapping[str, tuple[str, ...] | type] = field(default_factory=dict)
    """Further keys: the words one may have, or its type."""
    groups: frozenset[str] = frozenset()
    """Named groups that mean something in a pattern."""


KINDS: Mapping[str, Kind] = {
    # what a picture is
    "modality": Kind(MODALITIES, {"also": MODALITIES}),
    "aside": Kind(("here", "before", "after")),
    "region": Kind(),
    "face": Kind(None, {"hidden": bool}),
    # what it shows
    "disease": Kind(
        ("positive", "other", "healthy"),
        {"name": str, "role": ("rival", "companion", "sign", "person", "topic")},
    ),
    "context": Kind(
        ("negated", "possible", "historical", "other-subject", "confirmed", "ignore"),
        {"direction": ("before", "after"), "reach": int, "test": bool},
    ),
    "boundary": Kind(None),
    "relation": Kind(("beside", "together", "contrast")),
    "schematic": Kind(None),
    # whom it shows
    "subject": Kind(
        ("one", "several", "same", "other"),
        {"role": ("relative", "staff", "animal", "label")},
        frozenset({"number", "numbers"}),
    ),
    "age": Kind(
        None,
        {},
        frozenset({"years", "months", "weeks", "days", "low", "high", "decade", "above", "below", "each"}),
    ),
    "gender": Kind(("M", "F"), {"pronoun": bool}),
    "cohort": Kind(None),
    "minor": Kind(None),
    "initials": Kind(None, {}, frozenset({"name"})),
    "place": Kind((), {"country": str, "level": ("country", "province", "city", "ship")}),
    "placing": Kind(("care", "home", "none")),
    # how it stands with them
    "time": Kind(
        ("", "none", "picture", "patient"),
        {"since": ("onset", "admission", "treatment", "other")},
        frozenset({"days", "weeks", "hours", "date", "start", "reference"}),
    ),
    "severity": Kind(),
    "history": Kind((), {}, frozenset({"what"})),
    "sign": Kind(None),
    "rt_pcr": Kind(("positive", "negative", "none")),
    "outcome": Kind(),
    "icu": Kind(("yes", "no", "none")),
    "ventilation": Kind(),
}
"""``disease``: of value positive the disease of the rule file, other and healthy whatever speaks against it. The
`role` of another is rival (the default: it stands in the disease's place), companion (a patient may have both)
or sign (it may only describe the picture). That of a positive one is person (the words are of someone, "suspected
case", and do not name the disease) or topic (they say what a text is about, and count in titles only).
``context``: words that say how a disease is meant, before or behind it (`direction`, default before), at most
`reach` words away; a negation by `test` is a laboratory's. "ignore": words that only look like
others. ``boundary``: words at which such a reach ends. ``relation``: how two diseases stand to each other:
"beside" are words right between two of one patient, "together" words near them, "contrast" words that tell classes
apart. ``cohort``: numbers that are nobody's. ``initials``: names and initials, never copied.
``sign``: what a radiologist sees. ``placing``: words before a place that tie a patient
to it: treated there (care) or coming from there (home). ``time``: "picture" are words that make a time of their
sentence the picture's, "patient" the patient's state. ``severity``: "several" is no one's class. A value "none"
silences shorter words that only look like the thing."""
