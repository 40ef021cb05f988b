"""Which paper a PDF is: DOI, server, version, title, date and licence, as the file itself states them.

Where a fact is looked for, the first that has it wins:

1. the **stamp** that the preprint server prints on the pages: it is the server's word on this very file;
2. the **file name**, where it is the server's own form (``2031.02.03.20012345v1.full.pdf``): given by the
   server with the download, and never the name of another paper;
3. a line of the **first page** that is a DOI and little else: how journals print their own;
4. the **metadata**: right when a publisher wrote it, but word processors carry it over from templates;
5. any other DOI of the **first two pages**, unless the words before it say that it is another paper's, a
   data set's, or that of the published version.

References are not read: most DOIs of a text are those of other papers. The DOI's prefix does not tell the
server (10.1101 and 10.64898 belong to both, and to journals): only the stamp's words do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import unquote

from covidct_curate.extract.page import Line, Page
from covidct_curate.extract.text import clean
from covidct_curate.records import Paper

_STAMP = re.compile(r"\b(?P<server>bio|med)rxiv\s+preprint\b", re.I)
_STAMP_WORDS = re.compile(r"10\.\d{4,}|\bposted\b|copyright holder|author/funder", re.I)
_STAMP_REACH = 40.0
"""Points that a stamp's other lines lie from the one that names the server, at most."""
_STAMP_LINES = 60

_SERVER_DOI = re.compile(
    r"(?<![\d.])(?P<prefix>10\.(?:1101|64898))\s?/\s?"
    r"(?P<suffix>\d{4}\.\s?\d{2}\.\s?\d{2}\.\s?\d{6,8}|\d{6})(?:v(?P<version>\d{1,2}))?(?!\d|\.\d)",
    re.I,
)
_DOI = re.compile(r"(?<![\d.])10\.\d{4,9}\s?/\s?[^\s\"<>“”‘’|]{2,200}")
_SPLIT_DOI = re.compile(
    r"(10\.\d{4,9}/[^\s\"<>“”‘’|]{0,100}[/._-]|10\.\d{4,9}/?|(?:doi\.org/|doi:)\s?)$", re.I
)
_JUNK = re.compile(
    r"(?:[?#&].*|/(?:full|abstract|pdf|epdf|meta|html?)|\.(?:pdf|full|html?|full-text|abstract))+$", re.I
)
_NAME = re.compile(
    r"^(?P<suffix>\d{4}\.\d{2}\.\d{2}\.\d{6,8}|\d{6}(?=v\d))(?:v(?P<version>\d{1,2}))?(?![\d.]*\d)(?:\D.*)?$",
    re.I,
)
_REPOSITORIES = (
    "10.5281/", "10.6084/", "10.5061/", "10.17605/", "10.7910/", "10.17632/", "10.6019/", "10.17504/", "10.13140/",
    "10.13039/", "10.5524/", "10.25504/",
)  # fmt: skip
"""Data, protocols and funders (Zenodo, figshare, Dryad, OSF, Dataverse, Mendeley Data, …)."""
_OTHERS = re.compile(
    r"version of record|published (?:version|article|in|as|online)|now published|(?:has been|was) published|"
    r"originally|corrigendum|erratum|correction to|retract|comment on|reply to|supplement|data ?sets?|deposited|"
    r"data (?:are|is)|code (?:are|is)|available (?:at|from|in)|repository|see also|\[\d{1,3}\]",
    re.I,
)
_REFERENCES = re.compile(r"\W*(?:references|bibliography|literature cited|works cited)\W*", re.I)

_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec"
_DATE = re.compile(
    r"posted(?:\s+online)?:?\s*(?:on\s+)?(?:(?P<month>[a-z]{3,9})\.?\s+(?P<day>\d{1,2}),?\s+(?P<year>\d{4})"
    r"|(?P<day2>\d{1,2})\s+(?P<month2>[a-z]{3,9})\.?,?\s+(?P<year2>\d{4})|(?P<iso>\d{4}-\d{2}-\d{2}))",
    re.I,
)

_CC = re.compile(
    r"\bcc[\s_-]*0\b|\bcc[\s_-]*zero\b|creativecommons\.org/publicdomain/zero|creative commons zero|"
    r"\bcc[\s_-]*by(?P<short>(?:[\s_-]*(?:nc|nd|sa)\b)*)|"
    r"creativecommons\.org/licenses/by(?P<url>(?:-(?:nc|nd|sa))*)|"
    r"creative\s+commons[\s,:(]+attribution(?P<words>(?:[\s,/-]*(?:non-?\s?commercial|no-?\s?deriv\w*|share-?\s?alike))*)",
    re.I,
)
_NO_REUSE = re.compile(r"no re-?use allowed|all rights reserved", re.I)
_OF_ITSELF = re.compile(
    r"open[\s-]+access|\b(?:this|the) (?:article|work|paper|manuscript|preprint)\b|©|\(c\)|copyright|licensee",
    re.I,
)


@dataclass(frozen=True, slots=True)
class _Stamp:
    text: str
    server: str


def read_identity(
    pages: Sequence[Page], metadata: Mapping[str, str | None], name: str, *, page_count: int | None = None
) -> Paper:
    """The paper that ``pages`` are, read with their running matter. What nothing states is None.

    ``metadata`` is the PDF's own (PyMuPDF's ``Document.metadata``), ``name`` the file's name or stem.
    ``page_count`` is the document's, where ``pages`` are not all of it. Raises nothing.
    """
    stamp = _find_stamp(pages)
    words = stamp.text if stamp else ""
    head = [_text_lines(page) for page in pages[:2]]
    named = _NAME.match(_stem(name))
    doi, version = _stamped_doi(words)
    if doi is None and named:
        doi = _named_doi(named["suffix"], head)
    if doi is None:
        doi = _own_line(head[:1]) or _from_metadata(metadata) or _in_text(head)
        found = _SERVER_DOI.fullmatch(doi) if doi else None
        version = version or (found["version"] if found else None)
    if version is None and named and (doi or "").endswith(f"/{named['suffix']}"):
        version = named["version"]
    return Paper(
        doi=_bare(doi) if doi else None,
        server=stamp.server if stamp else None,
        version=int(version) if version and int(version) else None,
        title=_metadata_title(metadata, name, head) or _printed_title(pages[:2], stamp),
        posted=_posted(words),
        licence=_licence(words, pages),
        pages=len(pages) if page_count is None else page_count,
    )


def _stem(name: str) -> str:
    return clean(unquote(name)).rsplit("/", 1)[-1].removesuffix(".pdf").removesuffix(".PDF")


# The stamp


def _find_stamp(pages: Iterable[Page]) -> _Stamp | None:
    """The text of the first stamp, its lines brought into reading order even where it is set vertically."""
    for page in pages:
        for line in page.lines:
            found = _STAMP.match(clean(line.text)) if "rxiv" in line.text.casefold() else None
            if found is None:
                continue
            near = [other for other in page.lines if _is_near(line, other)][:_STAMP_LINES]
            text = clean(" ".join(other.text for other in _reading_order(near, line.upright)))
            if _STAMP_WORDS.search(text):
                return _Stamp(text, "bioRxiv" if found["server"].lower() == "bio" else "medRxiv")
    return None


def _is_near(line: Line, other: Line) -> bool:
    across = 1 if line.upright else 0
    if other.upright is not line.upright or abs(other.bbox[across] - line.bbox[across]) > _STAMP_REACH:
        return False
    return abs(other.lead.size - line.lead.size) < 0.6 and other.lead.font == line.lead.font


def _reading_order(lines: list[Line], upright: bool) -> list[Line]:
    if upright:
        return sorted(lines, key=lambda line: (round(line.bbox[1] / 3), line.bbox[0]))
    upwards = sum(line.bbox[3] for line in lines if _STAMP.search(line.text)) > sum(
        line.bbox[3] for line in lines if "copyright" in line.text.casefold()
    )
    if upwards:
        return sorted(lines, key=lambda line: (round(line.bbox[0] / 3), -line.bbox[3]))
    return sorted(lines, key=lambda line: (-round(line.bbox[0] / 3), line.bbox[1]))


def _stamped_doi(text: str) -> tuple[str | None, str | None]:
    if found := _SERVER_DOI.search(text):
        return f"{found['prefix']}/{found['suffix']}".replace(" ", ""), found["version"]
    other = _DOI.search(text)
    return (_trim(other[0]) if other else None), None


def _posted(text: str) -> str | None:
    for found in _DATE.finditer(text):
        try:
            if found["iso"]:
                return date.fromisoformat(found["iso"]).isoformat()
            month = (found["month"] or found["month2"])[:3].casefold()
            number = _MONTHS.split().index(month) + 1
            return date(
                int(found["year"] or found["year2"]), number, int(found["day"] or found["day2"])
            ).isoformat()
        except ValueError:
            continue
    return None


# The DOI


def _named_doi(suffix: str, head: Sequence[Sequence[str]]) -> str:
    """The DOI of a server's file name, with the prefix the text gives it, else the one of its time."""
    for found in _SERVER_DOI.finditer(" ".join(line for lines in head for line in lines)):
        if found["suffix"].replace(" ", "") == suffix:
            return f"{found['prefix']}/{suffix}"
    return f"10.64898/{suffix}" if suffix >= "2025.12.01" and "." in suffix else f"10.1101/{suffix}"


def _own_line(head: Sequence[Sequence[str]]) -> str | None:
    for lines in head:
        for line in lines:
            found = _DOI.search(line)
            doi = _trim(found[0]) if found else ""
            if found and doi and len(line) - len(doi) <= 45 and _is_own(doi, line[: found.start()]):
                return doi
    return None


def _from_metadata(metadata: Mapping[str, str | None]) -> str | None:
    for value in metadata.values():
        if value and (found := _DOI.search(clean(value[:5000]))):
            doi = _trim(found[0])
            if doi and _is_own(doi, ""):
                return doi
    return None


def _in_text(head: Sequence[Sequence[str]]) -> str | None:
    for lines in head:
        text = " ".join(lines)
        for found in _DOI.finditer(text):
            doi = _trim(found[0])
            if doi and _is_own(doi, text[max(0, found.start() - 120) : found.start()]):
                return doi
    return None


def _is_own(doi: str, before: str) -> bool:
    return not doi.lower().startswith(_REPOSITORIES) and not _OTHERS.search(before)


def _trim(doi: str) -> str:
    """Without what stands around a DOI in a text: stops, quotes, brackets it did not open, ``.full.pdf``."""
    doi = unquote(doi.replace(" ", ""))
    while doi:
        short = _JUNK.sub("", doi.rstrip(".,;:'\"*†‡"))
        if short[-1:] in ")]}" and short.count(short[-1]) > short.count("([{"[")]}".index(short[-1])]):
            short = short[:-1]
        if short == doi:
            break
        doi = short
    doi = "".join(c for c in doi if c.isprintable() and not c.isspace())
    return doi if len(doi.partition("/")[2]) > 1 else ""


def _bare(doi: str) -> str:
    found = _SERVER_DOI.match(doi)
    return f"{found['prefix']}/{found['suffix']}" if found else doi


def _text_lines(page: Page) -> list[str]:
    """The page's lines as text, references left out; a DOI broken over a line's end is whole again."""
    result: list[str] = []
    cited = False
    for line in page.lines:
        text = clean(line.text[:5000])
        cited = cited or _REFERENCES.fullmatch(text) is not None
        if cited and 0.12 * page.height < line.bbox[1] < 0.92 * page.height:
            continue
        if result and _SPLIT_DOI.search(result[-1]) and (result[-1][-1:] in "/._-:" or text.startswith("/")):
            result[-1] += text
        else:
            result.append(text)
    return result


# The licence


def _licence(stamp: str, pages: Sequence[Page]) -> str | None:
    """The stamp's licence, else the one that the paper states of itself, on the first pages or at its end."""
    if found := _CC.search(stamp):
        return _cc_name(found)
    if _NO_REUSE.search(stamp):
        return "cc_no"
    reserved = False
    for number, page in enumerate(pages):
        text = clean(" ".join(line.text[:5000] for line in page.lines))
        for found in _CC.finditer(text):
            if _OF_ITSELF.search(text[max(0, found.start() - 250) : found.end() + 60]):
                return _cc_name(found)
        reserved = reserved or (number < 2 and _NO_REUSE.search(text) is not None)
    return "cc_no" if reserved else None


def _cc_name(found: re.Match[str]) -> str:
    if found["short"] is None and found["url"] is None and found["words"] is None:
        return "cc0"
    terms = re.sub(r"[\s_-]", "", (found["short"] or found["url"] or found["words"] or "").casefold())
    name = "cc_by"
    for term, word in (("nc", "noncommercial"), ("nd", "noderiv"), ("sa", "sharealike")):
        long = found["words"] is not None
        if (word if long else term) in terms:
            name += f"_{term}"
    return name


# The title

_LONGEST_TITLE = 500
_NO_TITLE = re.compile(
    r"""(?:\W*(?:(?:original|research|review|case|short|brief|rapid|clinical|regular|full|open)[\s-]*
      (?:research|case|access)?\s*(?:article|report|paper|communication|study|letter|series|image|length)?s?
      | article | report | letter | editorial | manuscript | title(?:\s+page)? | main\s+text | cover\s+page
      | (?:a\s+)?preprint.* | abstract | summary | untitled.* | template.* | supplementary.* | authors?
      | (?:journal\s+of|hindawi|plos|elsevier|springer|frontiers\s+in|bmc|the\s+lancet|nature)\b.{0,60} | contents.*
      )\W*)+""",
    re.I | re.X,
)
_FILE = re.compile(
    r"\.(?:docx?|rtf|tex|dvi|pdf|indd|qxd|odt|pages|ps|eps|pptx?|xlsx?|png|jpe?g|tiff?)\b|^(?:microsoft word|pii)\b|[\\_]|10\.\d{4,}/",
    re.I,
)
_TITLE_WORD = re.compile(r"^(?:full\s+|article\s+|running\s+)?title(?:\s+page)?\s*[:.–-]\s*", re.I)
_AFTER_TITLE = re.compile(r"\W*(?:abstract|summary|key\s?words|introduction|background)\b", re.I)
_WORD = re.compile(r"[^\W\d_]{2,}")


def _metadata_title(
    metadata: Mapping[str, str | None], name: str, head: Sequence[Sequence[str]]
) -> str | None:
    """The metadata's title where it can be one and its words stand on the first pages."""
    title = clean((metadata.get("title") or "")[:2000])
    words = _WORD.findall(title.casefold())
    if (
        len(words) < 3
        or _FILE.search(title)
        or _NO_TITLE.fullmatch(title)
        or title.casefold() == name.casefold()
    ):
        return None
    text = " ".join(line for lines in head for line in lines).casefold()
    printed = set(_WORD.findall(re.sub(r"(\w)- (?=\w)", r"\1", text))) | set(_WORD.findall(text))
    if len(printed) > 20 and sum(word in printed for word in words) < 0.75 * len(words):
        return None
    return _shorten(title)


def _printed_title(pages: Sequence[Page], stamp: _Stamp | None) -> str | None:
    """The block of lines in the largest type at the head of the first page that has one."""
    for page in pages:
        best: tuple[float, str] | None = None
        for block in _blocks(_head_lines(page, stamp)):
            text = _TITLE_WORD.sub("", clean(" ".join(_plain(line) for line in block)))
            if len(_WORD.findall(text)) < 3 and len(text) < 12:
                continue
            weight = round(block[0].lead.size * 2) / 2 + (0.4 if block[0].lead.bold else 0.0)
            if best is None or weight > best[0]:
                best = weight, text
        if best:
            return _shorten(best[1])
    return None


def _head_lines(page: Page, stamp: _Stamp | None) -> list[Line]:
    lines = sorted(
        (line for line in page.lines if line.upright), key=lambda line: (line.bbox[1], line.bbox[0])
    )
    kept: list[Line] = []
    for line in lines:
        text = clean(line.text)
        if kept and _AFTER_TITLE.match(text):
            break
        stamped = stamp is not None and len(text) > 1 and text in stamp.text
        if _WORD.search(text) and not stamped and not _NO_TITLE.fullmatch(text) and not _DOI.search(text):
            kept.append(line)
        if len(kept) >= 30 or (kept and line.bbox[1] > 0.75 * page.height):
            break
    return kept


def _blocks(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines of one size and weight that follow each other, in a column of their own or across the page."""
    blocks: list[list[Line]] = []
    for line in lines:
        home = next((block for block in reversed(blocks) if _follows(block[-1], line)), None)
        if home is None:
            blocks.append([line])
        elif len(home) < 12:
            home.append(line)
    return blocks


def _follows(last: Line, line: Line) -> bool:
    size = line.lead.size
    if abs(last.lead.size - size) >= 0.6 or last.lead.bold is not line.lead.bold:
        return False
    same_row = abs(last.baseline - line.baseline) < 0.3 * size
    above = min(last.bbox[2], line.bbox[2]) > max(last.bbox[0], line.bbox[0])
    # a title in bold type is told from what follows by that, and so may be set with double spacing
    return same_row or (above and line.bbox[1] - last.bbox[3] < (1.8 if line.lead.bold else 1.3) * size)


def _plain(line: Line) -> str:
    return "".join(span.text for span in line.spans if not span.superscript)


def _shorten(title: str) -> str | None:
    title = title.strip(" *†‡§#")
    if len(title) > _LONGEST_TITLE:
        title = title[: _LONGEST_TITLE - 1].rsplit(" ", 1)[0] + "…"
    return title or None
