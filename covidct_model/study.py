"""`study`: several settings, each trained with several seeds and judged on the same pictures, as one table.

```
out/
├── data/      a release-like folder for each set of pictures
├── runs/      SETTING/seed-0, …: run folders with their reports
├── left-out/  the same runs' predictions without the pictures that the study leaves out
├── table.md
├── table.json
└── index.html
```
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from covidct_model import run as runs
from covidct_model import studytable
from covidct_model.config import Config, made
from covidct_model.errors import ConfigError, ModelError
from covidct_model.evaluate import evaluate, summary
from covidct_model.material import Material, build
from covidct_model.run import Run
from covidct_model.sources import NAMES, Roots
from covidct_model.studytable import Failure, Results, Row
from covidct_model.train import Epoch, train

PACKAGED = ("study-1", "study-2", "official")
_METRICS = ("accuracy", "f1", "auc")
_STUDY = ("name", "about", "cited", "seeds", "config", "judged_on", "leave_out", "differs", "settings")
_SETTING = ("title", "learnt", "config", "published", "differs")


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the published table: a network, and what it learns from."""

    title: str
    learnt: tuple[str, ...]
    """Of `sources.NAMES`: the training part of each."""
    config: Mapping[str, Any]
    """What is other than in the study's."""
    published: Mapping[str, float]
    """``accuracy``, ``f1`` and ``auc``, from 0 to 1, where published."""
    differs: str


@dataclass(frozen=True, slots=True)
class Study:
    """A study as its YAML file describes it."""

    name: str
    about: str
    cited: str
    seeds: int
    config: Mapping[str, Any]
    judged_on: tuple[str, ...]
    """Of `sources.NAMES`: validation and test of each."""
    leave_out: tuple[str, ...]
    """Test pictures without which results are told once more."""
    differs: tuple[str, ...]
    """How its data are other than the published ones."""
    settings: tuple[Setting, ...]


def read_study(study: str) -> Study:
    """The study of that name, one of `PACKAGED`, or in that YAML file.

    Raises `ConfigError` when there is none, or it says something that makes no sense.
    """
    packaged = resources.files("covidct_model") / "studies" / f"{study}.yaml"
    try:
        text = packaged.read_text("utf-8") if study in PACKAGED else Path(study).read_text(encoding="utf-8")
        told = yaml.safe_load(text)
    except FileNotFoundError:
        raise ConfigError(
            f"{study}: there is no such study; there are {', '.join(PACKAGED)}, or name a YAML file"
        ) from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{study}: it cannot be read: {' '.join(str(error).split())}") from error
    told = _mapping(told, _STUDY, study)
    settings = told.get("settings")
    if not isinstance(settings, list) or not settings:
        raise ConfigError(f"{study}: it has no settings")
    read = tuple(_setting(each, f"{study}, setting {number}") for number, each in enumerate(settings, 1))
    slugs = [slug(each.title) for each in read]
    if len(set(slugs)) < len(slugs):
        raise ConfigError(f"{study}: two settings have one title")
    seeds = told.get("seeds", 3)
    if not isinstance(seeds, int) or seeds < 1:
        raise ConfigError(f"{study}: seeds is {seeds!r}, and ought to be 1 or more")
    return Study(
        name=str(told.get("name", study)),
        about=str(told.get("about", "")),
        cited=str(told.get("cited", "")),
        seeds=seeds,
        config=_values(told.get("config"), f"{study}: config"),
        judged_on=_names(told.get("judged_on"), f"{study}: judged_on"),
        leave_out=tuple(map(str, told.get("leave_out") or ())),
        differs=tuple(map(str, told.get("differs") or ())),
        settings=read,
    )


def study(
    described: Study,
    roots: Roots,
    out: Path,
    *,
    seeds: int | None = None,
    only: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Results:
    """Run a study into ``out``, or go on with one; after each run the table is written anew.

    ``roots`` are the folders of the pictures, ``seeds`` how many runs of each setting, ``only`` titles of settings,
    ``overrides`` what goes before the study's own configuration, None left out. What is done is not done again. A
    setting that fails is told, the others go on. ``progress`` is told a line at a time. Raises `ConfigError` for
    titles that are none and pictures whose folder is not given, `DataError` for pictures that cannot be used.
    """
    tell = progress or (lambda line: None)
    chosen = _chosen(described, only)
    count = described.seeds if seeds is None else seeds
    if count < 1:
        raise ConfigError(f"--seeds is {count}, and ought to be 1 or more")
    materials = {each.title: _material(described, each, roots, out, tell) for each in chosen}
    configs = {
        (each.title, seed): _config(described, each, seed, materials[each.title], overrides or {})
        for each in chosen
        for seed in range(count)
    }
    done: dict[str, list[Run]] = {each.title: [] for each in chosen}
    failures: list[Failure] = []
    results = Results(described.name, described.about, described.cited, described.differs, (), ())
    for seed in range(count):
        for setting in chosen:
            where = f"{setting.title}, seed {seed}"
            try:
                run = _ran(
                    configs[setting.title, seed],
                    out / "runs" / slug(setting.title) / f"seed-{seed}",
                    where,
                    tell,
                )
            except ModelError as error:
                failures.append(Failure(setting.title, seed, str(error)))
                tell(f"{where}: failed: {error}")
            else:
                done[setting.title].append(run)
            rows = [
                row
                for each in chosen
                if done[each.title]
                for row in _rows(
                    described, each, configs[each.title, 0], done[each.title], materials[each.title], out
                )
            ]
            results = Results(
                described.name,
                described.about,
                described.cited,
                described.differs,
                tuple(rows),
                tuple(failures),
            )
            studytable.write(results, out)
    return results


def slug(title: str) -> str:
    """A title as a folder's name: ``densenet-169-imagenet``."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "setting"


# a study under way -------------------------------------------------------------------------------------


def _chosen(described: Study, only: Sequence[str]) -> list[Setting]:
    by_slug = {slug(each.title): each for each in described.settings}
    for title in only:
        if slug(title) not in by_slug:
            titles = ", ".join(each.title for each in described.settings)
            raise ConfigError(f"--only {title}: no setting is called so; there are {titles}")
    wanted = {slug(title) for title in only} or set(by_slug)
    return [each for name, each in by_slug.items() if name in wanted]


def _material(
    described: Study, setting: Setting, roots: Roots, out: Path, tell: Callable[[str], None]
) -> Material:
    """The folder of a setting's pictures; settings that learn from the same share it."""
    tell(f"{setting.title}: pictures")
    return build(
        setting.learnt, described.judged_on, roots, out.absolute() / "data" / "+".join(setting.learnt)
    )


def _config(
    described: Study, setting: Setting, seed: int, material: Material, overrides: Mapping[str, Any]
) -> Config:
    given = {name: value for name, value in overrides.items() if value is not None}
    values = {**described.config, **setting.config, **given, "seed": seed, "data": str(material.folder)}
    return made(values, f"{described.name}, {setting.title}")


def _ran(config: Config, folder: Path, where: str, tell: Callable[[str], None]) -> Run:
    """A run that is done and judged."""

    def say(epoch: Epoch) -> None:
        area = "" if epoch.val_auc is None else f", validation AUC {epoch.val_auc:.3f}"
        tell(f"{where}: epoch {epoch.epoch} of {config.epochs}: loss {epoch.loss:.3f}{area}")

    run = train(config, folder, say)
    if not (folder / "evaluation.json").is_file():
        evaluate(folder)
        tell(f"{where}: judged, AUC {_shown(run.told('evaluation.json')['test']['auc'])}")
    return run


def _rows(
    described: Study, setting: Setting, config: Config, done: Sequence[Run], material: Material, out: Path
) -> list[Row]:
    """The row of a setting, and the one without the pictures that the study leaves out."""
    folders = [run.folder for run in done]
    spreads = summary(folders)
    told = [run.told("evaluation.json") for run in done]
    row = Row(
        title=setting.title,
        config=config,
        learnt=setting.learnt,
        runs=tuple(folders),
        results={name: spreads[name] for name in _METRICS},
        published=setting.published,
        controls={name: each["auc"] for name, each in told[0]["controls"].items()},
        overlap=_mean([each["test"].get("dice") for each in told]),
        material=material,
        differs=setting.differs,
        left_out=0,
    )
    less = [
        _without(run, described.leave_out, out / "left-out" / run.folder.parent.name / run.folder.name)
        for run in done
    ]
    removed = max((count for _, count in less), default=0)
    if not removed:
        return [row]
    spreads = summary([folder for folder, _ in less])
    return [
        row,
        Row(
            title=f"{setting.title}, {removed} leaked test pictures left out",
            config=config,
            learnt=setting.learnt,
            runs=tuple(folders),
            results={name: spreads[name] for name in _METRICS},
            published={},
            controls={},
            overlap=None,
            material=material,
            differs="",
            left_out=removed,
        ),
    ]


def _without(run: Run, leave_out: Sequence[str], folder: Path) -> tuple[Path, int]:
    """A folder with the run's predictions but for some test pictures, and how many these are."""
    every = run.predictions()
    kept = [each for each in every if each.split != "test" or each.file_name not in leave_out]
    folder.mkdir(parents=True, exist_ok=True)
    runs.put(folder / "config.json", run.config.as_dict())
    runs.put_predictions(folder, kept)
    return folder, len(every) - len(kept)


def _mean(values: Sequence[float | None]) -> float | None:
    there = [each for each in values if each is not None]
    return math.fsum(there) / len(there) if there else None


def _shown(value: float | None) -> str:
    return "not to be told" if value is None else f"{value:.3f}"


# the YAML file -----------------------------------------------------------------------------------------


def _setting(told: Any, where: str) -> Setting:
    told = _mapping(told, _SETTING, where)
    title = str(told.get("title") or "")
    if not title:
        raise ConfigError(f"{where}: it has no title")
    published = _values(told.get("published"), f"{where}: published")
    for name, value in published.items():
        if name not in _METRICS or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise ConfigError(
                f"{where}: published {name} is {value!r}; give {', '.join(_METRICS)} from 0 to 1"
            )
    return Setting(
        title=title,
        learnt=_names(told.get("learnt"), f"{where}: learnt"),
        config=_values(told.get("config"), f"{where}: config"),
        published=published,
        differs=str(told.get("differs", "")),
    )


def _mapping(told: Any, known: Sequence[str], where: str) -> dict[str, Any]:
    values = _values(told, where)
    for name in values:
        if name not in known:
            raise ConfigError(f"{where}: there is no {name!r}; there are {', '.join(known)}")
    return values


def _values(told: Any, where: str) -> dict[str, Any]:
    if told is None:
        return {}
    if not isinstance(told, dict):
        raise ConfigError(f"{where}: it is no list of names and values")
    return {str(name): value for name, value in told.items()}


def _names(told: Any, where: str) -> tuple[str, ...]:
    if not isinstance(told, list) or not told:
        raise ConfigError(f"{where}: list some of {', '.join(NAMES)}")
    for each in told:
        if each not in NAMES:
            raise ConfigError(f"{where}: no pictures are called {each!r}; there are {', '.join(NAMES)}")
    return tuple(told)
