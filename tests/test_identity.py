"""What a PDF says of itself."""

import re
from pathlib import Path

import pymupdf
import pytest

from covidct_curate.extract.identity import read_identity
from covidct_curate.extract.page import read_page
from covidct_curate.records import Paper

STAMP = [
    "medRxiv preprint doi: https://doi.org/10.1101/2031.02.03.20012345; this version posted October 12, 2031.",
    "The copyright holder for this preprint (which was not certified by peer review) is the author/funder, who has",
    "granted medRxiv a license to display the preprint in perpetuity. It is made available under a",
    "CC-BY-NC-ND 4.0 International license .",
]
BODY = ["Abstract", "Objective: to see whether a drawn lung is read as one.", "References", "1. Other paper."]
Text = tuple[float, float, float, str]


def identity(
    *texts: Text,
    name: str = "paper",
    stamp: list[str] | None = None,
    rotate: int = 0,
    body: list[str] = BODY,
    bold: bool = False,
    **metadata: str | None,
) -> Paper:
    """The identity of a page with ``texts`` (x, y, size, words), perhaps a stamp, and a body."""
    with pymupdf.open() as document:
        page = document.new_page()
        for x, y, size, text in texts:
            page.insert_text((x, y), text, fontsize=size, fontname="hebo" if bold else "tiro")
        for number, line in enumerate(body):
            page.insert_text((72, 400 + 14 * number), line, fontsize=11, fontname="tiro")
        for number, line in enumerate(stamp or []):
            at = (40, 10 + 9 * number)
            if rotate:
                at = (10 + 9 * number, 700) if rotate == 90 else (580 - 9 * number, 40)
            page.insert_text(at, line, fontsize=8, fontname="helv", rotate=rotate)
        return read_identity([read_page(document, 0)], metadata, name)


@pytest.mark.parametrize("rotate", [0, 90, 270])
def test_the_stamp_says_it_all(rotate: int) -> None:
    paper = identity((72, 90, 16, "A title of several words"), stamp=STAMP, rotate=rotate)
    assert paper == Paper(
        doi="10.1101/2031.02.03.20012345",
        server="medRxiv",
        title="A title of several words",
        posted="2031-10-12",
        licence="cc_by_nc_nd",
        pages=1,
    )


@pytest.mark.parametrize(
    ("line", "posted"),
    [
        (
            "bioRxiv preprint first posted online Feb. 9, 2031; doi: http://dx.doi.org/10.1101/123456",
            "2031-02-09",
        ),
        (
            "bioRxiv preprint doi: https://doi.org/10.1101/123456 ; this version posted May 3, 2031.",
            "2031-05-03",
        ),
        ("bioRxiv preprint doi: https://doi.org/10.1101/123456. posted 26 March 2031", "2031-03-26"),
        ("bioRxiv preprint doi: https://doi.org/10.1101/123456. posted Foober 26, 2031", None),
        ("bioRxiv preprint doi: https://doi.org/10.1101/123456. posted February 30, 2031", None),
    ],
)
def test_the_date_in_all_wordings(line: str, posted: str | None) -> None:
    paper = identity(stamp=[line])
    assert (paper.doi, paper.server, paper.posted) == ("10.1101/123456", "bioRxiv", posted)


@pytest.mark.parametrize(
    ("words", "licence"),
    [
        ("available under a CC-BY 4.0 International license", "cc_by"),
        ("available under a CC-BY-NC 4.0 International license", "cc_by_nc"),
        ("available under a CC-BY-ND 4.0 International license", "cc_by_nd"),
        ("under a Creative Commons Attribution-ShareAlike license", "cc_by_sa"),
        ("made available for use under a CC0 license", "cc0"),
        ("All rights reserved. No reuse allowed without permission.", "cc_no"),
        ("perpetuity.", None),
    ],
)
def test_the_licence_in_the_stamp(words: str, licence: str | None) -> None:
    stamp = ["medRxiv preprint doi: https://doi.org/10.1101/2031.02.03.20012345", words]
    assert identity(stamp=stamp).licence == licence


@pytest.mark.parametrize(
    ("lines", "licence"),
    [
        (["This is an open access article distributed under the Creative Commons", "Attribution License, which"], "cc_by"),
        (["This article: Creative Commons Attribution-Non-", "Commercial-NoDerivatives License"], "cc_by_nc_nd"),
        (["Open access (https://creativecommons.org/licenses/by-nc/4.0/)"], "cc_by_nc"),
        (["Copyright 2031 A Society. All rights reserved."], "cc_no"),
        (["The scans of the public set are CC BY-SA."], None),
    ],
)  # fmt: skip
def test_the_licence_on_the_page(lines: list[str], licence: str | None) -> None:
    assert identity(body=lines).licence == licence


@pytest.mark.parametrize(
    ("name", "doi", "version"),
    [
        ("2031.02.03.20012345v2.full.pdf", "10.64898/2031.02.03.20012345", 2),
        ("2020.02.03.20012345v1.full", "10.1101/2020.02.03.20012345", 1),
        ("2020.02.03.912345", "10.1101/2020.02.03.912345", None),
        ("2020.02.03.20012345v1.full (1).pdf", "10.1101/2020.02.03.20012345", 1),
        ("123456v3.full", "10.1101/123456", 3),
        ("123456", None, None),
        ("scan-2020.02.03", None, None),
        ("", None, None),
    ],
)
def test_the_server_s_own_file_name(name: str, doi: str | None, version: int | None) -> None:
    paper = identity(name=name)
    assert (paper.doi, paper.version, paper.server) == (doi, version, None)


def test_the_text_gives_a_file_name_its_prefix() -> None:
    line = (72, 60, 9, "doi.org/10.1101/2031.02.03.20012345")
    assert identity(line, name="2031.02.03.20012345v1.full").doi == "10.1101/2031.02.03.20012345"


def test_a_version_of_another_paper_s_name_is_not_taken() -> None:
    paper = identity(stamp=STAMP, name="2020.01.01.20000001v3.full")
    assert (paper.doi, paper.version) == ("10.1101/2031.02.03.20012345", None)


@pytest.mark.parametrize(
    ("printed", "doi"),
    [
        ("https://doi.org/10.9999/abc.2031.4", "10.9999/abc.2031.4"),
        ("doi:10.9999/abc.2031.4.", "10.9999/abc.2031.4"),
        ("DOI 10.9999/S0000-1111(31)30154-9)", "10.9999/S0000-1111(31)30154-9"),
        ("https://doi.org/10.9999/S0000-1111%2831%2930154-9", "10.9999/S0000-1111(31)30154-9"),
        ("doi: 10.9999 / abc.2031.4", "10.9999/abc.2031.4"),
        (
            "https://www.site.org/content/10.1101/2020.02.03.20012345v1.full.pdf",
            "10.1101/2020.02.03.20012345",
        ),
        ("doi: 10.1101/gr.123456.131", "10.1101/gr.123456.131"),
        ("https://doi.org/10.9999/abc.2031.4?x=1#y", "10.9999/abc.2031.4"),
    ],
)
def test_a_doi_as_printed(printed: str, doi: str) -> None:
    assert identity((72, 60, 9, printed)).doi == doi


def test_a_doi_over_two_lines() -> None:
    assert (
        identity((72, 60, 9, "https://doi.org/10.9999/"), (72, 70, 9, "abc.2031.4")).doi
        == "10.9999/abc.2031.4"
    )
    assert (
        identity((72, 60, 9, "https://doi.org/10.9999/abc-"), (72, 70, 9, "2031")).doi == "10.9999/abc-2031"
    )


@pytest.mark.parametrize(
    "line",
    [
        "Now published in a journal: doi 10.9999/abc.2031.4",
        "The version of record of this paper: 10.9999/abc.2031.4",
        "Data are available at https://doi.org/10.9999/abc.2031.4",
        "https://doi.org/10.5281/zenodo.1234",
        "Corrigendum to 10.9999/abc.2031.4",
    ],
)
def test_the_doi_of_something_else(line: str) -> None:
    assert identity((72, 60, 9, line)).doi is None


def test_references_are_not_read() -> None:
    assert identity(body=["Introduction", "References", "1. A. Title. doi:10.9999/abc.2031.4"]).doi is None


def test_the_order_of_sources() -> None:
    line = (72, 60, 9, "doi:10.9999/printed")
    subject = "A journal, 10.9999/metadata"
    mention = (
        "This is followed by many words of running text, and then comes the doi:10.9999/mentioned in it."
    )
    assert identity(line, subject=subject, body=[mention]).doi == "10.9999/printed"
    assert identity(subject=subject, body=[mention]).doi == "10.9999/metadata"
    assert identity(body=[mention]).doi == "10.9999/mentioned"
    assert identity(line, name="2020.02.03.20012345v1.full").doi == "10.1101/2020.02.03.20012345"
    assert identity(line, stamp=STAMP, name="2020.02.03.20012345v1.full").doi == "10.1101/2031.02.03.20012345"


def test_a_body_that_speaks_of_a_server_is_no_stamp() -> None:
    paper = identity(body=["We searched every", "medRxiv preprint of the year, and read them."])
    assert (paper.server, paper.doi) == (None, None)


HEAD = [(72.0, 90.0, 16.0, "A drawn lung is read as a lung"), (72.0, 110.0, 16.0, "by most of its readers")]
TITLE = "A drawn lung is read as a lung by most of its readers"


@pytest.mark.parametrize(
    "title",
    ["68949020", "paper", "Microsoft Word - draft_3.docx", "untitled", "4078215.dvi", "", None, "Title Page",
     "A template for the Journal of Fine Templates"],
)  # fmt: skip
def test_a_metadata_title_that_is_none(title: str | None) -> None:
    body = [
        *BODY[:2],
        "Enough words stand on this page that a title which has none of them is plainly another one's, ",
    ]
    head = [
        *HEAD,
        (72, 140, 11, "Ann Author, Ben Writer, University of Somewhere, twenty words in all stand here"),
    ]
    assert identity(*head, title=title, body=body).title == TITLE


def test_a_metadata_title_that_is_one() -> None:
    assert (
        identity(*HEAD, title="A drawn lung is read  as a lung\x00 by most").title
        == "A drawn lung is read as a lung by most"
    )


def test_the_title_is_no_running_head() -> None:
    paper = identity(
        (72, 40, 20, "ORIGINAL RESEARCH"),
        (72, 62, 18, "Journal of Drawn Lungs"),
        *HEAD,
        (72, 140, 10, "Ann Author"),
    )
    assert paper.title == TITLE


def test_a_title_in_the_type_of_the_text_but_bold() -> None:
    with pymupdf.open() as document:
        page = document.new_page()
        for y, font, text in (
            (80, "tibo", "Title: A drawn lung is read as a lung"),
            (104, "tibo", "by most of its readers"),
            (128, "tiro", "Ann Author and Ben Writer and Cora Scribe"),
            (160, "tibo", "Abstract"),
        ):
            page.insert_text((72, y), text, fontsize=11, fontname=font)
        assert read_identity([read_page(document, 0)], {}, "paper").title == TITLE


def test_a_long_title_is_cut() -> None:
    title = identity(title=" ".join(["lung"] * 300)).title
    assert title is not None and len(title) <= 500 and title.endswith("lung…")


def test_nothing_known() -> None:
    assert identity(body=[]) == Paper(pages=1)
    assert read_identity([], {}, "paper", page_count=7) == Paper(pages=7)


def test_real_preprints_say_who_they_are(papers: Path) -> None:
    for path in sorted((papers / "preprints").glob("*.pdf")):
        with pymupdf.open(path) as document:
            pages = [read_page(document, number) for number in range(2)]
            paper = read_identity(pages, document.metadata, path.stem, page_count=document.page_count)
        assert paper.doi == f"10.1101/{path.stem}"
        assert paper.server in ("bioRxiv", "medRxiv") and paper.licence and paper.pages > 2
        assert paper.title and len(paper.title) > 30
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", paper.posted or "")


def test_real_journal_papers_say_who_they_are(papers: Path) -> None:
    for path in sorted((papers / "jats").glob("*.pdf")):
        gold = re.search(r'pub-id-type="doi"[^>]*>([^<]+)<', path.with_suffix(".xml").read_text("utf-8"))
        with pymupdf.open(path) as document:
            paper = read_identity([read_page(document, 0)], document.metadata, path.stem)
        assert gold is not None and paper.doi is not None
        assert (paper.doi.casefold(), paper.server) == (gold[1].casefold(), None), path.stem
