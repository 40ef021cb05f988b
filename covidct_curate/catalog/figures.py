"""Figures and pictures: written for a whole paper at once, their uids kept from one extraction to the next."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TypeVar

from covidct_curate.catalog import Connection, panels, storable
from covidct_curate.records import Box, Figure, Lettering, Panel, Picture

Old = TypeVar("Old")
New = TypeVar("New")

FITS = 0.9
"""Intersection over union from which on two boxes on a page are the same figure or picture."""


@dataclass(frozen=True, slots=True)
class KeptPicture:
    """A picture of the catalogue. ``retired``: the last extraction did not find it again."""

    uid: str
    picture: Picture
    retired: bool


@dataclass(frozen=True, slots=True)
class KeptFigure:
    """A figure of the catalogue. Its ``figure.pictures`` are those of ``pictures``, without their uids."""

    uid: str
    figure: Figure
    pictures: tuple[KeptPicture, ...]
    retired: bool


@dataclass(frozen=True, slots=True)
class Files:
    """What is to become of picture files."""

    names: Mapping[str, str]
    """Each new picture: name it was written under → its name."""
    retired: Mapping[str, str]
    """Retired pictures that a decision is about: former name → name from now on."""


def likeness(figures: Iterable[Figure]) -> list[str]:
    """What two extractions must share to show the same: the sorted pixel hashes of the PDF's pictures."""
    return sorted(
        picture.pixels for figure in figures for picture in figure.pictures if picture.role != "panel"
    )


def of_paper(db: Connection, paper: int, *, retired: bool = False) -> list[KeptFigure]:
    """The figures of the paper with that row number, in order; ``retired`` ones too, after the others."""
    return [
        _figure(row, _pictures(db, row[0], retired), panels.of_figure(db, row[0]))
        for row in db.execute(
            f"SELECT {_FIGURE} FROM figures WHERE paper = ? AND (? OR NOT retired) ORDER BY retired, place",
            (paper, retired),
        ).fetchall()
    ]


def by_paper(db: Connection) -> dict[str, list[KeptFigure]]:
    """Paper uid → its figures, retired ones left out."""
    return {uid: of_paper(db, number) for number, uid in db.execute("SELECT id, uid FROM papers").fetchall()}


def of_file(db: Connection, sha256: str) -> list[KeptFigure]:
    """The figures of the paper with that main file, in order."""
    row = db.execute("SELECT id FROM papers WHERE sha256 = ?", (sha256,)).fetchone()
    return of_paper(db, row[0]) if row else []


def files(db: Connection) -> dict[str, list[str]]:
    """SHA-256 of each paper's files → its pictures, relative to the workspace."""
    found: dict[str, list[str]] = {}
    for sha256, file in db.execute(
        """SELECT pdfs.sha256, papers.folder || '/' || pictures.file
           FROM pdfs JOIN papers ON papers.id = pdfs.paper
           JOIN figures ON figures.paper = papers.id JOIN pictures ON pictures.figure = figures.uid
           WHERE NOT pictures.retired"""
    ):
        found.setdefault(sha256, []).append(file)
    return found


def replace(db: Connection, paper: int, figures: Sequence[Figure]) -> Files:
    """Make ``figures`` the paper's figures and retire those that do not come again.

    A figure keeps its uid when its page and box fit, else when its label, else when its words do. A
    picture keeps its uid when its pixels are equal or, in the same role, its page and box fit. What was
    retired and is found again has its old uid again. The number in a cut picture's name is not given to
    another once there is a decision about the picture. Files of retired pictures without one are given up.
    """
    before = of_paper(db, paper, retired=True)
    old_pictures = sorted((p for kept in before for p in kept.pictures), key=lambda kept: kept.retired)
    new_pictures = [picture for figure in figures for picture in figure.pictures]
    same_figure = _pair(before, figures, _figure_fits)
    same_picture = _pair(old_pictures, new_pictures, _picture_fits)
    uids = {
        picture.file: old_pictures[same_picture[number]].uid
        if number in same_picture
        else secrets.token_hex(8)
        for number, picture in enumerate(new_pictures)
    }
    names = panels.names(db, paper, [(uids[picture.file], picture) for picture in new_pictures])
    db.execute("UPDATE figures SET retired = 1 WHERE paper = ?", (paper,))
    db.executemany("UPDATE pictures SET retired = 1 WHERE uid = ?", [(kept.uid,) for kept in old_pictures])
    panels.clear(db, paper)
    for place, figure in enumerate(figures):
        uid = before[same_figure[place]].uid if place in same_figure else secrets.token_hex(8)
        _write_figure(db, uid, paper, place, figure)
        for order, picture in enumerate(figure.pictures):
            _write_picture(db, uids[picture.file], uid, order, picture, names[picture.file])
        panels.write(db, uid, figure.panels, uids)
    found_again = set(same_picture.values())
    orphans = [kept for index, kept in enumerate(old_pictures) if index not in found_again]
    return Files(names, _put_by(db, orphans))


def _put_by(db: Connection, orphans: Iterable[KeptPicture]) -> Mapping[str, str]:
    """Give the files of decided retired pictures a name of their own, and those of others up."""
    moves = {}
    for kept in orphans:
        decided = db.execute("SELECT 1 FROM decisions WHERE uid = ?", (kept.uid,)).fetchone()
        file = kept.picture.file
        target = f"retired/{kept.uid}{PurePosixPath(file).suffix}" if decided and file else None
        db.execute("UPDATE pictures SET file = ? WHERE uid = ?", (target, kept.uid))
        if target:
            moves[file] = target
    return moves


def _pair(
    before: Sequence[Old], after: Sequence[New], fits: Callable[[Old, New], tuple[float, ...] | None]
) -> dict[int, int]:
    """Index after → index before, one to one, the best fits first, then in order."""
    found = [
        (fit, -old, -new)
        for old, former in enumerate(before)
        for new, latter in enumerate(after)
        if (fit := fits(former, latter)) is not None
    ]
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, old, new in sorted(found, reverse=True):
        if -new not in pairs and -old not in taken:
            pairs[-new] = -old
            taken.add(-old)
    return pairs


def _figure_fits(old: KeptFigure, new: Figure) -> tuple[float, ...] | None:
    overlap = _overlap(old.figure.page, old.figure.bbox, new.page, new.bbox)
    same_label = new.label is not None and new.label == old.figure.label
    same_words = bool(new.caption) and new.caption == old.figure.caption
    if overlap < FITS and not same_label and not same_words:
        return None
    return not old.retired, overlap >= FITS, same_label, same_words, overlap


def _picture_fits(old: KeptPicture, new: Picture) -> tuple[float, ...] | None:
    former = old.picture
    overlap = _overlap(former.page, former.bbox, new.page, new.bbox)
    same_pixels, same_role = former.pixels == new.pixels, former.role == new.role
    if not same_pixels and (overlap < FITS or not same_role):
        return None
    return not old.retired, same_pixels, same_role, overlap, former.file == new.file


def _overlap(page: int | None, box: Box | None, other_page: int | None, other: Box | None) -> float:
    """Intersection over union of two boxes on one page; 0 on two pages or without a box."""
    if page is None or box is None or other is None or page != other_page:
        return 0.0
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    both = (box[2] - box[0]) * (box[3] - box[1]) + (other[2] - other[0]) * (other[3] - other[1]) - shared
    return shared / both


_FIGURE = (
    "uid, label, caption, caption_page, page, bbox, binding, confidence, xrefs, mentions, pages, lettering, "
    "kind, retired"
)
_PICTURE = "uid, file, role, page, bbox, width, height, xref, pixels, clipped, turned, overlay, retired"


def _write_figure(db: Connection, uid: str, paper: int, place: int, figure: Figure) -> None:
    db.execute(
        f"""INSERT INTO figures (paper, place, {_FIGURE}) VALUES ({", ".join("?" * 15)}, 0)
            ON CONFLICT (uid) DO UPDATE SET
                place = excluded.place, label = excluded.label, caption = excluded.caption,
                caption_page = excluded.caption_page, page = excluded.page, bbox = excluded.bbox,
                binding = excluded.binding, confidence = excluded.confidence, xrefs = excluded.xrefs,
                mentions = excluded.mentions, pages = excluded.pages, lettering = excluded.lettering,
                kind = excluded.kind, retired = 0""",
        (
            paper,
            place,
            uid,
            storable(figure.label),
            storable(figure.caption),
            figure.caption_page,
            figure.page,
            None if figure.bbox is None else json.dumps(figure.bbox),
            figure.binding,
            figure.confidence,
            json.dumps(figure.xrefs),
            json.dumps([storable(mention) for mention in figure.mentions]),
            json.dumps(figure.pages),
            json.dumps([(storable(each.text), each.page, each.bbox) for each in figure.lettering]),
            figure.kind,
        ),
    )


def _write_picture(db: Connection, uid: str, figure: str, place: int, picture: Picture, name: str) -> None:
    db.execute(
        f"""INSERT INTO pictures (figure, place, name, {_PICTURE}) VALUES ({", ".join("?" * 15)}, 0)
            ON CONFLICT (uid) DO UPDATE SET
                figure = excluded.figure, place = excluded.place, name = excluded.name, file = excluded.file,
                role = excluded.role, page = excluded.page, bbox = excluded.bbox, width = excluded.width,
                height = excluded.height, xref = excluded.xref, pixels = excluded.pixels,
                clipped = excluded.clipped, turned = excluded.turned, overlay = excluded.overlay,
                retired = 0""",
        (
            figure,
            place,
            name,
            uid,
            name,
            picture.role,
            picture.page,
            json.dumps(picture.bbox),
            picture.width,
            picture.height,
            picture.xref,
            picture.pixels,
            picture.clipped,
            picture.turned,
            picture.overlay,
        ),
    )


def _pictures(db: Connection, figure: str, retired: bool) -> tuple[KeptPicture, ...]:
    rows = db.execute(
        f"SELECT {_PICTURE} FROM pictures WHERE figure = ? AND (? OR NOT retired) ORDER BY retired, place",
        (figure, retired),
    )
    return tuple(_picture(row) for row in rows)


def _picture(row: tuple[Any, ...]) -> KeptPicture:
    uid, file, role, page, bbox, width, height, xref, pixels, clipped, turned, overlay, retired = row
    picture = Picture(
        file=file or "",
        role=role,
        page=page,
        bbox=tuple(json.loads(bbox)),
        width=width,
        height=height,
        xref=xref,
        pixels=pixels,
        clipped=bool(clipped),
        turned=turned,
        overlay=bool(overlay),
    )
    return KeptPicture(uid, picture, bool(retired))


def _figure(row: tuple[Any, ...], pictures: tuple[KeptPicture, ...], found: tuple[Panel, ...]) -> KeptFigure:
    uid, label, caption, caption_page, page, bbox, binding, confidence = row[:8]
    xrefs, mentions, pages, lettering, kind, retired = row[8:]
    figure = Figure(
        label=label,
        caption=caption,
        caption_page=caption_page,
        page=page,
        bbox=None if bbox is None else tuple(json.loads(bbox)),
        binding=binding,
        confidence=confidence,
        xrefs=tuple(json.loads(xrefs)),
        pictures=tuple(kept.picture for kept in pictures),
        mentions=tuple(json.loads(mentions)),
        pages=tuple(json.loads(pages)),
        lettering=tuple(Lettering(text, where, tuple(box)) for text, where, box in json.loads(lettering)),
        kind=kind,
        panels=found,
    )
    return KeptFigure(uid, figure, pictures, bool(retired))
