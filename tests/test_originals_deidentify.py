"""Nothing of a patient leaves a header but the facts that are named."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from covidct_curate.errors import CurateError
from covidct_curate.originals.deidentify import FACTS, day_of, facts, flags, identity, pseudonym
from covidct_curate.originals.dicom import find_dicom
from tests.volumes import ROOT, SALT, voxels, write_dicom


def test_the_facts_are_those_named_and_nothing_else(tmp_path: Path) -> None:
    write_dicom(tmp_path, voxels())
    (series,), _ = find_dicom(tmp_path, SALT)
    assert series.facts == {
        "sex": "F",
        "age": "70",
        "modality": "ct",
        "body_part": "chest",
        "manufacturer": "Siemens",
        "kvp": "120",
        "slice_thickness": "5",
        "day": "0",
    }
    assert set(series.facts) <= set(FACTS)
    assert re.fullmatch("s-[0-9a-f]{12}", series.name) and re.fullmatch("p-[0-9a-f]{12}", series.patient)


def test_nothing_that_names_a_patient_is_told(tmp_path: Path) -> None:
    def secrets(data: Dataset, index: int) -> None:
        for name in ("BodyPartExamined", "Manufacturer", "PatientSex", "PatientAge", "KVP", "SliceThickness"):
            data[name].value = "0" if name in ("KVP", "SliceThickness") else "MRN-0042 DOE"
        data.StudyDescription = "Jane Doe, room 7"

    with pytest.warns(UserWarning):  # the writer's: such values are against the standard
        write_dicom(tmp_path, voxels(), change=secrets)
    (series,), notes = find_dicom(tmp_path, SALT)
    volume = series.load()
    told = repr((series.name, series.patient, series.facts, series.flags, notes, volume.notes)).casefold()
    assert not re.search(r"doe|jane|0042|nowhere|a-7|2020|1950|room", told) and ROOT not in told


def test_a_salt_decides_and_must_be_long() -> None:
    assert pseudonym("p", SALT, "7") == pseudonym("p", SALT, "7")
    others = {pseudonym("s", SALT, "7"), pseudonym("p", SALT + b"2", "7"), pseudonym("p", SALT, "8")}
    assert len(others) == 3 and pseudonym("p", SALT, "7") not in others
    assert pseudonym("s", SALT, "7")[2:] != pseudonym("p", SALT, "7")[2:]
    with pytest.raises(CurateError, match="16 bytes"):
        pseudonym("p", b"short", "7")


def test_days_count_from_the_first_study(tmp_path: Path) -> None:
    for number, (day, patient) in enumerate(
        (("20200310", "A"), ("20200302", "A"), ("20190101", "B"), ("2020", "B"))
    ):

        def of(
            data: Dataset, index: int, number: int = number, day: str = day, patient: str = patient
        ) -> None:
            data.SeriesInstanceUID = f"{ROOT}.2.{number}"
            data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = f"{ROOT}.3.{number}.{index}"
            data.PatientID = patient
            data["StudyDate"].value = day if len(day) == 8 else ""

        write_dicom(tmp_path / str(number), voxels(), change=of)
    found, _ = find_dicom(tmp_path, SALT)
    assert [each.facts.get("day") for each in found] == ["8", "0", "0", None]
    assert [found[0].patient == each.patient for each in found] == [True, True, False, False]


@pytest.mark.parametrize("number", ["", "ANONYMOUS", "0"])
def test_patients_without_a_number_are_told_apart_by_study(tmp_path: Path, number: str) -> None:
    for study in "12":

        def of(data: Dataset, index: int, study: str = study) -> None:
            data.PatientID, data.StudyInstanceUID = number, f"{ROOT}.1.{study}"
            data.SeriesInstanceUID = f"{ROOT}.2.{study}"
            data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = f"{ROOT}.3.{study}.{index}"

        write_dicom(tmp_path / study, voxels(), change=of)
    found, notes = find_dicom(tmp_path, SALT)
    assert found[0].patient != found[1].patient
    assert notes == ("2 series do not say whose they are; each study of them counts as one patient",)


def header(**elements: str) -> dict[str, str]:
    return elements


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"PatientAge": "045Y"}, "45"),
        ({"PatientAge": "089Y"}, "89"),
        ({"PatientAge": "090Y"}, "90+"),
        ({"PatientAge": "104Y"}, "90+"),
        ({"PatientAge": "003M"}, "3 months"),
        ({"PatientAge": "001W"}, "1 week"),
        ({"PatientAge": "010D"}, "10 days"),
        ({"PatientAge": "000Y"}, None),
        ({"PatientAge": "999Y"}, None),
        ({"PatientAge": "45"}, None),
        ({"PatientBirthDate": "19500630", "StudyDate": "20200629"}, "69"),
        ({"PatientBirthDate": "19500630", "StudyDate": "2020.06.30"}, "70"),
        ({"PatientBirthDate": "19250630", "StudyDate": "20200629"}, "90+"),
        ({"PatientBirthDate": "20210630", "StudyDate": "20200629"}, None),
        ({"PatientBirthDate": "19500631", "StudyDate": "20200629"}, None),
    ],
)
def test_ages(said: dict[str, str], told: str | None) -> None:
    assert facts(header(**said)).get("age") == told


@given(
    st.dictionaries(
        st.sampled_from(["PatientSex", "PatientAge", "BodyPartExamined", "Manufacturer", "KVP"]), st.text()
    )
)
def test_facts_are_known_words_or_numbers(said: dict[str, str]) -> None:
    told = facts(said)
    assert set(told) <= set(FACTS)
    for name, value in told.items():
        assert re.fullmatch(r"[A-Za-z ]{1,15}|\d[\d.]{0,6}|\d+ (day|week|month)s?|90\+", value), name


def test_warnings_of_a_header_are_flags() -> None:
    assert flags(header(BurnedInAnnotation="YES", RecognizableVisualFeatures="yes ")) == ("burned-in", "face")
    assert flags(header(BurnedInAnnotation="NO")) == ()


def test_a_damaged_header_tells_nothing() -> None:
    class Damaged:
        def get(self, name: str) -> str:
            raise ValueError(name)

    assert facts(Damaged()) == {"modality": "ct"}
    assert day_of(Damaged()) is None and identity(Damaged()) is None and flags(Damaged()) == ()


def test_one_number_of_two_issuers_is_two_patients() -> None:
    assert identity(header(PatientID="7", IssuerOfPatientID="A")) != identity(header(PatientID="7"))
    assert np.unique([pseudonym("p", SALT, str(each)) for each in range(1000)]).size == 1000
