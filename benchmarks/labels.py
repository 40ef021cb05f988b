"""What labelling costs beside extraction, and what it says of a table's captions.

    python -m benchmarks.labels [FOLDER...] [--table FILE.xlsx] [--title WORDS] [--rules covid-19]

Without folders: $COVIDCT_DATA/papers/jats and preprints. Every paper is extracted, split and labelled in this
process; seconds are processor time. With --table its rows are labelled by their captions alone, once as they
are and once with --title, and counted by modality and finding.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import Counter
from pathlib import Path

from covidct_curate.errors import CurateError
from covidct_curate.extract import extract_paper
from covidct_curate.inputs import find
from covidct_curate.label.rules import load_rules
from covidct_curate.labelling import label_extraction
from covidct_curate.splitting import split_extraction
from covidct_curate.tablelabels import label_table


def cost(folders: list[Path], rules: str) -> None:
    spent = Counter[str]()
    slowest, papers, panels = (0.0, ""), 0, 0
    load_rules(rules)
    for each in find(folders):
        with tempfile.TemporaryDirectory() as folder:
            clock = [time.process_time()]
            try:
                found = extract_paper(each.path, Path(folder), name=each.path.stem)
                clock.append(time.process_time())
                found = split_extraction(found, Path(folder))
            except (CurateError, OSError):
                continue
            clock.append(time.process_time())
            found = label_extraction(found, rules)
            clock.append(time.process_time())
        papers += 1
        panels += sum(len(figure.panels) for figure in found.figures)
        for name, start, end in zip(("extract", "split", "label"), clock, clock[1:], strict=False):
            spent[name] += end - start
        slowest = max(slowest, (clock[3] - clock[2], each.path.name))
    print(f"{papers} papers, {panels} panels")
    for name, seconds in spent.items():
        print(f"{name:10}{seconds:8.1f} s{1000 * seconds / max(papers, 1):8.0f} ms a paper")
    before = spent["extract"] + spent["split"]
    print(
        f"labelling adds {100 * spent['label'] / before:.1f} %; the slowest paper {1000 * slowest[0]:.0f} ms"
    )


def table(file: Path, rules: str, title: str) -> None:
    loaded = load_rules(rules)
    for words in dict.fromkeys(("", title)):
        start = time.process_time()
        read, rows = label_table(file, loaded, title=words)
        seconds = time.process_time() - start
        said = Counter(
            (row.facts.modality, row.facts.finding)
            for row, cells in zip(rows, read.rows, strict=True)
            if cells["Captions"].strip()
        )
        print(f"\ntitle {words!r}: {sum(said.values())} rows with a caption, {seconds:.1f} s for all")
        for (modality, finding), count in said.most_common():
            print(f"{modality:12}{finding:16}{count:6}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--title", default="")
    parser.add_argument("--rules", default="covid-19")
    given = parser.parse_args()
    papers = Path(os.environ.get("COVIDCT_DATA", "."), "papers")
    folders = given.folders or ([] if given.table else [papers / "jats", papers / "preprints"])
    if folders:
        cost(folders, given.rules)
    if given.table:
        table(given.table, given.rules, given.title)


if __name__ == "__main__":
    main()
