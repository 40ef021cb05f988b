"""``croissant.json``: a release described for search engines and loaders, in Croissant 1.0 (JSON-LD)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from covidct_curate.licences import known
from covidct_curate.release.formats.rows import ordered, whole, write_json
from covidct_curate.release.item import About, Item

_CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataBiases": "cr:dataBiases",
    "dataCollection": "cr:dataCollection",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "personalSensitiveInformation": "cr:personalSensitiveInformation",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
FIELDS: Mapping[str, tuple[str, str]] = {
    "file_name": ("sc:Text", "The picture's file in this dataset."),
    "split": ("sc:Text", "train, val or test."),
    "finding": ("sc:Text", "The picture's class, as a reviewer confirmed it."),
    "label": ("sc:Integer", "1 for the disease, 0 for the other class."),
    "modality": ("sc:Text", "What kind of picture it is."),
    "region": ("sc:Text", "The part of the body."),
    "patient_id": ("sc:Text", "The patient; pictures of one patient share it."),
    "age": ("sc:Text", "Age as the source says it; 90+ from 90 years on."),
    "gender": ("sc:Text", "M or F."),
    "caption": ("sc:Text", "The figure's caption."),
    "subcaption": ("sc:Text", "The part of the caption that speaks of the picture."),
    "doi": ("sc:Text", "DOI of the paper."),
    "licence": ("sc:Text", "The licence, as the source states it."),
    "figure_label": ("sc:Text", "The figure's label in its paper."),
    "panel": ("sc:Text", "The panel's letter."),
    "width": ("sc:Integer", "Pixels."),
    "height": ("sc:Integer", "Pixels."),
    "decided": ("sc:Boolean", "A reviewer kept the picture."),
    "uid": ("sc:Text", "The picture's own name, which never changes."),
}
"""Columns of metadata.jsonl that are described: type and meaning."""


def write(items: Sequence[Item], folder: Path, about: About) -> None:
    """Write ``croissant.json`` into a release, whose ``metadata.jsonl`` and pictures are in place.

    Raises OSError when a file cannot be read or written.
    """
    shared = ordered(items)
    metadata = (folder / "metadata.jsonl").read_bytes()
    licences = {licence.url for item in shared if (licence := known(item.origin.licence))}
    dois = sorted({item.origin.doi for item in shared if item.origin.doi})
    people = sorted({name for item in shared for name in item.reviewers})
    creator = about.creator or "; ".join(people) or about.tool
    told: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": whole(about.name),
        "description": whole(about.description),
        "version": about.version,
        "url": about.url or "README.md",
        "license": sorted(licences) or ["LICENSES.csv"],
        "citeAs": whole(f"{creator}: {about.name}, version {about.version}"),
        "creator": {"@type": "Organization", "name": whole(creator)},
        "isLiveDataset": False,
        "prov:wasDerivedFrom": [{"@id": f"https://doi.org/{quote(doi, safe='/().;:-_')}"} for doi in dois],
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "metadata.jsonl",
                "name": "metadata.jsonl",
                "description": "A line for each picture.",
                "contentUrl": "metadata.jsonl",
                "encodingFormat": "application/jsonlines",
                "sha256": hashlib.sha256(metadata).hexdigest(),
            },
            {
                "@type": "cr:FileSet",
                "@id": "pictures",
                "name": "pictures",
                "description": "The pictures, PNG.",
                "encodingFormat": "image/png",
                "includes": [f"{about.positive_folder}/*.png", f"{about.negative_folder}/*.png"],
            },
        ],
        "recordSet": [_rows(), _pictures()],
    }
    if about.decided_at:
        told["datePublished"] = about.decided_at[:10]
    write_json(told, folder / "croissant.json")


def _rows() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "rows",
        "name": "rows",
        "description": "What is told of each picture.",
        "key": {"@id": "rows/file_name"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"rows/{name}",
                "name": name,
                "description": meaning,
                "dataType": kind,
                "source": {"fileObject": {"@id": "metadata.jsonl"}, "extract": {"column": name}},
            }
            for name, (kind, meaning) in FIELDS.items()
        ],
    }


def _pictures() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "images",
        "name": "images",
        "description": "The pictures themselves.",
        "key": {"@id": "images/file"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"images/{name}",
                "name": name,
                "description": meaning,
                "dataType": kind,
                "source": {"fileSet": {"@id": "pictures"}, "extract": {"fileProperty": found}},
            }
            for name, kind, found, meaning in (
                ("file", "sc:Text", "fullpath", "Where the file lies: rows/file_name."),
                ("image", "sc:ImageObject", "content", "The picture."),
            )
        ],
    }
