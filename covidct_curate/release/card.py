"""The data card: a release's README.md. It counts, names sources and limits, and claims nothing about a disease."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import quote

from covidct_curate.audit.subject import PARTS
from covidct_curate.licences import known
from covidct_curate.release.formats.rows import ordered
from covidct_curate.release.item import About, Item

_SPECIAL = re.compile(r"([\\`*_\[\]|~$])")
_START = re.compile(r"^(?:[#+=-]|\d+[.)](?=\s|$))")
"""What begins a heading, a list or a rule."""
_LONGEST = 300
_MOST = 50
"""Rows of a table; the rest is counted."""
Cells = Sequence[str | int]
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_ADDRESS = re.compile(r"https?://[\w./~%?=&#:-]+")

_PRIVATE = """> **Private: do not redistribute.** This folder holds pictures whose licences do not allow sharing them, or do not
> state anything. It is for work within the group that made it. Release it again without `--private` before you hand
> any of it on.

"""

_USE = """## What it is for, and what not

For research on methods: reading figures out of papers, learning from few images, testing how models fail. **Never for
diagnosis**, triage or any other decision about a patient. A score reached on these pictures says how well a model
tells these sources apart, not how well it would find a disease.

"""

_LIMITS = """## Known limits

- **Labels come from words.** The class of a picture is what its paper's caption and text say of the patient, read by
  rules and confirmed by the reviewers named above; nobody examined the patient again, and most papers do not say how
  the disease was confirmed.
- **Pictures come from figures.** Authors choose striking slices, set grey levels freely, draw arrows and letters on
  them and compress them: window, slice thickness and scanner are mostly unknown, and 8 grey bits are no Hounsfield
  units.
- **One slice is not a patient.** Often there are several pictures of one patient; count and split by patient.
- **Sources differ between the classes.** Where one class comes from other papers, hospitals or machines than the
  other, borders, size, sharpness and grey levels tell them apart. All files are alike in format, but a model can still
  learn the source: report a baseline that sees only borders and histograms beside every result.
- **The classes are not as frequent as in any clinic**, and ages, sexes and places are those of published cases.
"""


def plain(text: str, longest: int = _LONGEST) -> str:
    """Hostile text on one line of Markdown, in or outside a table, as nothing but text.

    Control and invisible characters are left out, white space is folded, what is longer is cut. No HTML, link, image,
    emphasis, mention or table cell comes of it.
    """
    kept = "".join(each if unicodedata.category(each)[0] != "C" or each in "\n\t\r" else "" for each in text)
    folded = " ".join(kept.split())
    if len(folded) > longest:
        folded = f"{folded[: longest - 1]}…"
    folded = folded.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    folded = _SPECIAL.sub(r"\\\1", folded)
    folded = folded.replace("@", "&#64;").replace("://", "&#58;//")
    folded = re.sub(r"\bwww\.", "www&#46;", folded, flags=re.IGNORECASE)
    return _START.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", folded)


def card(items: Sequence[Item], about: About) -> str:
    """The README of a release of ``items``, in Markdown. Items that are not shared are only counted."""
    shared = ordered(items)
    return "".join(
        (
            f"# {plain(about.name)}\n\n",
            _PRIVATE if about.private else "",
            f"{plain(about.description, 2000)}\n\n" if about.description else "",
            f"Version {plain(about.version)}, made with {plain(about.tool)}"
            f"{f', newest decision of {plain(about.decided_at)}' if about.decided_at else ''}.\n\n",
            _USE,
            _contents(shared, about),
            _made(shared, about),
            _reviewers(shared, about),
            _licences(items, shared),
            _LIMITS,
            _own_limits(shared, about),
            _contact(about),
            _citation(shared, about),
        )
    )


def _contents(items: Sequence[Item], about: About) -> str:
    classes = [(about.positive, about.positive_folder, True), (about.negative, about.negative_folder, False)]
    rows: list[Cells] = []
    for word, folder, positive in classes:
        members = [item for item in items if item.positive == positive]
        parts = Counter(item.part for item in members)
        rows.append(
            [
                f"{plain(word)} (`{folder}/`)",
                *(parts[part] for part in PARTS),
                len(members),
                _patients(members),
                _papers(members),
            ]
        )
    every = Counter(item.part for item in items)
    rows.append(["all", *(every[part] for part in PARTS), len(items), _patients(items), _papers(items)])
    text = "## What is in it\n\n" + _table(("class", *PARTS, "pictures", "patients", "sources"), rows)
    told: tuple[tuple[str, Callable[[Item], str]], ...] = (
        ("source", lambda item: item.origin.dataset or item.origin.server or "papers"),
        ("modality", lambda item: item.modality),
    )
    for name, key in told:
        text += _counted(name, items, key, about)
    known_ages = [item for item in items if item.patient.age]
    known_sexes = Counter(item.patient.gender for item in items if item.patient.gender)
    sexes = ", ".join(f"{count:,} {word}" for word, count in sorted(known_sexes.items()))
    return text + (
        f"Age is known for {len(known_ages):,} pictures, sex for {known_sexes.total():,}"
        f"{f' ({plain(sexes)})' if sexes else ''}. Ages over 89 are given as 90+.\n\n"
        "`metadata.jsonl` has a line for each picture with all that is known of it; `COVID-CT-MetaInfo.xlsx` the same "
        "as a sheet, the columns of COVID-CT first. `Data-split/` lists the parts. `recipe.jsonl` tells how to make "
        "each picture again from its paper, and `checksums.sha256` whether the files are whole.\n\n"
    )


def _patients(items: Iterable[Item]) -> int:
    return len({item.patient.id or item.uid for item in items})


def _papers(items: Iterable[Item]) -> int:
    return len({(item.origin.dataset, item.origin.doi or item.origin.source) for item in items})


def _counted(name: str, items: Sequence[Item], key: Callable[[Item], str], about: About) -> str:
    counts = Counter((key(item), item.positive) for item in items)
    words = sorted(
        {word for word, _ in counts}, key=lambda word: (-counts[word, True] - counts[word, False], word)
    )
    rows: list[Cells] = [
        [plain(word) or "not known", counts[word, True], counts[word, False]] for word in words
    ]
    return _table((name, plain(about.positive), plain(about.negative)), rows)


def _made(items: Sequence[Item], about: About) -> str:
    undecided = sum(not item.decided for item in items)
    imported = sum(bool(item.origin.dataset) for item in items)
    lines = [
        "Figures and captions were read from papers' PDFs, compound figures cut into their panels, and modality, class "
        "and patient read from the words by rules; reviewers then kept or dropped each picture."
        if imported < len(items)
        else "",
        f"{imported:,} pictures came in from other datasets or as scans, with the classes given there; the table of "
        "sources names them."
        if imported
        else "",
        "Every picture is a PNG without metadata; its pixels are those of the embedded image where there is one.",
        f"Split: {plain(about.split)}; seed {about.seed}." if about.split else "",
        *(plain(note, 1000) for note in about.notes),
    ]
    text = "## How it was made\n\n" + "".join(f"- {line}\n" for line in lines if line)
    if undecided:
        text += f"- **{undecided:,} of the pictures nobody has reviewed**: `decided` is false in `metadata.jsonl`.\n"
    if about.counts:
        text += "\n" + _table(
            ("", ""), [[plain(word), count] for word, count in about.counts.items()]
        ).rstrip("\n")
        text += "\n"
    return text + "\n"


def _reviewers(items: Sequence[Item], about: About) -> str:
    people = Counter(name for item in items for name in dict.fromkeys(item.reviewers))
    text = "## Reviewers\n\n"
    if not people:
        return text + "None.\n\n"
    text += _table(
        ("reviewer", "pictures"),
        [
            [plain(name), count]
            for name, count in sorted(people.items(), key=lambda each: (-each[1], each[0]))
        ],
    )
    rows: list[Cells] = [
        [
            f"{plain(pair.first)}, {plain(pair.second)}",
            plain(field.field),
            field.pictures,
            _share(field.raw),
            _share(field.kappa),
        ]
        for pair in about.agreement
        for field in pair.fields
    ]
    if not rows:
        return (
            text
            + "No two reviewers decided about the same pictures: how far they would agree is not known.\n\n"
        )
    head = ("reviewers", "field", "pictures", "raw agreement", "Cohen's kappa")
    return text + "How far they agree on the pictures that both decided:\n\n" + _table(head, rows)


def _share(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.2f}"


def _licences(items: Sequence[Item], shared: Sequence[Item]) -> str:
    """Licences of the pictures, and what they are the reason for leaving out."""
    inside: Counter[str] = Counter()
    addresses: dict[str, str] = {}
    terms: set[str] = set()
    for item in shared:
        licence = known(item.origin.licence)
        name = plain(licence.name if licence else item.origin.licence or "not stated")
        inside[name] += 1
        addresses[name] = licence.url if licence else ""
        terms |= licence.terms if licence else set()
    rows: list[Cells] = [
        [f"[{name}]({addresses[name]})" if addresses[name] else name, count]
        for name, count in sorted(inside.items(), key=lambda each: (-each[1], each[0]))
    ]
    text = (
        "## Licences\n\nEach picture keeps the licence of its source, and its authors must be named: `LICENSES.csv` has "
        "licence, title and DOI of every one, and what was changed.\n\n"
        + _table(("licence", "pictures"), rows)
    )
    if "nc" in terms:
        text += "Some of these licences exclude commercial use, so the dataset as a whole may not be used commercially.\n\n"
    if "sa" in terms:
        text += "Pictures under a share-alike licence, and what is made of them, must be passed on under the same one.\n\n"
    out = Counter(plain(item.why) for item in items if not item.shared)
    if out:
        text += (
            f"Not here, since they may not be shared: {out.total():,} pictures. `recipe.jsonl` tells how to make them "
            "from the papers, which each user gets for themselves.\n\n"
        )
        reasons = sorted(out.items(), key=lambda each: (-each[1], each[0]))
        text += _table(("why", "pictures"), reasons)
    return text


def _own_limits(items: Sequence[Item], about: About) -> str:
    positive = sum(item.positive for item in items)
    text = ""
    if items:
        text += (
            f"- Of its {len(items):,} pictures {positive:,} are {plain(about.positive)} "
            f"({positive / len(items):.0%}), so always guessing the larger class is right in "
            f"{max(positive, len(items) - positive) / len(items):.0%}.\n"
        )
    alone = _one_sided(items)
    if alone:
        text += f"- {alone:,} of the {len({_source(item) for item in items}):,} sources have pictures of one class only.\n"
    for each in about.violations[:_MOST]:
        text += f"- In two parts of the split: {plain(each, 1000)}\n"
    if len(about.violations) > _MOST:
        text += f"- … and {len(about.violations) - _MOST:,} more such overlaps.\n"
    return text + "\n"


def _source(item: Item) -> tuple[str, str]:
    return item.origin.dataset, item.origin.doi or item.origin.source


def _one_sided(items: Iterable[Item]) -> int:
    classes: dict[tuple[str, str], set[bool]] = {}
    for item in items:
        classes.setdefault(_source(item), set()).add(item.positive)
    return sum(len(each) == 1 for each in classes.values())


def _contact(about: About) -> str:
    text = "## Takedown\n\nAuthors, patients and publishers can have a picture taken out: "
    if _MAIL.fullmatch(about.contact):
        whom = f"write to <{about.contact}>"
    elif _ADDRESS.fullmatch(about.contact):
        whom = f"see <{about.contact}>"
    elif about.contact:
        whom = f"ask {plain(about.contact)}"
    else:
        whom = "ask whoever gave you this folder (no contact was set when it was made)"
    return f"{text}{whom}, and name the file. It goes from the next version.\n\n"


def _citation(items: Sequence[Item], about: About) -> str:
    text = "## Citation\n\n"
    people = about.creator or "the reviewers named above"
    year = f" ({about.decided_at[:4]})" if about.decided_at else ""
    where = f" <{about.url}>." if _ADDRESS.fullmatch(about.url) else ""
    text += f"{plain(people)}{year}. {plain(about.name)}, version {plain(about.version)}.{where}\n\n"
    dois = sorted({item.origin.doi for item in items if item.origin.doi})
    text += "Please cite the papers whose pictures you show; `LICENSES.csv` names them all.\n"
    if dois:
        text += "\n" + "".join(f"- {_doi(doi)}\n" for doi in dois[:_MOST])
    if len(dois) > _MOST:
        text += f"- … and {len(dois) - _MOST:,} more\n"
    return text


def _doi(doi: str) -> str:
    return f"[{plain(doi)}](https://doi.org/{quote(doi, safe='/.;:-_')})"


def _table(head: Sequence[str], rows: Iterable[Cells]) -> str:
    """A table of at most `_MOST` rows; cells are Markdown already, numbers are written with commas."""
    lines: list[list[str]] = [
        [f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in rows
    ]
    more = len(lines) - _MOST
    if more > 0:
        lines = [*lines[:_MOST], [f"… and {more:,} more", *[""] * (len(head) - 1)]]
    rule = "|".join("---" if at == 0 else "---:" for at in range(len(head)))
    return (
        "".join(f"| {' | '.join(line)} |\n" for line in [head])
        + f"|{rule}|\n"
        + "".join(f"| {' | '.join(line)} |\n" for line in lines)
        + "\n"
    )
