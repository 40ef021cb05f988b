"""Existing datasets: every image comes in once, with what its sheet says, and what is wrong with it is told."""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path

import openpyxl
import pytest
from PIL import Image as Picture

from covidct_curate.datasets import Dataset, Image
from covidct_curate.datasets.cells import Age, age, doi
from covidct_curate.datasets.chestxray import read_chestxray
from covidct_curate.datasets.chestxray_rows import judged
from covidct_curate.datasets.covid_ct import read_covid_ct
from covidct_curate.errors import DatasetError

HEADER = (
    *("File name", "Patient ID", "Age", "Gender", "Location", "Medical history", "Time", "Severity"),
    *("Other diseases", "DOI", "Captions"),
)
Cells = dict[str, str]


def put_pictures(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Picture.new("L", (4, 4)).save(folder / name)


def covid_ct(
    folder: Path,
    rows: list[Cells],
    images: list[str] | None = None,
    others: list[tuple[str, str]] | None = None,
) -> Path:
    """A copy of COVID-CT with these rows; an image for each row unless told otherwise."""
    others = [("7%0.jpg", "crawled_patient_7")] if others is None else others
    names = [row["File name"] for row in rows] if images is None else images
    put_pictures(folder / "CT_COVID", names)
    put_pictures(folder / "CT_NonCOVID", [name for name, _ in others])
    book = openpyxl.Workbook()
    book.active.append(HEADER)
    for row in rows:
        book.active.append([row.get(column) for column in HEADER])
    book.save(folder / "COVID-CT-MetaInfo.xlsx")
    with (folder / "NonCOVID-CT-MetaInfo.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["", "image name", "patient id"])
        writer.writerows([(at, name, patient) for at, (name, patient) in enumerate(others)])
    return folder


def chestxray(folder: Path, rows: list[Cells], images: list[str], name: str = "metadata.csv") -> Path:
    put_pictures(folder / "images", images)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with (folder / name).open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return folder


def image(dataset: Dataset, name: str) -> Image:
    (found,) = [each for document in dataset.documents for each in document.images if each.file.name == name]
    return found


def notes(dataset: Dataset, *words: str) -> list[str]:
    return [note.text for note in dataset.notes if all(word in note.text for word in words)]


# --- COVID-CT


def test_a_row_becomes_facts_with_its_cells_as_evidence(tmp_path: Path) -> None:
    name = "2020.05.06.20091234-p6-52%3.png"
    row = {
        "File name": name,
        "Patient ID": "Patient 12 ",
        "Age": "45",
        "Gender": "F ",
        "Location": "Oslo, Norway ",
        "Medical history": "hypertension",
        "Time": "day 4",
        "Severity": "mild",
        "Captions": "['Figure 1. A woman.', 'Axial CT.']",
    }
    dataset = read_covid_ct(covid_ct(tmp_path, [row]))
    document = next(each for each in dataset.documents if each.source == "covid-ct/2020.05.06.20091234")
    assert (document.paper.doi, document.paper.server) == ("10.1101/2020.05.06.20091234", "medrxiv")
    (found,) = document.images
    assert (found.figure, found.page, found.xref) == ("p6-52", 6, 52)
    assert found.caption == "Figure 1. A woman. Axial CT."
    patient = found.facts.patient
    assert (patient.id, patient.age, patient.age_min, patient.age_max, patient.gender) == (
        "12",
        "45",
        45,
        45,
        "F",
    )
    assert (patient.location, patient.medical_history) == ("Oslo, Norway", "hypertension")
    assert (patient.time, patient.severity) == ("day 4", "mild")
    assert (found.facts.modality, found.facts.region, found.facts.finding) == ("ct", "chest", "covid")
    evidence = found.facts.evidence["location"]
    assert (evidence.rule, evidence.text, evidence.source) == ("sheet.Location", "Oslo, Norway", "sheet")
    assert evidence.confidence == 1.0
    assert found.facts.evidence["finding"].rule == "sheet.folder"


def test_other_images_are_negative_and_grouped_by_patient(tmp_path: Path) -> None:
    others = [
        ("7%0.jpg", "crawled_patient_7"),
        ("7%1.jpg", "crawled_patient_7"),
        ("90.png", "medpix_patient_3"),
    ]
    dataset = read_covid_ct(covid_ct(tmp_path, [], others=others))
    assert {each.source: len(each.images) for each in dataset.documents} == {
        "covid-ct/crawled_patient_7": 2,
        "covid-ct/medpix_patient_3": 1,
    }
    found = image(dataset, "7%1.jpg")
    assert (found.facts.finding, found.facts.patient.id, found.figure) == (
        "non-covid",
        "crawled_patient_7",
        "7",
    )
    assert dict(found.facts.extra) == {}


@pytest.mark.parametrize(
    ("written", "file"),
    [
        ("a-p1-2%0", "a-p1-2%0.png"),
        ("a-p1-2-1.png", "a-p1-2%1.png"),
        ("a-p1-2_1", "a-p1-2%1.png"),
        (" A-p1-2%1.PNG ", "a-p1-2%1.png"),
    ],
)
def test_names_without_ending_or_with_other_signs_find_their_image(
    tmp_path: Path, written: str, file: str
) -> None:
    row = {"File name": written, "Patient ID": "Patient 1", "Location": "Lima"}
    dataset = read_covid_ct(covid_ct(tmp_path, [row], ["a-p1-2%0.png", "a-p1-2%1.png"]))
    assert image(dataset, file).facts.patient.location == "Lima"
    assert notes(dataset, "row 2", "File name")


def test_missing_double_and_unlisted_images_are_told(tmp_path: Path) -> None:
    rows = [
        {"File name": "a-p1-2.png", "Patient ID": "Patient 1"},
        {"File name": "gone-p1-2.png", "Patient ID": "Patient 2"},
        {"File name": "a-p1-2", "Patient ID": "Patient 3"},
        {"Patient ID": "Patient 4"},
    ]
    dataset = read_covid_ct(covid_ct(tmp_path, rows, ["a-p1-2.png", "b-p3-4.png"]))
    assert notes(dataset, "row 3", "not there")
    assert notes(dataset, "row 4", "same image as row 2")
    assert notes(dataset, "row 5", "no file name")
    assert notes(dataset, "1 images are in no sheet", "b-p3-4.png")
    assert image(dataset, "a-p1-2.png").facts.patient.id == "1"
    assert image(dataset, "b-p3-4.png").facts.patient.id == "0"
    assert image(dataset, "b-p3-4.png").facts.finding == "covid"


def test_an_unlisted_image_of_a_known_figure_stays_with_its_siblings(tmp_path: Path) -> None:
    folder = covid_ct(tmp_path, [], others=[("7%0.jpg", "crawled_patient_9")])
    put_pictures(folder / "CT_NonCOVID", ["7%1.jpg"])
    (document,) = read_covid_ct(folder).documents
    assert [each.file.name for each in document.images] == ["7%0.jpg", "7%1.jpg"]


def test_same_as_above_is_taken_from_above_and_told(tmp_path: Path) -> None:
    rows = [
        {"File name": "a-p1-2.png", "Patient ID": "Patient 1", "Location": "same as above"},
        {"File name": "a-p1-3.png", "Patient ID": "Patient 1", "Location": "Lima", "Captions": "Chest CT."},
        {"File name": "a-p1-4.png", "Patient ID": "Patient 1", "Location": "Same as above.", "Captions": '"'},
        {"File name": "a-p1-5.png", "Patient ID": "Patient 1", "Location": "ditto"},
    ]
    dataset = read_covid_ct(covid_ct(tmp_path, rows))
    places = [image(dataset, f"a-p1-{k}.png").facts.patient.location for k in (2, 3, 4, 5)]
    assert places == ["", "Lima", "Lima", "Lima"]
    assert image(dataset, "a-p1-4.png").caption == "Chest CT."
    assert notes(dataset, "row 4", "Location", "row above")


def test_a_patient_of_three_ages_is_doubted_in_every_row(tmp_path: Path) -> None:
    rows = [
        {"File name": f"a-p1-{at}.png", "Patient ID": "Patient 8", "Age": years, "Gender": "M"}
        for at, years in enumerate(["30", "40", "50"])
    ]
    rows.append({"File name": "a-p1-9.png", "Patient ID": "Patient 9", "Age": "50", "Gender": "M"})
    dataset = read_covid_ct(covid_ct(tmp_path, rows))
    assert notes(dataset, "rows 2-4", "Age", "30, 40 and 50")
    for at in range(3):
        evidence = image(dataset, f"a-p1-{at}.png").facts.evidence
        assert evidence["age"].confidence == evidence["id"].confidence == 0.5
        assert evidence["gender"].confidence == 1.0
    assert image(dataset, "a-p1-9.png").facts.evidence["age"].confidence == 1.0


def test_a_patient_in_two_papers_is_told(tmp_path: Path) -> None:
    rows = [{"File name": name, "Patient ID": "Patient 8"} for name in ("a-p1-2.png", "b-p1-2.png")]
    assert notes(read_covid_ct(covid_ct(tmp_path, rows)), "rows 2-3", "patient 8 is in 2 papers")


def test_swapped_columns_are_put_right_and_told(tmp_path: Path) -> None:
    row = {
        "File name": "a-p1-2.png",
        "Patient ID": "Patient 1",
        "Age": "F",
        "Gender": "62",
        "Medical history": "Bilateral ground-glass opacities in the lower lobes",
        "Severity": "patchy shadows on the left",
        "DOI": "CT of a patient.",
        "Captions": "10.1234/abc.5",
    }
    dataset = read_covid_ct(covid_ct(tmp_path, [row]))
    found = image(dataset, "a-p1-2.png")
    patient = found.facts.patient
    assert (patient.age, patient.gender) == ("62", "F")
    assert (patient.medical_history, patient.severity) == ("", "")
    assert patient.radiology_report.startswith("Bilateral ground-glass")
    assert patient.radiology_report.endswith("patchy shadows on the left")
    assert found.facts.evidence["radiology_report"].confidence < 1
    assert found.caption == "CT of a patient."
    assert next(each for each in dataset.documents if found in each.images).paper.doi == "10.1234/abc.5"
    assert notes(dataset, "row 2", "Age, Gender") and notes(dataset, "row 2", "DOI, Captions")
    assert notes(dataset, "row 2", "Medical history") and notes(dataset, "row 2", "Severity")


def test_a_severity_that_also_describes_the_picture_stays(tmp_path: Path) -> None:
    row = {
        "File name": "a-p1-2.png",
        "Patient ID": "Patient 1",
        "Severity": "severe: consolidation on the left",
    }
    patient = image(read_covid_ct(covid_ct(tmp_path, [row])), "a-p1-2.png").facts.patient
    assert (patient.severity, patient.radiology_report) == ("severe: consolidation on the left", "")


def test_cells_that_are_not_understood_are_kept_and_told(tmp_path: Path) -> None:
    row = {
        "File name": "a-p1-2.png",
        "Age": "forty-odd",
        "Gender": "mixed",
        "Time": "had a cough",
        "Location": "N/A",
        "DOI": "see text",
        "Captions": "['the model's view']",
    }
    dataset = read_covid_ct(covid_ct(tmp_path, [row]))
    found = image(dataset, "a-p1-2.png")
    assert dict(found.facts.extra) == {"Age": "forty-odd", "Gender": "mixed", "Time": "had a cough"}
    assert found.caption == "the model's view"
    patient = found.facts.patient
    assert (patient.id, patient.age, patient.gender, patient.time, patient.location) == ("0", "", "", "", "")
    for column in ("Patient ID", "Age", "Gender", "Time", "DOI", "Captions"):
        assert notes(dataset, "row 2", column), column


def test_dois_with_spaces_and_of_other_papers(tmp_path: Path) -> None:
    rows = [
        {"File name": "S01_0%0.png", "Patient ID": "Patient 1", "DOI": "10.1016/ S01-2(20)3-7 "},
        {"File name": "S01_1.png", "Patient ID": "Patient 2"},
        {
            "File name": "2020.05.06.091234-p1-2.png",
            "Patient ID": "Patient 3",
            "DOI": "10.1101/2020.05.06.091235",
        },
    ]
    dataset = read_covid_ct(covid_ct(tmp_path, rows, others=[]))
    papers = {
        each.source: (each.paper.doi, each.paper.server, len(each.images)) for each in dataset.documents
    }
    assert papers == {
        "covid-ct/S01": ("10.1016/S01-2(20)3-7", None, 2),
        "covid-ct/2020.05.06.091234": ("10.1101/2020.05.06.091234", "biorxiv", 1),
    }
    assert notes(dataset, "row 2", "DOI", "spaces") and notes(dataset, "row 4", "DOI", "091235")


def test_another_disease_in_a_covid_row_lowers_the_confidence(tmp_path: Path) -> None:
    row = {"File name": "a-p1-2.png", "Patient ID": "Patient 1", "Other diseases": "bacterial pneumonia"}
    dataset = read_covid_ct(covid_ct(tmp_path, [row]))
    facts = image(dataset, "a-p1-2.png").facts
    assert facts.finding == "covid" and facts.evidence["finding"].confidence == 0.5
    assert notes(dataset, "row 2", "bacterial pneumonia")


def test_the_split_is_kept_and_its_faults_are_told(tmp_path: Path) -> None:
    rows = [{"File name": f"a-p1-{k}.png", "Patient ID": f"Patient {k}"} for k in range(3)]
    folder = covid_ct(tmp_path, rows)
    lists = folder / "Data-split" / "COVID"
    lists.mkdir(parents=True)
    (lists / "testCT_COVID.txt").write_text("a-p1-0.png\r\nnone.png\r\n\r\n")
    (lists / "trainCT_COVID.txt").write_text("a-p1-1.png\na-p1-0.png\n")
    dataset = read_covid_ct(folder)
    assert image(dataset, "a-p1-0.png").facts.extra["split"] == "test"
    assert image(dataset, "a-p1-1.png").facts.extra["split"] == "train"
    assert "split" not in image(dataset, "a-p1-2.png").facts.extra
    assert (
        notes(dataset, "none.png") and notes(dataset, "a-p1-0.png", "test too") and notes(dataset, "no part")
    )


def test_folders_that_are_no_covid_ct_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no folder CT_COVID"):
        read_covid_ct(tmp_path / "none")
    (tmp_path / "CT_COVID.zip").touch()
    with pytest.raises(DatasetError, match="unpack"):
        read_covid_ct(tmp_path)
    put_pictures(tmp_path / "CT_COVID", ["a.png"])
    with pytest.raises(DatasetError, match="no workbook"):
        read_covid_ct(tmp_path)
    book = openpyxl.Workbook()
    book.active.append(["File name", "Text"])
    book.save(tmp_path / "sheet.xlsx")
    with pytest.raises(DatasetError, match='no column "Captions"'):
        read_covid_ct(tmp_path)


def test_odd_files_and_names_do_no_harm(tmp_path: Path) -> None:
    rows = [
        {"File name": "../../x.png", "Patient ID": "=1+1"},
        {"File name": "line\nend.png", "Patient ID": "[[[["},
    ]
    folder = covid_ct(tmp_path, rows, ["line\nend.png"])
    (folder / "CT_COVID" / "notes.txt").write_text("x")
    (folder / "CT_COVID" / "broken.png").write_bytes(b"no picture")
    (folder / "CT_COVID" / ".DS_Store").touch()
    dataset = read_covid_ct(folder)
    assert notes(dataset, "row 2", "not there") and notes(dataset, "notes.txt")
    assert not notes(dataset, ".DS_Store")
    assert image(dataset, "line\nend.png").facts.patient.id == "[[[["
    assert all(each.source.isprintable() for each in dataset.documents)


# --- ages


@pytest.mark.parametrize(
    ("cell", "text", "low", "high"),
    [
        ("45", "45", 45, 45),
        ("45.0", "45", 45, 45),
        ("45 years old", "45 years old", 45, 45),
        (" 45-year-old ", "45-year-old", 45, 45),
        ("40+", "40+", 40, None),
        ("> 60", "> 60", 60, None),
        ("<18", "<18", None, 17),
        ("40s", "40s", 40, 49),
        ("early 40s", "early 40s", 40, 49),
        ("30–40", "30–40", 30, 40),
        ("between 30 and 40", "between 30 and 40", 30, 40),
        ("3 months", "3 months", 0.25, 0.25),
        ("6-18 months", "6-18 months", 0.5, 1.5),
        ("89", "89", 89, 89),
        ("90", "90+", 90, None),
        ("94 years", "90+", 90, None),
        ("90s", "90+", 90, None),
        ("85-95", "85+", 85, None),
    ],
)
def test_ages_keep_their_words_and_become_years(cell: str, text: str, low: float, high: float | None) -> None:
    assert age(cell) == Age(text, low, high)


@pytest.mark.parametrize("cell", ["", "20-Oct", "adult", "450", "50-30", "M", "1 and 2 and 3", "1" * 5000])
def test_what_is_no_age_is_none(cell: str) -> None:
    assert age(cell) is None


def test_children_are_flagged_and_the_very_old_are_not_quoted(tmp_path: Path) -> None:
    rows = [
        {"File name": f"a-p1-{k}.png", "Patient ID": f"Patient {k}", "Age": years}
        for k, years in enumerate(["17", "18", "8 months", "94"])
    ]
    dataset = read_covid_ct(covid_ct(tmp_path, rows))
    facts = [image(dataset, f"a-p1-{k}.png").facts for k in range(4)]
    assert [each.flags for each in facts] == [("under-18",), (), ("under-18",), ()]
    assert facts[3].patient.age == "90+" and "94" not in repr(facts[3])


def test_dois_in_any_dress() -> None:
    assert doi("https://doi.org/10.1234/ab-c.5.") == "10.1234/ab-c.5"
    assert doi("10.1016/ S0001-2345(20)67890-1 ") == "10.1016/S0001-2345(20)67890-1"
    assert doi("none") is None


# --- covid-chestxray-dataset

NEW = {
    "patientid": "2",
    "offset": "3",
    "sex": "M",
    "age": "65",
    "finding": "Pneumonia/Viral/COVID-19",
    "RT_PCR_positive": "Y",
    "survival": "N",
    "intubated": "N",
    "intubation_present": "N",
    "went_icu": "Y",
    "in_icu": "N",
    "temperature": "38.5",
    "view": "Axial",
    "modality": "CT",
    "date": "January 2020",
    "location": "General Hospital, Norway",
    "folder": "images",
    "filename": "a.jpg",
    "doi": "10.1234/abc1",
    "url": "https://www.example.org/case/1",
    "license": "CC BY-NC-SA 4.0",
    "clinical_notes": "Infiltrate in the left lung.",
    "other_notes": "",
    "": "",
}


def test_the_long_form_becomes_facts(tmp_path: Path) -> None:
    dataset = read_chestxray(chestxray(tmp_path, [NEW], ["a.jpg"]))
    (document,) = dataset.documents
    assert (document.paper.doi, document.paper.licence) == ("10.1234/abc1", "cc_by_nc_sa")
    (found,) = document.images
    patient, facts = found.facts.patient, found.facts
    assert (facts.modality, facts.finding, facts.region) == ("ct", "covid", "chest")
    assert (patient.id, patient.age, patient.gender, patient.location) == (
        "2",
        "65",
        "M",
        "General Hospital, Norway",
    )
    assert (patient.time, patient.time_days) == ("day 3", 3)
    assert (patient.rt_pcr, patient.outcome, patient.icu, patient.ventilation) == (
        "positive",
        "died",
        "yes",
        "",
    )
    assert found.caption == "Infiltrate in the left lung."
    assert facts.extra["temperature"] == "38.5" and facts.extra["view"] == "Axial"
    assert facts.extra["intubated"] == "N" and facts.extra["license"] == "CC BY-NC-SA 4.0"
    assert facts.evidence["rt_pcr"].rule == "sheet.RT_PCR_positive" and facts.evidence["rt_pcr"].text == "Y"
    assert facts.evidence["icu"].rule == "sheet.went_icu"


@pytest.mark.parametrize("column", ["patientid", "Patientid"])
def test_the_short_form_finds_images_by_id_and_joins_one_patients(tmp_path: Path, column: str) -> None:
    rows = [
        {
            column: "CASE-1a",
            "sex": "F",
            "finding": "COVID-19",
            "view": "AP erect",
            "modality": "X-ray",
            "notes": "One.",
        },
        {column: "CASE-1b", "sex": "F", "finding": "", "view": "PA", "modality": "", "notes": ""},
        {column: "CASE-2", "sex": "", "finding": "No Finding", "view": "", "modality": "X-ray", "notes": ""},
        {column: "CASE-3", "sex": "", "finding": "COVID-19", "view": "", "modality": "X-ray", "notes": ""},
    ]
    dataset = read_chestxray(
        chestxray(tmp_path, rows, ["CASE-1a.png", "CASE-1b.jpg", "CASE-2.png"], "table.csv")
    )
    assert {each.source: len(each.images) for each in dataset.documents} == {
        "chestxray/CASE-1": 2,
        "chestxray/CASE-2": 1,
    }
    first, second, third = (image(dataset, name) for name in ("CASE-1a.png", "CASE-1b.jpg", "CASE-2.png"))
    assert [each.facts.patient.id for each in (first, second, third)] == ["CASE-1", "CASE-1", "CASE-2"]
    assert [each.facts.finding for each in (first, second, third)] == ["covid", "uncertain", "non-covid"]
    assert [each.facts.modality for each in (first, second, third)] == ["xray", "xray", "xray"]
    assert first.caption == "One."
    assert notes(dataset, "row 5", "not there")


@pytest.mark.parametrize(
    ("finding", "class_"),
    [
        ("Pneumonia/Viral/COVID-19", "covid"),
        ("COVID-19, ARDS", "covid"),
        ("COVID-19", "covid"),
        ("COVID-19 (suspected)", "uncertain"),
        ("", "uncertain"),
        ("todo", "uncertain"),
        ("Unknown", "uncertain"),
        ("N/A", "uncertain"),
        ("No Finding", "non-covid"),
        ("Pneumonia/Viral/SARS", "non-covid"),
        ("Pneumonia/Bacterial/Streptococcus", "non-covid"),
        ("Tuberculosis", "non-covid"),
        ("not COVID-19", "non-covid"),
    ],
)
def test_findings_are_classes_and_silence_is_never_negative(finding: str, class_: str) -> None:
    assert judged(finding) == class_


def test_images_of_one_paper_or_address_are_one_document(tmp_path: Path) -> None:
    rows = [
        NEW | {"patientid": "1", "filename": "1.png"},
        NEW | {"patientid": "2", "filename": "2.png", "url": ""},
        NEW | {"patientid": "3", "filename": "3.png", "doi": ""},
        NEW | {"patientid": "4", "filename": "4.png", "doi": ""},
        NEW | {"patientid": "5", "filename": "5.png", "doi": "", "url": ""},
    ]
    dataset = read_chestxray(chestxray(tmp_path, rows, [f"{k}.png" for k in range(1, 6)]))
    assert Counter(len(each.images) for each in dataset.documents) == {2: 2, 1: 1}
    assert len({each.source for each in dataset.documents}) == 3
    assert "chestxray/5" in {each.source for each in dataset.documents}


def test_volumes_lost_and_unlisted_images_are_told(tmp_path: Path) -> None:
    rows = [
        NEW,
        NEW | {"folder": "volumes", "filename": "v.nii.gz"},
        NEW | {"filename": "gone.jpg"},
        NEW | {"filename": "../../etc/passwd"},
    ]
    folder = chestxray(tmp_path, rows, ["a.jpg", "other.png"])
    (folder / "volumes").mkdir()
    dataset = read_chestxray(folder)
    assert notes(dataset, "row 3", "volume") and notes(dataset, "rows 4-5", "not there")
    assert notes(dataset, "1 images are in no row", "other.png")
    facts = image(dataset, "other.png").facts
    assert (facts.finding, facts.modality, facts.patient.id) == ("uncertain", "unknown", "0")


def test_odd_cells_are_kept_and_told(tmp_path: Path) -> None:
    row = NEW | {
        "sex": "X",
        "age": "old",
        "RT_PCR_positive": "Unclear",
        "offset": "after a few days",
        "modality": "PET",
        "view": "",
        "patientid": "",
        "license": "ask the author",
    }
    dataset = read_chestxray(chestxray(tmp_path, [row], ["a.jpg"]))
    facts = image(dataset, "a.jpg").facts
    assert (facts.patient.gender, facts.patient.age, facts.patient.rt_pcr, facts.modality) == (
        "",
        "",
        "",
        "unknown",
    )
    assert (facts.patient.time, facts.patient.time_days, facts.patient.id) == ("after a few days", 5, "0")
    assert facts.evidence["time_days"].confidence == 0.5
    assert [facts.extra[column] for column in ("sex", "age", "RT_PCR_positive", "modality")] == [
        *("X", "old", "Unclear", "PET"),
    ]
    for column in ("sex", "age", "RT_PCR_positive", "modality", "patientid"):
        assert notes(dataset, "row 2", column), column
    assert dataset.documents[0].paper.licence is None


def test_folders_that_are_no_chestxray_dataset_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no table"):
        read_chestxray(tmp_path)
    (tmp_path / "metadata.csv").write_text("patientid,result\n1,x\n")
    with pytest.raises(DatasetError, match='no column "finding"'):
        read_chestxray(tmp_path)
    (tmp_path / "metadata.csv").write_text("patientid,finding\n1,x\n")
    with pytest.raises(DatasetError, match="images/"):
        read_chestxray(tmp_path)


# --- the real ones


@pytest.fixture(scope="module")
def data() -> Path:
    found = os.environ.get("COVIDCT_DATA")
    if not found or not (Path(found) / "covid-ct").is_dir():
        pytest.skip("COVIDCT_DATA does not name a folder with covid-ct/")
    return Path(found)


def test_the_real_covid_ct_comes_in_whole(data: Path) -> None:
    dataset = read_covid_ct(data / "covid-ct")
    images = [each for document in dataset.documents for each in document.images]
    assert len({each.file for each in images}) == len(images) == 746
    assert Counter(each.facts.finding for each in images) == {"covid": 349, "non-covid": 397}
    splits = Counter((each.facts.finding, each.facts.extra["split"]) for each in images)
    assert splits == {
        **{("covid", "train"): 191, ("covid", "val"): 60, ("covid", "test"): 98},
        **{("non-covid", "train"): 234, ("non-covid", "val"): 58, ("non-covid", "test"): 105},
    }
    covid = [each for each in images if each.facts.finding == "covid"]
    assert all("id" in each.facts.evidence for each in covid), (
        "each of the sheet's 349 rows has found its image"
    )
    assert len({each.facts.patient.id for each in covid}) == 213
    assert not notes(dataset, "not there")


def test_the_real_chestxray_sheet_comes_in(data: Path) -> None:
    dataset = read_chestxray(data / "chestxray")
    images = [each for document in dataset.documents for each in document.images]
    assert len(images) == 12
    assert {each.facts.modality for each in images} == {"xray"}
    assert Counter(each.facts.finding for each in images) == {"covid": 7, "non-covid": 4, "uncertain": 1}
