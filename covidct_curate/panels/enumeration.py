"""Panel labels as an enumeration: letters, numbers, roman numbers, nested ones (A1, Aa, a(i)), lists and ranges."""

from __future__ import annotations

import re

ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
_INNER = ("a", "b", "c", "d", "e", "f")

LABEL = (
    r"(?>(?:[A-Za-z] ?\((?:[ivx]{1,4}|\d)\)|[A-Za-z][-.]?\d{1,2}|[ivx]{2,4}|[IVX]{2,4}|[A-Za-z][ivx]{1,3}|[A-Z][a-f]|"
    r"\d{1,2}[A-Za-z]?|[A-Za-z])(?![\w(]))"
)
"""Pattern of one label; atomic, for a list of them must not be tried in many ways."""
_JOIN = r"(?:\s?[,;&/]\s?(?:and |or |& )?|\s(?:and|or|to|through|till) |\s?[-–—‒−~]\s?)"
LIST = rf"{LABEL}(?:{_JOIN}{LABEL}){{0,25}}"
"""Pattern of labels in a list or range."""
_TOKEN = re.compile(rf"({LABEL})|({_JOIN})")
_RANGE = ("to", "through", "till", "-", "–", "—", "‒", "−", "~")


def expand(text: str) -> tuple[str, ...]:
    """Labels of a list as captions write it: "A–C, E" → A, B, C, E; empty where it makes no sense."""
    labels: list[str] = []
    joined = ""
    for found in _TOKEN.finditer(text):
        label, join = found.groups()
        if join is not None:
            joined = join.strip()
            continue
        label = label.replace(" ", "")
        if labels and joined in _RANGE:
            between = after_to(labels[-1], label)
            if not between:
                return ()
            labels += between
        else:
            labels.append(label)
    return tuple(dict.fromkeys(labels))


def after_to(first: str, last: str) -> list[str]:
    """Labels after ``first`` up to and including ``last``; empty where no range leads from one to the other."""
    for kind in sorted(kinds(first) & kinds(last)):
        (low, low_inner), (high, high_inner) = rank(first, kind), rank(last, kind)
        if low == high and 0 < low_inner < high_inner:
            stem = re.sub(r"\d+$", "", first)
            return [f"{stem}{n}" for n in range(low_inner + 1, high_inner)] * (stem != first) + [last]
        if low < high and low_inner == high_inner and (not low_inner or kind == "numbered"):
            return [_nth(n, kind, last) for n in range(low + 1, high)] + [last]
    return []


def _nth(index: int, kind: str, like: str) -> str:
    if kind == "number":
        return str(index + 1)
    if kind == "roman":
        return ROMAN[index].upper() if like.isupper() else ROMAN[index]
    number = re.match(r"\d*", like)
    return (number[0] if number else "") + chr(ord("A" if like[-1].isupper() else "a") + index)


def kinds(label: str) -> set[str]:
    """Ways to read a label: "i" is a letter and a roman number."""
    found = set()
    if label[0].isdigit():
        return {"numbered" if label[-1].isalpha() else "number"}
    inner = label[1:].casefold()
    if not inner.isalpha() or inner in ROMAN or (label[0].isupper() and inner in _INNER):
        found.add("upper" if label[0].isupper() else "lower")
    if label.casefold() in ROMAN and (label.isupper() or label.islower()):
        found.add("roman")
    return found


def rank(label: str, kind: str) -> tuple[int, int]:
    """Where a label stands in its sequence, from 0, and its inner number (A2 → 0, 2)."""
    if kind == "number":
        return int(label) - 1, 0
    if kind == "numbered":
        return ord(label[-1].casefold()) - ord("a"), int(label[:-1])
    if kind == "roman":
        return ROMAN.index(label.casefold()), 0
    inner = label[1:].strip("-.()").casefold()
    if inner.isdigit():
        number = int(inner)
    else:
        number = next((names.index(inner) + 1 for names in (ROMAN, _INNER) if inner in names), 0)
    return ord(label[0].casefold()) - ord("a"), number


def kinds_of(labels: tuple[str, ...]) -> set[str]:
    """Ways to read all of the labels alike; empty for none."""
    return set.intersection(*map(kinds, labels)) if labels else set()
