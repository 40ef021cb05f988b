"""Licences: which pictures may be shared, and what each licence is called elsewhere.

A picture cut out of a figure, cropped or made grey is a derivative. It may be shared where the licence allows
derivatives and passing on: CC0, the public domain, CC BY, BY-SA, BY-NC and BY-NC-SA. What is not understood is not
shared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ZERO = re.compile(
    r"(?:cc[ -]?)?(?:0|zero)(?:[ -]?v?1\.0)?(?: universal)?(?: public domain dedication)?"
    r"|creative commons (?:zero|0)(?: ?v?1\.0)?(?: universal)?|publicdomain/zero/1\.0"
)
_PUBLIC_DOMAIN = re.compile(
    r"(?:(?:the |in the )?public domain|pd)(?: mark)?(?: 1\.0)?|cc pdm(?: 1\.0)?|publicdomain/mark/1\.0"
)
_CC = re.compile(
    r"(?:cc[ -]?|creative commons |licenses/)(?:by|attribution)(?P<terms>(?:[ -]?(?:nc|nd|sa))*)"
    r"(?:[ /-]?v?(?P<version>[1-4]\.[05]))?(?P<rest>(?: international| unported| generic)?)"
)
_LONG = (
    (re.compile(r"non[ -]?commercial(?: use)?(?: only)?"), "nc"),
    (re.compile(r"no[ -]?deriv(?:ative)?s?(?: works?)?"), "nd"),
    (re.compile(r"share[ -]?alike"), "sa"),
)
_WRAPPER = re.compile(r"^https?://(?:www\.)?creativecommons\.org/|(?:/(?:deed(?:\.[a-z]{2})?|legalcode))?/?$")
_RESERVED = re.compile(
    r"cc[ -]no|no re-?use(?: allowed)?.*|(?:©|copyright\b|\(c\)).*|all rights reserved.*|none"
)
_BLANK = frozenset({"", "-", "n/a", "na", "nan", "none", "null", "unknown", "not stated"})
_VERSION = "4.0"
"""What the preprint servers offer; taken where a licence names no version."""


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence that is known."""

    key: str
    """As preprint servers call it: ``cc_by_nc``; ``public_domain``."""
    name: str
    """As people call it: ``CC BY-NC 4.0``."""
    spdx: str
    """``CC-BY-NC-4.0``; ``""`` for the public domain, which SPDX does not list."""
    url: str

    @property
    def terms(self) -> frozenset[str]:
        """Of ``by``, ``nc``, ``nd`` and ``sa``; none for CC0 and the public domain."""
        return frozenset(self.key.split("_")[1:]) - {"domain"}


CC0 = Licence("cc0", "CC0 1.0", "CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/")
PUBLIC_DOMAIN = Licence(
    "public_domain", "public domain", "", "https://creativecommons.org/publicdomain/mark/1.0/"
)


def known(licence: str | None) -> Licence | None:
    """The licence that a text names, and nothing but names; None where it is not understood.

    Understands the servers' ``cc_by_nc``, ``CC BY-NC 4.0``, SPDX ids, the words and creativecommons.org's addresses.
    A version that is not stated is taken to be 4.0, that of the preprint servers.
    """
    text = _folded(licence)
    if _ZERO.fullmatch(text) and text not in ("0", "zero"):
        return CC0
    if _PUBLIC_DOMAIN.fullmatch(text):
        return PUBLIC_DOMAIN
    found = _CC.fullmatch(text)
    if not found:
        return None
    terms = set(re.findall("nc|nd|sa", found["terms"]))
    if {"nd", "sa"} <= terms:
        return None
    parts = ["by", *(each for each in ("nc", "nd", "sa") if each in terms)]
    version = found["version"] or _VERSION
    joined = "-".join(parts)
    return Licence(
        key="_".join(["cc", *parts]),
        name=f"CC {joined.upper()} {version}",
        spdx=f"CC-{joined.upper()}-{version}",
        url=f"https://creativecommons.org/licenses/{joined}/{version}/",
    )


def may_share(licence: str | None) -> tuple[bool, str]:
    """Whether a picture under that licence may be shared, and why or why not, in words."""
    if found := known(licence):
        if "nd" in found.terms:
            return False, f"{found.name} allows no derivatives, and a picture cut out of a figure is one"
        return True, found.name
    text = _folded(licence)
    if text in _BLANK:
        return False, "no licence stated"
    if _RESERVED.fullmatch(text):
        return False, "all rights reserved: no reuse without asking the authors"
    if text == "cc0 ng":
        return False, "cc0_ng: the servers do not tell what it allows; see the paper's page"
    return False, f"licence not understood: {' '.join(str(licence).split())[:60]}"


def _folded(licence: str | None) -> str:
    """In small letters, one space or hyphen between words, long terms shortened, no address around it."""
    text = " ".join((licence or "").casefold().replace("_", " ").split()).strip(" .;")
    text = _WRAPPER.sub("", text)
    text = re.sub(r"^(?:the |under )+", "", text)
    text = re.sub(r"[ ]*\((?:cc[^()]*)\)", "", text)
    for pattern, short in _LONG:
        text = pattern.sub(short, text)
    text = re.sub(r"\s*[,/]\s*(?=(?:nc|nd|sa)\b)", "-", text)
    text = re.sub(r"[\s-]*-[\s-]*", "-", text)
    return re.sub(r" licen[cs]e$", "", text)
