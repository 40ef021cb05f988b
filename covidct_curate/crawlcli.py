"""``curate crawl``: preprints listed and downloaded."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from covidct_curate.console import Format, counting_bar, plain_errors
from covidct_curate.errors import ChoiceError

if TYPE_CHECKING:
    from covidct_curate.crawl.run import Report
    from covidct_curate.crawl.wish import Wish

EXAMPLES = (
    "Example: curate crawl --from 2020-01-19 --to 2020-03-25 --match covid --max-papers 5 --dry-run\n\n"
    "Example: curate crawl --query covid-19-2020 --out pdfs\n\n"
    "Example: curate crawl 10.1101/2020.03.01.20000001 --contact ann@example.org\n\n"
    "Example: curate crawl --update"
)


class From(StrEnum):
    """Where preprints are listed."""

    api = "api"
    europepmc = "europepmc"
    dois = "dois"
    folder = "folder"
    s3 = "s3"


class Server(StrEnum):
    """A preprint server."""

    medrxiv = "medrxiv"
    biorxiv = "biorxiv"


def crawl(
    dois: Annotated[
        list[str] | None,
        typer.Argument(metavar="[DOI]...", help="Papers by DOI or address, of a version: …v2."),
    ] = None,
    source: Annotated[
        From | None,
        typer.Option(help="Where they are listed.", show_default="api; dois or folder where those are given"),
    ] = None,
    server: Annotated[
        list[Server] | None, typer.Option(help="Once or twice.", show_default="medrxiv and biorxiv")
    ] = None,
    since: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day of posting.")] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Last day of posting.", show_default="today")
    ] = None,
    match: Annotated[
        str | None,
        typer.Option(metavar="RE", help="Words, or a regular expression, that title or abstract hold."),
    ] = None,
    category: Annotated[
        str | None, typer.Option(metavar="NAME", help="A category of the servers, such as epidemiology.")
    ] = None,
    search: Annotated[
        str | None, typer.Option(metavar="WORDS", help="With europepmc: words for its own search.")
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A question from metadata/queries, or a .toml file like them."),
    ] = None,
    doi_file: Annotated[Path | None, typer.Option("--dois", metavar="FILE", help="A file of DOIs.")] = None,
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="PDFs that are here already: look up what they are.")
    ] = None,
    exclude: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Skip the papers in this table or text, such as a MetaInfo.xlsx."),
    ] = None,
    all_versions: Annotated[
        bool, typer.Option("--all-versions", help="Each version in the dates, not only the newest.")
    ] = False,
    most: Annotated[
        int | None, typer.Option("--max-papers", metavar="N", min=0, help="Only the first N by date.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the PDFs and their manifest go.")] = Path(
        "pdfs"
    ),
    contact: Annotated[
        str | None,
        typer.Option(
            metavar="MAIL", help="Whom the servers can write to.", show_default="what was said the first time"
        ),
    ] = None,
    base_url: Annotated[
        str, typer.Option(metavar="URL", help="A mirror with the same interface.", show_default="the servers")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list what would be fetched, and estimate.")
    ] = False,
    form: Annotated[Format, typer.Option("--format", help="How --dry-run lists.")] = Format.table,
    update: Annotated[
        bool, typer.Option("--update", help="Ask again what this folder was filled with, up to today.")
    ] = False,
) -> None:
    """List preprints of medRxiv and bioRxiv and download their PDFs, with a manifest of what came from where.

    One request at a time, 7 s between those to the servers' sites, as they ask. What is in the folder is not fetched
    again: run the same command to go on. Exit code 1 when something could not be listed or fetched.
    """
    with plain_errors():
        from covidct_curate.crawl import run, wish
        from covidct_curate.forms import visible

        told: dict[str, object] = {
            "source": source.value if source else None,
            "servers": tuple(dict.fromkeys(each.value for each in server)) if server else None,
            "since": since,
            "until": until,
            "match": match,
            "category": category,
            "search": search,
            "dois": _dois(dois, doi_file),
            "folder": str(folder.absolute()) if folder else None,
            "exclude": str(exclude.absolute()) if exclude else None,
            "all_versions": all_versions or None,
        }
        told = {name: value for name, value in told.items() if value is not None}
        if update:
            if told or query:
                raise ChoiceError("--update asks what was asked before: leave the other questions away")
            questions = run.update(out)
        else:
            questions = [_wish(told, wish.load_query(query) if query else wish.Wish())]
        who = _contact(contact, base_url, dry_run)
        good, failed = True, list[run.Failed]()
        for each in questions:
            with counting_bar("papers") as progress:
                report = run.crawl(
                    each,
                    out,
                    contact=who,
                    base_url=base_url,
                    most=most,
                    dry_run=dry_run,
                    earlier=failed,
                    progress=progress,
                    say=lambda text: print(visible(text), file=sys.stderr),
                )
            _tell(report, out, dry_run, form)
            good = good and report.complete
            failed += report.failed
        if not good:
            raise typer.Exit(1)


def _dois(given: list[str] | None, file: Path | None) -> tuple[str, ...] | None:
    from covidct_curate.crawl.dois import listed, read_dois

    if not given and file is None:
        return None
    return tuple(dict.fromkeys((*listed(given or (), "arguments"), *(read_dois(file) if file else ()))))


def _wish(told: dict[str, object], base: Wish) -> Wish:
    from covidct_curate.crawl.wish import check

    if "source" not in told:
        told |= {"source": "dois"} if "dois" in told else {"source": "folder"} if "folder" in told else {}
    wish = replace(base, **told)  # type: ignore[arg-type]
    check(wish)
    return wish


def _contact(given: str | None, base_url: str, dry_run: bool) -> str:
    """Whom servers can write to; asked for where servers of others are to send PDFs and nobody is known."""
    from urllib.parse import urlsplit

    from covidct_curate.crawl.contact import checked, keep, kept
    from covidct_curate.crawl.limiter import gap

    if given is not None:
        keep(who := checked(given))
        return who
    who = kept()
    host = urlsplit(base_url).hostname or ""
    if who or dry_run or (host and gap(host) == 0):
        return who
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ChoiceError(
            "say once whom the servers can write to: --contact ann@example.org; it goes into each request, and is kept"
        )
    keep(who := checked(typer.prompt("Whom can the servers write to? A mail address", err=True)))
    return who


def _tell(report: Report, out: Path, dry_run: bool, form: Format) -> None:
    from covidct_curate.forms import FORMS, visible

    to = sys.stdout
    if dry_run:
        to = sys.stdout if form is Format.table else sys.stderr
        planned = {each.key for each in report.planned}
        FORMS[form](
            "preprints",
            (
                {
                    "posted": each.posted,
                    "doi": each.doi,
                    "version": each.version,
                    "server": each.server,
                    "licence": each.licence,
                    "state": "to fetch" if each.key in planned else "there",
                    "category": each.category,
                    "authors": each.authors,
                    "title": each.title,
                    "url": each.url,
                }
                for each in report.wanted
            ),
            sys.stdout,
        )
    left = [
        (report.unlike, "without these words"),
        (report.older, "older versions"),
        (report.excluded, "excluded"),
        (len(report.withdrawn), "withdrawn"),
    ]
    without = ", ".join(f"{count:,} {what}" for count, what in left if count)
    print(
        f"{report.listed:,} versions listed{f' ({without})' if without else ''}; {len(report.wanted):,} wanted",
        file=to,
    )
    if dry_run:
        print(
            f"to fetch: {report.estimate}; {report.there:,} are there",
            file=to,
        )
    else:
        print(
            f"{len(report.fetched):,} fetched, {report.there:,} were there, {len(report.failed):,} failed",
            file=to,
        )
        print(f"extract them with: curate extract {visible(shlex.quote(str(out)))}", file=to)
    for note in report.notes:
        print(f"note: {visible(note)}", file=to)
    to.flush()
    for reason in report.missing:
        print(f"not listed: {visible(reason)}", file=sys.stderr)
    for each in report.failed:
        print(f"failed: {visible(str(each.preprint))}: {visible(each.reason)}", file=sys.stderr)
