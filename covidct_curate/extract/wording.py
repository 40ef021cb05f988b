"""Lines that part a manuscript, told by their words: headings, links, ends of sentences."""

from __future__ import annotations

import re

SENTENCE_END = re.compile(r"[.!?][\"'”’)\]]*$")
LEGENDS = re.compile(
    r"^\W*(?:\d+\.?\s*)?(?:(?:supplement\w*|extended data|supporting|main|additional)\s+)?"
    r"(?:(?:fig(?:ure)?s?\.?)(?:\s+and\s+tables?)?\s*(?:legends?|captions?|titles?)"
    r"|(?:legends?|captions?)(?:\s+(?:to|for|of)\s+(?:the\s+)?(?:\w+\s+)?fig\w*(?:\s+and\s+tables?)?)?)\W*$",
    re.I,
)
HEADING = re.compile(
    r"^\W*(?:\d+(?:\.\d+)*\.?\s*)?(?:references?|bibliography|acknowledge?ments?|tables?|figures?|funding|"
    r"supplement\w*(?: \w+)?|author contributions?|competing interests?|appendix|abbreviations|"
    r"(?:materials? and )?methods|results|discussion|conclusions?|introduction|abstract)\W*$",
    re.I,
)
