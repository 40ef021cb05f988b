"""Rule files: vocabularies and patterns as data, checked when they are loaded, matched in linear time.

A rule file is TOML. It names its two classes, the files it extends and, in one array of tables for each kind,
its rules. A rule has an ``id``, words (``terms``) or a ``pattern``, and what its kind asks for; `KINDS` says
what that is, ``docs/rules.md`` how to write one. Patterns are those of RE2, which takes time linear in the text
whatever the pattern: no look-around, no back-references.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import re2

from covidct_curate import metadata
from covidct_curate.errors import RuleError
from covidct_curate.label.kinds import KINDS, MODALITIES
from covidct_curate.label.text import Text
from covidct_curate.records import Span

DEFAULT = "covid-19"
"""The rule file used when none is named."""

_HEAD = frozenset(
    {"name", "positive", "negative", "positive_folder", "negative_folder", "extends", "keep", "regions"}
)
_COMMON = frozenset({"id", "terms", "pattern", "case", "value", "confidence"})
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
_WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_TABLE = re.compile(r"\s*\[\[\s*([\w.-]+)\s*\]\]")
_GROUP = re.compile(r"\(\?P?<([A-Za-z_]\w*)>")
_MOST_RULES, _LARGEST = 5000, 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule: what it finds, and what that means."""

    id: str
    kind: str
    value: str
    confidence: float
    extra: Mapping[str, Any]
    """The keys that only its kind has."""
    pattern: Any
    """Compiled by RE2, on bytes."""
    groups: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Hit:
    """Where a rule matched. Positions are those of ``text.plain``."""

    rule: Rule
    text: Text
    start: int
    end: int
    groups: Mapping[str, Span]
    """The pattern's named groups that took part."""

    @property
    def words(self) -> str:
        """What it matched, in the paper's words."""
        return self.text.words(self.start, self.end)

    def group(self, name: str) -> str:
        """A named group's plain text, ``""`` when it took no part."""
        start, end = self.groups.get(name, (0, 0))
        return self.text.plain[start:end].decode("ascii")

    def original(self, name: str) -> str:
        """A named group in the paper's words, ``""`` when it took no part."""
        return self.text.words(*self.groups.get(name, (0, 0)))


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """A rule file, with all that it extends."""

    name: str
    positive: str
    """The class word of pictures that show the disease."""
    negative: str
    positive_folder: str
    negative_folder: str
    keep: tuple[str, ...]
    """Modalities selected for the dataset."""
    regions: tuple[str, ...]
    """Parts of the body selected; a picture of an unknown part is selected too."""
    digest: str
    """Differs whenever any of its files does."""
    rules: Mapping[str, tuple[Rule, ...]]
    """Kind → rules in the order of the files, the file's own before those it extends."""
    _sets: dict[str, Any] = field(default_factory=dict, repr=False)

    def find(self, kind: str, text: Text, start: int = 0, end: int | None = None) -> list[Hit]:
        """Matches of the rules of one kind that lie in a part of ``text``, in order and without overlap: of
        two that overlap the longer stays, of two as long the one whose rule comes first."""
        hits: list[Hit] | None = text.memory.get(kind)
        if hits is None:
            hits = text.memory[kind] = self._search(kind, text)
        if start == 0 and end is None:
            return hits
        last = len(text.plain) if end is None else end
        return [hit for hit in hits if hit.start >= start and hit.end <= last]

    def _search(self, kind: str, text: Text) -> list[Hit]:
        rules = self.rules.get(kind, ())
        if not rules:
            return []
        candidates: list[Hit] = []
        for number in sorted(self._set(kind, rules).Match(text.plain) or ()):
            rule = rules[number]
            for found in rule.pattern.finditer(text.plain):
                start, end = found.span()
                if start < end:
                    groups = {n: found.span(i) for n, i in rule.groups.items() if found.span(i)[0] >= 0}
                    candidates.append(Hit(rule, text, start, end, groups))
        candidates.sort(key=lambda hit: hit.start - hit.end)
        return sorted(_apart(candidates, len(text.plain)), key=lambda hit: hit.start)

    def _set(self, kind: str, rules: Sequence[Rule]) -> Any:
        """All patterns of a kind in one automaton: which of them match at all."""
        if kind not in self._sets:
            together = re2.Set.SearchSet(_options())
            for rule in rules:
                together.Add(rule.pattern.pattern)
            together.Compile()
            self._sets[kind] = together
        return self._sets[kind]


def load_rules(file: str | Path = DEFAULT) -> Rules:
    """Load a rule file: a path ending in ``.toml``, or the name of one that comes with the toolkit.

    Raises `RuleError`, which says file, line and reason, when it cannot be read or used.
    """
    path = Path(file)
    named = str(file)
    if path.suffix != ".toml":
        path = metadata.folder() / "rules" / f"{named}.toml"
        if not re.fullmatch(r"[A-Za-z0-9_-]+", named) or not path.is_file():
            there = ", ".join(sorted(each.stem for each in (metadata.folder() / "rules").glob("*.toml")))
            raise RuleError(
                f"{named}: no rule file of this name; there are {there}, or give a path to a .toml"
            )
    common = metadata.folder() / "rules" / "common"
    return _load(path, common, tuple(_state(each) for each in (path, *sorted(common.glob("*.toml")))))


def _state(path: Path) -> tuple[int, int]:
    """Differs whenever a file was written."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=4)
def _load(path: Path, common: Path, states: tuple[tuple[int, int], ...]) -> Rules:
    """Load a rule file and what it extends; files that are as they were are not loaded again."""
    loader = _Loader()
    head = loader.read(path, extending=False)
    for name in _strings(head, "extends", loader, path):
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise loader.error(path, "extends", f"{name!r} is no name of a file in metadata/rules/common")
        extended = common / f"{name}.toml"
        if not extended.is_file():
            raise loader.error(path, "extends", f"there is no common rule file {name!r}")
        loader.read(extended, extending=True)
    return loader.finish(path, head)


class _Loader:
    def __init__(self) -> None:
        self.rules: dict[str, list[Rule]] = {}
        self.ids: dict[str, str] = {}
        self.content = hashlib.sha256()
        self.lines: dict[Path, list[str]] = {}
        self.heads: list[tuple[int, str]] = []
        """Of the file being read, the lines on which rules begin, and their kinds."""

    def read(self, path: Path, *, extending: bool) -> dict[str, Any]:
        try:
            content = path.read_bytes()
            if len(content) > _LARGEST:
                raise RuleError(f"{path}: {len(content):,} bytes are too large for a rule file")
            text = content.decode("utf-8-sig")
            data = tomllib.loads(text)
        except OSError as error:
            raise RuleError(f"{path}: cannot be read ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise RuleError(f"{path}: is not UTF-8 text; save it as UTF-8") from error
        except tomllib.TOMLDecodeError as error:
            raise RuleError(f"{path}: is not TOML: {error}") from error
        self.content.update(content)
        self.lines[path] = text.splitlines()
        heads = [(n, _TABLE.match(line)) for n, line in enumerate(self.lines[path], 1)]
        self.heads = [(n, found[1]) for n, found in heads if found]
        for key, value in data.items():
            if key in _HEAD:
                if extending:
                    raise self.error(path, key, f"{key!r} belongs into the file that extends this one")
            elif key not in KINDS:
                known = ", ".join(sorted(KINDS))
                raise self.error(path, key, f"{key!r} is no kind of rule; the kinds are {known}")
            elif not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
                raise self.error(path, key, f"rules of a kind are written as [[{key}]]")
            else:
                lines = [n for n, kind in self.heads if kind == key]
                for number, each in enumerate(value):
                    self.rule(path, lines[number] if number < len(lines) else 1, key, each)
        return data

    def rule(self, path: Path, where: int, kind: str, given: Mapping[str, Any]) -> None:

        def wrong(reason: str) -> RuleError:
            name = f" {given['id']!r}" if isinstance(given.get("id"), str) else ""
            return RuleError(f"{path}:{where}: {kind} rule{name}: {reason}")

        spec = KINDS[kind]
        extra = {key: value for key, value in given.items() if key not in _COMMON}
        for key, value in extra.items():
            if key not in spec.extra:
                raise wrong(f"{key!r} is no key of such a rule")
            allowed = spec.extra[key]
            if isinstance(allowed, tuple) and value not in allowed:
                raise wrong(f"{key} must be one of {', '.join(allowed)}, not {value!r}")
            if isinstance(allowed, type) and type(value) is not allowed:
                raise wrong(f"{key} must be a {_TYPES[allowed]}, not {value!r}")
        name = given.get("id")
        if not isinstance(name, str) or not _ID.fullmatch(name):
            raise wrong("needs an id of small letters, digits, dots and hyphens")
        if name in self.ids:
            raise wrong(f"this id is taken by a rule in {self.ids[name]}")
        value = given.get("value", "")
        if not isinstance(value, str):
            raise wrong(f"value must be a text, not {value!r}")
        if spec.values and value not in spec.values:
            raise wrong(f"value must be one of {', '.join(spec.values)}, not {value!r}")
        if spec.values is None and value:
            raise wrong("such a rule has no value")
        confidence = given.get("confidence", 0.9)
        if isinstance(confidence, bool) or not isinstance(confidence, int | float) or not 0 < confidence <= 1:
            raise wrong(f"confidence must lie above 0 and not above 1, not {confidence!r}")
        source = _source(given, wrong)
        groups = set(_GROUP.findall(source))
        if groups - spec.groups:
            known = ", ".join(sorted(spec.groups)) or "none"
            raise wrong(
                f"the group {min(groups - spec.groups)!r} has no meaning here; those that have: {known}"
            )
        try:
            pattern = re2.compile(source.encode("ascii"), _options())
        except UnicodeEncodeError:
            raise wrong(
                "patterns are matched to plain ASCII: write accents, dashes and quotes plainly"
            ) from None
        except re2.error as error:
            said = error.args[0].decode(errors="replace") if error.args else "not valid"
            raise wrong(f"the pattern cannot be used: {said}") from None
        if pattern.search(b"") or pattern.search(b" "):
            raise wrong("the pattern matches where there is nothing")
        numbers = {each.decode(): index for each, index in pattern.groupindex.items()}
        if sum(map(len, self.rules.values())) >= _MOST_RULES:
            raise wrong(f"there are more than {_MOST_RULES:,} rules")
        self.ids[name] = f"{path.name}, line {where}"
        self.rules.setdefault(kind, []).append(
            Rule(name, kind, value, float(confidence), extra, pattern, numbers)
        )

    def finish(self, path: Path, head: Mapping[str, Any]) -> Rules:
        words = []
        for key, shape in (
            ("positive", _WORD),
            ("negative", _WORD),
            ("positive_folder", _FOLDER),
            ("negative_folder", _FOLDER),
        ):
            word = head.get(key)
            if not isinstance(word, str) or not shape.fullmatch(word):
                raise self.error(path, key, f"{key} must be one word of letters, digits and hyphens")
            words.append(word)
        if words[0] == words[1] or words[2].lower() == words[3].lower():
            raise self.error(path, "negative", "the two classes and their folders must differ")
        if {"uncertain", "not-applicable"} & set(words[:2]):
            raise self.error(path, "positive", "uncertain and not-applicable are no classes")
        keep = _strings(head, "keep", self, path) or ("ct",)
        if strange := set(keep) - set(MODALITIES):
            raise self.error(
                path, "keep", f"{min(strange)!r} is no modality; there are {', '.join(MODALITIES)}"
            )
        name = head.get("name", path.stem)
        return Rules(
            name if isinstance(name, str) else path.stem,
            words[0],
            words[1],
            words[2],
            words[3],
            keep=keep,
            regions=_strings(head, "regions", self, path),
            digest=self.content.hexdigest(),
            rules={kind: tuple(rules) for kind, rules in self.rules.items()},
        )

    def error(self, path: Path, key: str, reason: str) -> RuleError:
        shape = re.compile(rf"\s*(?:\[\[?\s*)?{re.escape(key)}\b")
        found = (n for n, line in enumerate(self.lines.get(path, []), 1) if shape.match(line))
        return RuleError(f"{path}:{next(found, 1)}: {reason}")


_TYPES = {str: "text", bool: "true or false", int: "whole number", list: "list"}


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 64 << 20
    return options


def _strings(head: Mapping[str, Any], key: str, loader: _Loader, path: Path) -> tuple[str, ...]:
    value = head.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise loader.error(path, key, f"{key} must be a list of words")
    return tuple(value)


def _source(given: Mapping[str, Any], wrong: Any) -> str:
    """The pattern of a rule, as text."""
    terms, pattern, case = given.get("terms"), given.get("pattern"), given.get("case", False)
    if (terms is None) == (pattern is None):
        raise wrong("needs either terms or a pattern")
    if not isinstance(case, bool):
        raise wrong(f"case must be true or false, not {case!r}")
    flag = "" if case else "(?i)"
    if pattern is not None:
        if not isinstance(pattern, str) or not pattern.strip():
            raise wrong("pattern must be a text")
        return flag + pattern
    if not isinstance(terms, list) or not terms or not all(isinstance(each, str) for each in terms):
        raise wrong("terms must be a list of words")
    return f"\\b(?:{'|'.join(_term(each, case, wrong) for each in _longest_first(terms))})"


def _longest_first(terms: Sequence[str]) -> Iterator[str]:
    return iter(sorted(dict.fromkeys(terms), key=len, reverse=True))


def _term(term: str, case: bool, wrong: Any) -> str:
    """A term as a pattern: spaces match spaces, hyphens or nothing; ``*`` at its end any ending; a term all in
    capitals only itself."""
    stem = term.strip().removesuffix("*")
    if not stem or not stem.isascii() or not stem.isprintable() or not stem[0].isalnum():
        raise wrong(f"the term {term!r} must begin with a plain letter or digit and be plain ASCII")
    letters = [c for c in stem if c.isalpha()]
    exact = case or (len(letters) > 1 and all(c.isupper() for c in letters))
    parts = [re.escape(part) for part in re.split(r"[ -]+", stem) if part]
    body = "[ -]{0,2}".join(parts)
    end = r"\w*" if term.strip().endswith("*") else (r"\b" if stem[-1].isalnum() else "")
    return f"(?{'-i' if exact else 'i'}:{body}{end})"


def _apart(candidates: Sequence[Hit], length: int) -> Iterator[Hit]:
    taken = bytearray(length)
    for hit in candidates:
        if not any(taken[hit.start : hit.end]):
            taken[hit.start : hit.end] = b"\x01" * (hit.end - hit.start)
            yield hit
