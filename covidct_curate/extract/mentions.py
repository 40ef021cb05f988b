"""Sentences of the body that cite a figure: "… is shown in Figs 1–3 and S2." counts for four figures."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache

from covidct_curate.extract.labels import fold, parse_label

LONGEST = 1000
"""Characters of a mention. Where no full stop ends a sentence before, words around the cite are kept."""

_WIDEST_RANGE = 30

_HEAD = re.compile(
    r"""(?<![a-z0-9])
    (?: (?P<supplement> supplement(?:ary|al)? | supp(?:l|lem)? | supporting | online | web | esm | si )
        [.:,]?[ ]{1,3} (?: (?:information|info|materials?|data|appendix)[.:,]?[ ]{1,3} )?
      | (?P<extended> extended[ ]{1,3}(?:data[ ]{1,3})? | ed[ ]{1,3} )
      | appendix [ ]{1,3} (?P<chapter> [a-z](?![a-z]) | [0-9]{1,2} )? [ ]{0,2} [-,:]? [ ]{0,2} (?P<appendix>)
    )?
    (?: (?P<glued> e-? | s ) (?=fig|ﬁg) )?
    (?: (?P<figure> fig | ﬁg | figure | ﬁgure | figura | figur ) (?P<plural> s(?![0-9]) )?
      | (?P<kind> scheme | chart | graph | plate | image | picture | photograph | photo | illustration | diagram )
        (?P<kinds> s )?
    ) (?![a-z]) (?P<gap> [ ]{0,3} [.]? [ ]{0,3} (?:no[.]?[ ]?)? )""",
    re.X | re.I | re.A,
)
_PLOS = re.compile(
    r"(?<![A-Za-z0-9])(S[0-9]{1,3}[A-Za-z]?(?:(?:, ?| and |, and | ?- ?| ?& ?)S?[0-9]{1,3}[A-Za-z]?){0,20}) "
    r"[Ff]ig(?:ure)?s?(?![A-Za-z0-9]| ?[.]? ?[0-9])"
)
_FIRST = re.compile(
    r"(?P<letters>[Ss] ?(?=[.-]?[0-9])|[A-Z]{0,2})(?P<dot>[.-]?)(?P<digits>[0-9]{1,3})(?![0-9])"
    r"(?P<more>(?:[.][0-9]{1,3}(?![0-9]))*)"
    r"|(?P<word>[IVX]{1,6}|S?[A-Z])(?![A-Za-z0-9])"
)
_NEXT = re.compile(
    r"(?P<by> ?[,;/&+] ?(?:and |or )?| and | or | ?-{1,2} ?| to | through )"
    r"(?P<letters>[Ss] ?|[A-Z]{0,2})(?P<dot>[.-]?)(?P<digits>[0-9]{1,3})(?![0-9%])(?P<more>(?:[.][0-9]{1,3}(?![0-9]))*)"
)
_PANELS = re.compile(
    r"(?: ?\([A-Za-z](?: ?[-,&] ?[A-Za-z]){0,20}\)|-?[A-Za-z](?![A-Za-z0-9])|(?<=[0-9]), ?[a-z](?![A-Za-z0-9]))"
    r"(?: ?(?:[-,&/]| and | or | to |, and ) ?(?:[A-Za-z](?![A-Za-z0-9])|\([A-Za-z]\))){0,20}"
)
_PART = re.compile(r" ?[-:,]{0,2} ?(?:figure )?supplements? (?P<digits>[0-9]{1,3})(?![0-9])", re.I)
_ELSEWHERE = re.compile(
    r" (?:in|of) (?:the |our )?(?:online )?(?:supplement|supporting information|appendix)", re.I
)
_LISTED = re.compile(r" ?(?:$|[,;.)\]&/-]|and |or )")

_STOP = re.compile(
    r"""(?: (?P<stop> [.!?]{1,5} ) [)\]"'”’»]{0,3}
        (?: (?P<reference> [0-9]{1,3} (?:[,-][0-9]{1,3}){0,20} | [⁰¹²³⁴-⁹⁻,]{1,40} | [ ]?\[[0-9,; -]{1,60}\] ) )?
        (?=[ ]) | [。！？][”’」』）)]{0,3} )[ ]*""",
    re.X,
)
_OPENER = re.compile(r"""["'“‘«(\[]{0,3}([^\W_])""")
_LAST_WORD = re.compile(r"""[^\s()\[\]"'“‘«,;:/]*$""")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEVER_LAST = _words(
    "fig figs figure ﬁg ﬁgs al e.g i.e eg ie vs cf dr drs mr mrs ms prof approx ca ref refs eq eqs eqn tab suppl "
    "supp supplementary vol st viz resp sp spp ssp var subsp dept univ jr incl ext"
)
"""Abbreviations that a sentence goes on behind."""
_BEFORE_NUMBERS = _words("no nos nr p pp sec secs ch art n max min temp")
_OPENERS = _words(
    "the this these those we in it its as for at on to our all there after however moreover furthermore although "
    "while when both here thus finally an two three four by from no one they he she his her patients "
    "additionally similarly interestingly notably next then first second third"
)
"""Words behind "hepatitis B." that show it to be no initial."""


def find_mentions(body: str, labels: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """For each of the normalised ``labels`` the whole sentences of ``body`` that cite it, in reading order.

    ``body`` is running text: hyphenation undone, captions, references and running matter left out. A range
    ("Figs 1–3") cites all it spans. A blank line ends a sentence. White space comes back folded; a sentence
    is no longer than `LONGEST`. Every label is a key; one that is never cited has ``()``. Takes time linear
    in the text.
    """
    found: dict[str, list[str]] = {label: [] for label in labels}
    for paragraph in body.split("\n\n"):
        _mentions(" ".join(paragraph.split()), found)
    return {label: tuple(sentences) for label, sentences in found.items()}


def _mentions(body: str, found: dict[str, list[str]]) -> None:
    folded = fold(body)
    seen_until = dict.fromkeys(found, -1)
    starts = _sentence_starts(folded)
    for position, end, label in _cites(folded, frozenset(found)):
        if label not in found or position < seen_until[label]:
            continue
        number = bisect_right(starts, position)
        last = starts[number] if number < len(starts) else len(body)
        first, last = _cut(folded, starts[number - 1], last, position, end)
        seen_until[label] = last
        found[label].append(body[first:last].strip())


def cited_labels(text: str) -> list[str]:
    """The normalised labels that ``text`` cites, each once, in order of the first cite."""
    return list(dict.fromkeys(label for _, _, label in _cites(fold(" ".join(text.split())), frozenset())))


def _cites(text: str, known: frozenset[str]) -> Iterator[tuple[int, int, str]]:
    """Start, end and label of each cite. ``known`` labels settle what "Figure 1-2" and "Fig. 1.12 The" mean."""
    position = 0
    plos = _PLOS.search(text)
    while found := _HEAD.search(text, position):
        while plos and plos.start() < found.start():
            for label in _numbers(plos[1], 0, "", "Figure", True, known)[0]:
                yield plos.start(), plos.end(), label
            plos = _PLOS.search(text, plos.end())
        position = max(found.end("gap"), found.start() + 1)
        prefix = _prefix(found)
        kind = found["kind"].capitalize() if found["kind"] else "Figure"
        plural = bool(found["plural"] or found["kinds"])
        cited, end = _numbers(text, found.end(), prefix, kind, plural, known)
        if not cited and kind == "Figure" and not prefix and not plural and _is_lone(text, found):
            cited, end = ["Figure"], position
        for label in cited:
            yield found.start(), end, label
        position = max(position, end)


def _prefix(found: re.Match[str]) -> str:
    if found["supplement"] or found["glued"]:
        return "Supplementary "
    if found["extended"]:
        return "Extended Data "
    if found["appendix"] is not None:
        return f"Appendix {found['chapter'] or ''} ".replace("  ", " ")
    return ""


def _is_lone(text: str, found: re.Match[str]) -> bool:
    """ "(Figure)", "(see Figure)", "the Figure": how a paper cites its only figure."""
    if text[found.start() : found.start() + 1].islower():
        return False
    before = text[max(0, found.start() - 6) : found.start()].lower()
    if before.endswith(("(", "(see ")):
        return text[found.end("gap") : found.end("gap") + 1] in ("", ")", ",", ";")
    return before.endswith("the ") and found["gap"] != ""


def _numbers(
    text: str, start: int, prefix: str, kind: str, plural: bool, known: frozenset[str]
) -> tuple[list[str], int]:
    """The labels of the list of numbers that begins at ``start``, and where the list ends."""
    found = _FIRST.match(text, start)
    if found is None:
        return [], start
    end = found.end()
    if found["word"]:
        label = _normal(prefix, kind, found["word"])
        return ([label] if label else []), end
    part = _PART.match(text, end)
    if part:
        label = _normal(prefix, kind, f"{found['digits']} supplement {part['digits']}")
        return ([label] if label else []), part.end()
    letters = found["letters"].strip().upper()
    items = [(letters, int(found["digits"]), found["more"], found["dot"], found["digits"])]
    numbers: list[str] = [_spell(items[0], prefix, kind, known)]
    while True:
        if panels := _PANELS.match(text, end):
            end = panels.end()
        following = _NEXT.match(text, end)
        if following is None or len(numbers) > 300:
            break
        by = following["by"].strip()
        ranged = by in ("-", "--", "to", "through")
        own = following["letters"].strip().upper()
        more = following["more"] if found["more"] else ""
        after = following.end() if more else following.end("digits")
        if not plural and not ranged and "and" not in by and by != "&" and not own:
            tail = _PANELS.match(text, after)
            if not _LISTED.match(text, tail.end() if tail else after):
                break
        last, value = items[-1], int(following["digits"])
        if ranged and (own not in ("", last[0]) or not last[1] < value <= last[1] + _WIDEST_RANGE):
            break
        single = _normal(prefix, kind, f"{last[0]}{last[4]}-{following['digits']}") if ranged else ""
        if single and single in known:
            numbers[-1] = single
        elif ranged:
            numbers += _range(prefix, kind, last[0], last[1] + 1, value)
        else:
            if not own and letters == "S" and plural and by in (",", "and", "&", ", and"):
                plain = f"{kind} {value}" in known and f"{kind} S{value}" not in known
                own = "S" if last[0] == "S" and not plain else ""
            item = (own, value, more, following["dot"], following["digits"])
            numbers.append(_spell(item, prefix, kind, known))
        items.append((own or (last[0] if ranged else ""), value, more, "", following["digits"]))
        end = after
    if not prefix and letters != "S" and (elsewhere := _ELSEWHERE.match(text, end)):
        return [_normal("Supplementary ", kind, n.rpartition(" ")[2]) for n in numbers], elsewhere.end()
    return [n for n in numbers if n], end


def _spell(item: tuple[str, int, str, str, str], prefix: str, kind: str, known: frozenset[str]) -> str:
    letters, _, more, dot, digits = item
    whole = _normal(prefix, kind, f"{letters}{dot}{digits}{more}")
    if more and known and whole not in known:
        return _normal(prefix, kind, f"{letters}{dot}{digits}")
    return whole


@lru_cache(maxsize=4096)
def _normal(prefix: str, kind: str, number: str) -> str:
    label = parse_label(f"{prefix}{kind} {number}")
    return label.text if label and label.number else ""


@lru_cache(maxsize=1024)
def _range(prefix: str, kind: str, letters: str, first: int, last: int) -> tuple[str, ...]:
    return tuple(_normal(prefix, kind, f"{letters}{number}") for number in range(first, last + 1))


def _sentence_starts(text: str) -> list[int]:
    starts = [0]
    for found in _STOP.finditer(text):
        if found.end() < len(text) and _ends_sentence(text, found):
            starts.append(found.end())
    return starts


def _ends_sentence(text: str, found: re.Match[str]) -> bool:
    opener = _OPENER.match(text, found.end())
    if opener is None or opener[1].islower():
        return False
    if found["stop"] != ".":
        return True
    before = text[max(0, found.start() - 24) : found.start()]
    bare = _LAST_WORD.search(before)
    word = (bare[0] if bare else "").casefold().lstrip(".")
    if found["reference"] and found["reference"][0].isdigit() and (not word or word[-1].isdigit()):
        return False
    closed = found.start() + 1 < found.end() and text[found.start() + 1] in ")]\"'”’»"
    if word in _NEVER_LAST and not closed:
        return False
    if word in _BEFORE_NUMBERS:
        return not (opener[1].isdigit() or found["reference"])
    if len(word.rpartition(".")[2]) == 1 and word[-1].isalpha() and not closed:
        following = text[opener.start(1) : opener.start(1) + 16].partition(" ")[0]
        return following.casefold().strip(",") in _OPENERS
    return True


def _cut(text: str, first: int, last: int, start: int, end: int) -> tuple[int, int]:
    """The sentence from ``first`` to ``last``, or words around the cite where it is longer than allowed."""
    if last - first <= LONGEST:
        return first, last
    end = min(end, start + LONGEST // 2)
    low = max(first, min(start - (LONGEST - (end - start)) // 2, last - LONGEST))
    high = min(last, low + LONGEST)
    if low > first and (space := text.find(" ", low, start + 1)) >= 0:
        low = space + 1
    if high < last and (space := text.rfind(" ", end, high)) >= 0:
        high = space
    return low, high
