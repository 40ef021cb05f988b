"""Files that are broken, hostile or oddly named: ``bad_files(folder) -> {name: path}``."""

from __future__ import annotations

import zlib
from pathlib import Path

import pikepdf
from pikepdf import Array, Name

from .layouts import CASES, LAYOUTS
from .phantom import phantom_ct
from .sheet import raw_image
from .writer import Manuscript

READABLE = ("owner_password", "huge_page", "huge_image", "recursive_form", "truncated", "xref_loop")
"""Those of `bad_files` from which a viewer shows at least one page."""

ODD_NAMES = (
    "with several  spaces.pdf",
    'it\'s "quoted".pdf',
    "new\nline.pdf",
    "тест 测试 é.pdf",
    "-rf.pdf",
    "--help.pdf",
    "...dots.pdf",
    "100%25 & $HOME;`id`.pdf",
    "=SUM(A1).pdf",
    "no suffix",
    "UPPER.PDF",
    "x" * 246 + ".pdf",
)
"""File names (of sound manuscripts) that a careless program trips over."""


def _raw(objects: list[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of these object bodies, numbered from 1; the first is the catalogue."""
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for offset in offsets:
        out += b"%010d 00000 n \n" % offset
    out += b"trailer\n<< /Size %d /Root 1 0 R %s >>\n" % (len(objects) + 1, trailer)
    out += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(out)


CATALOGUE = b"<< /Type /Catalog /Pages 2 0 R >>"
PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] >>"


def _xref_loop() -> bytes:
    """The newest cross-reference table names itself as its predecessor, and holds nothing else."""
    sound = _raw([CATALOGUE, b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", PAGE])
    start = len(sound)
    tail = b"xref\n0 0\ntrailer\n<< /Size 4 /Root 1 0 R /Prev %d >>\nstartxref\n%d\n%%%%EOF\n" % (
        start,
        start,
    )
    return sound + tail


def _pages_loop() -> bytes:
    """A node of the page tree is its own child."""
    node = b"<< /Type /Pages /Parent 2 0 R /Kids [2 0 R 3 0 R] /Count 2 >>"
    return _raw([CATALOGUE, b"<< /Type /Pages /Kids [3 0 R] /Count 2 >>", node])


def _huge_page(path: Path) -> None:
    m = Manuscript(path, 1)
    m.body(2, ("Figure 1", "The whole poster is shown in Figure 1."))
    m.page(14400, 14400, plain=True)
    m.picture(phantom_ct(1, 600), 14000, x=200, y=100)
    m.y = 14120
    m.caption("Figure 1.", CASES[0], keep=False)
    m.save()


def _huge_image(path: Path) -> None:
    """60,000 x 60,000 pixels in a few kilobytes of Flate data."""
    m = Manuscript(path, 2)
    m.body(2, ("Figure 1", "Nothing much can be seen in Figure 1."))
    packer = zlib.compressobj(9)
    row = bytes(60_000)
    data = b"".join(packer.compress(row) for _ in range(600)) + packer.flush()
    image = raw_image(m.pdf, data, 60_000, 60_000, ColorSpace=Name.DeviceGray)
    m.picture(image, 300)
    m.caption("Figure 1.", CASES[0])
    m.save()


def _recursive_form(path: Path) -> None:
    """A form XObject that paints itself, beside a picture that is sound."""
    m = Manuscript(path, 3)
    m.body(2)
    m.figure(1, CASES[0])
    form = m.pdf.make_stream(
        b"q 0.9 0 0 0.9 5 5 cm /Me Do Q 0 0 50 50 re f",
        Type=Name.XObject,
        Subtype=Name.Form,
        BBox=Array([0, 0, 600, 700]),
    )
    form.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Me=form))
    m.sheet.image(form, (100, 600, 101, 601))
    m.save()


def _encrypt(path: Path, sound: Path, user: str) -> None:
    """AES-256; with an empty user password the file opens, but may not be printed or copied from."""
    nothing = pikepdf.Permissions(extract=False, print_highres=False, print_lowres=False)
    with pikepdf.open(sound) as pdf:
        pdf.save(path, encryption=pikepdf.Encryption(user=user, owner="owner", R=6, allow=nothing))


def bad_files(folder: Path) -> dict[str, Path]:
    """Write one file of each kind of damage into a folder."""
    names = (
        "empty text truncated locked owner_password no_pages huge_page huge_image xref_loop pages_loop recursive_form "
        "garbage_after_header"
    )
    files = {name: folder / f"{name}.pdf" for name in names.split()}
    sound = LAYOUTS["clean"](files["truncated"], 0).path.read_bytes()
    _encrypt(files["locked"], files["truncated"], "secret")
    _encrypt(files["owner_password"], files["truncated"], "")
    files["truncated"].write_bytes(sound[: len(sound) * 2 // 3])
    files["empty"].write_bytes(b"")
    files["text"].write_text("This is a note about Figure 1 and no PDF at all.\n" * 40, encoding="utf-8")
    files["no_pages"].write_bytes(_raw([CATALOGUE, b"<< /Type /Pages /Kids [] /Count 0 >>"]))
    files["xref_loop"].write_bytes(_xref_loop())
    files["pages_loop"].write_bytes(_pages_loop())
    files["garbage_after_header"].write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 40)
    _huge_page(files["huge_page"])
    _huge_image(files["huge_image"])
    _recursive_form(files["recursive_form"])
    return files


def odd_names(folder: Path) -> dict[str, Path]:
    """Write a small sound manuscript under each of ODD_NAMES; each is another paper."""
    files = {}
    for seed, name in enumerate(ODD_NAMES):
        path = folder / name
        m = Manuscript(path, seed, stamp=None)
        m.body(2, ("Figure 1", "The scan is shown in Figure 1."))
        m.figure(1, f"Slice number {seed} of an invented patient.", phantom_ct(seed, 120), width=120)
        m.save()
        files[name] = path
    return files
