"""What a paper's JATS tells of it: only its front is read, and nothing outside of it.

Seen in some of the servers' packages: ``&nbsp;`` and bare ``&``, white space before the declaration.
"""

from __future__ import annotations

import re
from html.entities import html5
from typing import Final
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat
from xml.sax.saxutils import escape

from covidct_curate.crawl.preprint import SERVERS, Preprint, day, named, number, text
from covidct_curate.licences import known

_DEEPEST: Final = 100
_DECLARATION = re.compile(rb"<\?xml\s[^>]*\?>")
_AMPERSAND = re.compile(
    rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)(?:(?P<name>[A-Za-z][A-Za-z0-9]{1,30});)?"
)
_BLOCKS: Final = frozenset({"p", "title", "sec", "list-item", "label", "break"})
_VERSION = re.compile(r"(?:1\.)?([0-9]{1,3})")


def element(xml: bytes, name: str) -> Element:
    """The first element of that name in a document, or in its beginning; all names without their prefixes.

    Nothing outside the document is looked at. Raises ValueError, also when it declares entities.
    """
    parser, builder = expat.ParserCreate(), TreeBuilder()
    parser.buffer_text = True
    depth, done = 0, False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        tag = tag.rpartition(":")[2]
        if depth or (tag == name and not done):
            depth += 1
            if depth > _DEEPEST:
                raise ValueError(f"elements lie more than {_DEEPEST} deep")
            plainest = sorted(attributes.items(), key=lambda each: ":" not in each[0])
            builder.start(tag, {key.rpartition(":")[2]: value for key, value in plainest})

    def end(tag: str) -> None:
        nonlocal depth, done
        if depth:
            tag = tag.rpartition(":")[2]
            builder.end(tag)
            depth -= 1
            done = depth == 0
            if depth and tag in _BLOCKS:
                builder.data(" ")

    def data(characters: str) -> None:
        if depth:
            builder.data(characters)

    def refuse(*_: object) -> None:
        raise ValueError("it declares entities")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.EntityDeclHandler = data, refuse
    try:
        parser.Parse(_mended(xml), False)
    except (expat.ExpatError, LookupError) as error:
        raise ValueError(f"it is no XML: {error}") from error
    if not done:
        raise ValueError(f"it has no <{name}>, or no end of it")
    return builder.close()


def _mended(xml: bytes) -> bytes:
    """XML without the usual faults: its declaration comes first, and each ``&`` begins what XML knows."""
    xml = xml.removeprefix(b"\xef\xbb\xbf").lstrip()
    if (found := _DECLARATION.search(xml[:1000])) and found.start():
        xml = found[0] + xml[: found.start()] + xml[found.end() :]
    return _AMPERSAND.sub(_entity, xml)


def _entity(found: re.Match[bytes]) -> bytes:
    """A character of HTML, or the ``&`` itself, as XML writes it."""
    character = html5.get(f"{(found['name'] or b'').decode()};")
    return escape(character).encode() if character else b"&amp;" + found[0][1:]


def preprint(front: Element, server: str, url: str) -> Preprint:
    """What a JATS tells of its paper. Raises ValueError without a DOI, or a day."""
    meta = front.find("article-meta")
    if meta is None:
        raise ValueError("it has no <article-meta>")
    dois = [_text(each) for each in meta.findall("article-id") if each.get("pub-id-type") == "doi"]
    paper = named(dois[0]) if dois else None
    if paper is None:
        raise ValueError("it tells no DOI")
    posted = _posted(meta)
    if not posted:
        raise ValueError("it tells no day of posting")
    versions = [_VERSION.fullmatch(_text(each)) for each in meta.iter("article-version")]
    abstracts = [each for each in meta.findall("abstract") if not each.get("abstract-type")]
    return Preprint(
        doi=paper[0],
        version=next((number(found[1]) for found in versions if found), None),
        server=SERVERS[server],
        title=_text(meta.find("title-group/article-title")),
        abstract=_text(abstracts[0] if abstracts else None),
        authors="; ".join(filter(None, map(_author, meta.findall("contrib-group/contrib")))),
        posted=posted,
        category=_subject(meta, "hwp-journal-coll"),
        licence=_licence(meta),
        url=url,
        kind=_subject(meta, "heading"),
    )


def _text(element: Element | None) -> str:
    return "" if element is None else text("".join(element.itertext()))


def _posted(meta: Element) -> str:
    """The day of posting: where only its year is told, that of acceptance, the nearest that is told."""
    history = {each.get("date-type"): _day(each) for each in meta.findall("history/date")}
    told = [_day(each) for each in meta.findall("pub-date")]
    told += [history.get(kind, "") for kind in ("accepted", "rev-recd", "received")]
    return next(filter(None, told), "")


def _day(element: Element) -> str:
    year, month, of_month = (_text(element.find(part)) for part in ("year", "month", "day"))
    return day(f"{year}-{month.zfill(2)}-{of_month.zfill(2)}")


def _author(contributor: Element) -> str:
    if contributor.get("contrib-type", "author") != "author":
        return ""
    name = contributor.find(".//name")
    if name is None:
        return _text(contributor.find("collab")) or _text(contributor.find("string-name"))
    return ", ".join(filter(None, (_text(name.find("surname")), _text(name.find("given-names")))))


def _subject(meta: Element, kind: str) -> str:
    groups = [each for each in meta.iter("subj-group") if each.get("subj-group-type") == kind]
    return _text(groups[0].find("subject")) if groups else ""


def _licence(meta: Element) -> str:
    """As the API calls it, such as ``cc_by_nc``; where the JATS names no licence that is known, or two, its words."""
    told = [text(each.get("href")) for each in meta.findall("permissions//*")]
    told += [_text(each) for each in meta.findall("permissions//license_ref")]
    licences = {found.spdx: found for each in told if (found := known(each))}
    if len(licences) == 1:
        found = next(iter(licences.values()))
        return found.key if known(found.key) == found else found.spdx
    words = _text(meta.find("permissions/license"))
    return "cc_no" if not licences and "all rights reserved" in words.casefold() else words
