"""Modality, region and faces, from sentences written here and looks made up."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from covidct_curate.label import text
from covidct_curate.label.kinds import MODALITIES
from covidct_curate.label.modality import read_modality, read_region, shows_face
from covidct_curate.label.passage import Passage
from covidct_curate.label.rules import Rules, load_rules
from covidct_curate.panels.kind import CLASSES
from covidct_curate.records import Source


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load_rules("covid-19")


def said(words: str, source: Source = "caption") -> Passage:
    whole = text.read(words)
    return Passage(whole, 0, len(whole.plain), source)


def look(**chances: float) -> Mapping[str, float]:
    """A look with these chances, the rest spread over the other classes."""
    others = [name for name in CLASSES if name not in chances]
    rest = (1 - sum(chances.values())) / max(1, len(others))
    return {name: chances.get(name, rest) for name in CLASSES}


SENTENCES = [
    # plainly named
    ("Axial chest CT of a 61-year-old man on day 5.", "ct"),
    ("High-resolution computed tomographic image at the level of the carina.", "ct"),
    ("HRCT of the thorax, lung window.", "ct"),
    ("CBCT slices of the mandible before extraction.", "ct"),
    ("Baseline tomodensitometry in a patient from the first wave.", "ct"),
    ("Serial CTs obtained on days 1, 6 and 14.", "ct"),
    ("Computerised tomography of the abdomen with contrast.", "ct"),
    ("Follow-up chest ct shows absorption.", "ct"),
    ("Chest radiograph, posteroanterior view.", "xray"),
    ("Portable CXR at intubation.", "xray"),
    ("X rays of both hands.", "xray"),
    ("Barium swallow with a bird-beak narrowing.", "xray"),
    ("T2-weighted axial image with a bright lesion.", "mri"),
    ("Cardiac MR imaging, short axis.", "mri"),
    ("FLAIR sequence on admission.", "mri"),
    ("Lung ultrasound with confluent B-lines.", "ultrasound"),
    ("Transthoracic echocardiogram, apical view.", "ultrasound"),
    ("Bone scan with uptake in the ribs.", "nuclear"),
    ("Coronary angiogram of the left anterior descending artery.", "angiography"),
    ("DSA of the internal carotid artery.", "angiography"),
    ("Bronchoscopy on day 3 with pale secretions.", "endoscopy"),
    ("Photograph of the rash on the trunk.", "photo"),
    ("Gross specimen after lobectomy.", "photo"),
    ("Haematoxylin and eosin stain of lung tissue, x200.", "microscopy"),
    ("Transmission electron micrographs of viral particles.", "microscopy"),
    ("Western blot of the spike protein in three lysates.", "gel"),
    ("Kaplan-Meier estimate of survival by group.", "plot"),
    ("Box plots of age by severity.", "plot"),
    ("Flow chart of patient selection.", "diagram"),
    ("Schematic representation of the two-stage network.", "diagram"),
    ("Twelve-lead electrocardiogram with ST elevation.", "other"),
    # compounds
    ("PET/CT with an avid node in the left hilum.", "nuclear"),
    ("SPECT-CT of the foot.", "nuclear"),
    ("Positron emission tomography/computed tomography before treatment.", "nuclear"),
    ("CT angiography of the circle of Willis.", "ct"),
    ("CTPA with a saddle embolus.", "ct"),
    ("MR angiography of the renal arteries.", "mri"),
    ("Endoscopic ultrasound of the pancreatic head.", "ultrasound"),
    ("Optical coherence tomography of the right macula.", "other"),
    ("Virtual bronchoscopy of the trachea.", "ct"),
    # mentioned, not shown
    ("ROC curve of CT scores for the prediction of severe disease.", "plot"),
    ("CT-guided biopsy specimen with caseating granuloma, H&E.", "microscopy"),
    ("Number of patients with CT on each day.", "plot"),
    ("Ct values of the N gene over time, plotted as box plots.", "plot"),
    ("Correlation between CT severity score and C-reactive protein.", "plot"),
    ("MRI of the brain showing a lesion that was missed on CT.", "mri"),
    ("CT was normal; ultrasound shows a small effusion.", "ultrasound"),
    ("Chest X-ray with bilateral shadows; CT later showed ground-glass opacities.", "xray"),
    ("Ultrasound of the liver, confirmed by MRI.", "ultrasound"),
    ("Chest radiography compared with CT in a 40-year-old woman.", "xray"),
    ("Flowchart of the 230 patients who underwent chest CT.", "diagram"),
    ("Ultrasound-guided puncture seen on axial CT.", "ct"),
    ("Architecture of the network for classifying CT images of COVID-19.", "ct"),
    ("Dynamic changes of lymphocyte count and CT score in severe cases.", "plot"),
    ("Percentage of patients with each CT sign by age group.", "plot"),
    ("Sensitivity of chest CT and of nucleic acid tests over time.", "plot"),
    ("Histogram of Hounsfield units within the lung on CT.", "plot"),
    ("Trends of CT findings by days since onset in 90 patients.", "plot"),
    ("Segmentation of lesions (red) on axial CT slices.", "ct"),
    ("Three-dimensional reconstruction of the lungs from CT data.", "ct"),
    ("Diffuse alveolar damage (H&E). CT of the same patient showed consolidation.", "microscopy"),
    # words that only look like it
    ("X-ray crystal structure of the protease.", "diagram"),
    ("Electron tomography of virions in a lung cell.", "microscopy"),
    ("CTRL and CTLA-4 groups of mice.", "unknown"),
    ("Mr Smith and his CTO.", "unknown"),
    ("The low Ct value of the sample was confirmed.", "unknown"),
    ("Patients of the US and of the EU.", "unknown"),
    ("Concentrations of 8 × 107 units.", "unknown"),
    ("Changes on day 3 (A) and day 9 (B).", "unknown"),
    # signs alone
    ("Ground-glass opacities in both lower lobes.", "ct"),
    ("Crazy-paving pattern with air bronchograms.", "ct"),
    ("Hypoechoic nodule of the thyroid.", "ultrasound"),
    ("Hyperintense signal in the left thalamus.", "mri"),
]


@pytest.mark.parametrize(("sentence", "truth"), SENTENCES)
def test_modality_of_a_caption(sentence: str, truth: str, rules: Rules) -> None:
    modality, evidence, flags = read_modality([said(sentence)], rules, {})
    assert modality == truth
    assert flags == ()
    if truth == "unknown":
        assert evidence is None
    else:
        assert evidence is not None
        assert evidence.source == "caption"
        assert evidence.text in sentence
        assert 0.3 < evidence.confidence <= 0.99


@pytest.mark.parametrize(
    ("sentence", "truth"),
    [
        ("Axial CT of the chest.", "chest"),
        ("Chest radiograph on admission.", "chest"),
        ("Ground-glass opacities in the right upper lobe.", "chest"),
        ("CT pulmonary angiogram (CTPA) with emboli.", "chest"),
        ("HRCT with bilateral pleural effusion.", "chest"),
        ("Lung ultrasound of a patient with heart failure.", "chest"),
        ("CT of the lungs of a patient with a liver transplant.", "chest"),
        ("MRI of the brain.", "head"),
        ("Non-contrast head CT of a patient with pneumonia.", "head"),
        ("Axial CT with thrombosis of the sigmoid sinus.", "head"),
        ("Lesion of the left temporal lobe.", "head"),
        ("Panoramic radiograph with an impacted tooth.", "head"),
        ("Abdominal CT with free fluid.", "abdomen"),
        ("Nodule in the left hepatic lobe.", "abdomen"),
        ("Ultrasound of the right kidney.", "abdomen"),
        ("Voiding cystourethrography with a double bladder.", "pelvis"),
        ("Sagittal MRI of the lumbar spine.", "spine"),
        ("Lateral radiograph of the left knee.", "limb"),
        ("Fracture of the distal radius.", "limb"),
        ("Cardiac MRI, four-chamber view.", "heart"),
        ("Echocardiogram with a vegetation on the mitral valve.", "heart"),
        ("Ultrasound of the thyroid.", "neck"),
        ("Mammogram of the left side.", "breast"),
        ("Whole-body PET.", "whole body"),
        ("CT image of case 7.", None),
        ("Survival by age.", None),
    ],
)
def test_region_of_a_caption(sentence: str, truth: str | None, rules: Rules) -> None:
    reading = read_region([said(sentence)], rules)
    assert (reading and reading.value) == truth
    if reading:
        assert reading.evidence.rule.startswith("region.")
        assert reading.evidence.text in sentence


def test_the_nearest_passage_decides(rules: Rules) -> None:
    caption = said("Imaging of a 50-year-old man. (A) Chest radiograph. (B) CT. (C) MRI of the brain.")
    for part, modality in (("Chest radiograph.", "xray"), ("CT.", "ct"), ("MRI of the brain.", "mri")):
        found = read_modality([said(part, "subcaption"), caption], rules, {})
        assert found[0] == modality
        assert found[1] is not None
        assert found[1].source == "subcaption"
    region = read_region([said("MRI of the brain.", "subcaption"), said("Chest CT and MRI.")], rules)
    assert region is not None
    assert region.value == "head"


def test_signs_yield_to_a_modality_named_further_away(rules: Rules) -> None:
    passages = [said("Bilateral ground-glass opacity", "subcaption"), said("Chest radiographs of case 2.")]
    assert read_modality(passages, rules, {})[0] == "xray"


def test_a_part_of_a_text_is_read_alone(rules: Rules) -> None:
    whole = text.read("Chest CT on day 1. Lateral radiograph of the knee on day 2.")
    second = whole.sentences[1]
    modality, _, _ = read_modality([Passage(whole, *second, "caption")], rules, {})
    region = read_region([Passage(whole, *second, "caption")], rules)
    assert modality == "xray"
    assert region is not None
    assert region.value == "limb"


@pytest.mark.parametrize(
    ("mention", "truth"),
    [
        ("He was pale, and an abdominal ultrasound was ordered; CT then showed a mass (Figure 2).", "ct"),
        ("Chest X-ray was followed by MRI (Fig. 1) and later by biopsy.", "mri"),
        ("The chest CT is given in Figure 3.", "ct"),
    ],
)
def test_a_mention_speaks_of_what_stands_before_the_citation(mention: str, truth: str, rules: Rules) -> None:
    modality, evidence, _ = read_modality([said(mention, "mention")], rules, {})
    assert modality == truth
    assert evidence is not None
    assert evidence.source == "mention"


@pytest.mark.parametrize(("seen", "truth"), [("ct", "ct"), ("xray", "xray")])
def test_pixels_settle_what_words_leave_open(seen: str, truth: str, rules: Rules) -> None:
    passages = [said("Chest X-ray and CT of a patient with COVID-19.")]
    modality, evidence, flags = read_modality(passages, rules, look(**{seen: 0.9}))
    assert (modality, flags) == (truth, ())
    assert evidence is not None
    assert evidence.source == "caption"


def test_the_ct_of_a_fused_scan_is_ct_where_it_surely_looks_so(rules: Rules) -> None:
    passages = [said("PET/CT of a patient with lymphoma.")]
    assert read_modality(passages, rules, look(ct=0.95))[0] == "ct"
    assert read_modality(passages, rules, look(nuclear=0.9))[0] == "nuclear"
    assert read_modality(passages, rules, look(photo=0.9))[0] == "nuclear"


@pytest.mark.parametrize("words", ["Chest CT findings of 80 patients.", "CT of the chest by day."])
@pytest.mark.parametrize("sure", [0.7, 0.9, 0.99])
def test_a_drawing_is_no_ct_whatever_its_caption_says(words: str, sure: float, rules: Rules) -> None:
    modality, evidence, flags = read_modality([said(words)], rules, look(graphic=sure))
    assert modality in ("plot", "diagram", "table")
    assert flags == ("modality-conflict",)
    assert evidence is not None
    assert (evidence.source, evidence.rule) == ("pixels", "pixels.look")
    assert evidence.confidence < 0.7


def test_words_and_pixels_that_disagree_go_to_review(rules: Rules) -> None:
    passages = [said("Axial CT of the chest.")]
    agreed = read_modality(passages, rules, look(ct=0.95))
    against = read_modality(passages, rules, look(xray=0.97))
    assert agreed[0] == against[0] == "ct"
    assert agreed[2] == ()
    assert against[2] == ("modality-conflict",)
    assert agreed[1] is not None
    assert against[1] is not None
    assert against[1].confidence < 0.75 < 0.95 < agreed[1].confidence


def test_an_unsure_look_does_not_disagree(rules: Rules) -> None:
    passages = [said("Axial CT of the chest.")]
    modality, _, flags = read_modality(passages, rules, look(xray=0.4, mri=0.3, ct=0.2))
    assert (modality, flags) == ("ct", ())


def test_pixels_speak_alone_where_words_say_nothing(rules: Rules) -> None:
    passages = [said("A patient on day 4.")]
    modality, evidence, flags = read_modality(passages, rules, look(ct=0.95))
    assert (modality, flags) == ("ct", ())
    assert evidence is not None
    assert (evidence.rule, evidence.source, evidence.text) == ("pixels.look", "pixels", "ct 0.95")
    assert read_modality(passages, rules, look(graphic=0.98))[0] == "plot"
    assert read_modality(passages, rules, look(photo=0.95))[0] == "photo"
    assert read_modality([], rules, look(ultrasound=0.95))[0] == "ultrasound"
    assert read_modality(passages, rules, look())[0] == "unknown"


def test_the_figures_kind_stands_in_for_a_look(rules: Rules) -> None:
    passages = [said("Distribution across provinces.")]
    assert read_modality(passages, rules, {}, kind="graphic")[0] == "plot"
    assert read_modality(passages, rules, {}, kind="radiology")[0] == "unknown"
    assert read_modality([said("Chest CT.")], rules, {}, kind="radiology")[2] == ()
    assert read_modality([said("Chest CT.")], rules, look(ct=0.9), kind="graphic")[0] == "ct"


def test_nothing_to_go_by_is_unknown(rules: Rules) -> None:
    assert read_modality([], rules, {}) == ("unknown", None, ())
    assert read_modality([said("")], rules, {}) == ("unknown", None, ())
    assert read_region([said("")], rules) is None


@pytest.mark.parametrize(
    ("words", "modality", "truth"),
    [
        ("Photograph of the face of the child.", "photo", True),
        ("Note hypertelorism and a broad nasal bridge.", "photo", True),
        ("The patient before and after surgery.", "photo", True),
        ("At presentation.", "photo", True),
        ("", "photo", True),
        ("Facial oedema on day 2.", "unknown", True),
        ("Clinical photograph of the left knee.", "photo", False),
        ("Picture of the patient's forearm.", "photo", False),
        ("Gross specimen of the tumour.", "photo", False),
        ("Intraoperative view of the cyst.", "photo", False),
        ("Swelling of the face on CT.", "ct", False),
        ("At presentation.", "unknown", True),
        ("At presentation.", "other", False),
        ("Section of the retina.", "unknown", False),
        ("At presentation.", "ct", False),
        ("Skin of the face, H&E.", "microscopy", False),
    ],
)
def test_faces(words: str, modality: str, truth: bool, rules: Rules) -> None:
    assert shows_face([said(words)], rules, modality, look(photo=0.9)) is truth


def test_a_picture_that_looks_like_no_photograph_shows_no_face(rules: Rules) -> None:
    assert not shows_face([said("Facial oedema on day 2.")], rules, "unknown", look(ct=0.9))
    assert shows_face([said("Facial oedema on day 2.")], rules, "unknown", {})
    assert not shows_face([said("At presentation.")], rules, "unknown", {})


def test_what_a_mention_says_beside_the_caption_hides_no_face(rules: Rules) -> None:
    aside = said("After removal of the cyst of the hand he recovered (Figure 9).", "mention")
    assert shows_face([said("", "caption"), aside], rules, "photo", look(photo=0.9))
    assert not shows_face([said("The cyst.", "caption"), aside], rules, "photo", look(photo=0.9))


def test_schematics_are_named_by_their_words(rules: Rules) -> None:
    for words, count in (
        ("Workflow of the study", 1),
        ("Schematic of the prediction pipeline", 2),
        ("Chest CT of a 40-year-old man", 0),
    ):
        assert len(rules.find("schematic", text.read(words))) == count


@pytest.mark.parametrize(
    "words",
    [
        "CT " * 30_000,
        "PET/" * 20_000 + "CT",
        "comparison of the a b c d " * 4000,
        "(a) (b) and " * 8000,
        "chest chest chest chest CT-" * 4000,
        "was normal " * 9000,
        "x" * 100_000,
        "\x00\x07\u202e=CT()\ufffd" * 10_000,
        "<b>CT</b>" * 11_000,
    ],
    ids=["CT", "PET", "comparison", "letters", "chest", "normal", "one word", "control", "html"],
)
def test_long_and_hostile_captions_take_no_long_time(words: str, rules: Rules) -> None:
    start = time.perf_counter()
    passages = [said(words, "subcaption"), said(words), said(words, "mention")]
    modality, _, _ = read_modality(passages, rules, look(ct=0.5))
    read_region(passages, rules)
    shows_face(passages, rules, "photo", {})
    assert modality in (*MODALITIES, "unknown")
    assert time.perf_counter() - start < 30
