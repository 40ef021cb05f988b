"""Words set without spaces, as some PDFs give them: where to part "CTscansofthe2019-nCoVnucleicacid"."""

from __future__ import annotations

import re

_LONG = 24
"""Characters without a space from which on a token may be several words."""
_RUN = re.compile(r"[A-Za-z]+")
_ADDRESS = re.compile(r"://|www\.|10\.\d{4}|@|\\|_")
_JOINT = re.compile(r"(?<=[a-z])(?=\d)|(?<=[,;:.])(?=[A-Za-z(])|(?<=\))(?=[A-Za-z])|(?<=[a-z0-9])(?=\()")
_KEPT = re.compile(r"(?:COVID|CoV|SARS|nCoV|H\d|N\d)-?\Z", re.I)
_LONGEST_WORD = 18
_STRANGE = 3.0
"""Cost of a letter in no known word; a word costs 1, a single letter that is one 2."""
_VOCABULARY = """a about abdominal absence absorbed absorption acid acute adjacent admission admitted after age aged air all
    also an and angiography anterior apical appearance are area areas arrow arrows artery as at atelectasis
    attenuation axial bacterial basal be before between bilateral biopsy blue both brain bronchial bronchiectasis
    bronchogram bronchograms by calcification can cardiac case cases cavity cell changes chest circle clear clinical
    coarse computed confirmed consistent consolidation contrast control coronal coronavirus cough course cov covid crazy
    ct cyst cystic cysts daily date day days decreased demonstrate demonstrated demonstrates demonstrating dense
    density detected diagnosed diagnosis diameter died diffuse disease discharge discharged disappeared distribution
    dyspnea during effusion emphysema enhanced enhancement enlarged enlargement enlarging examination extensive
    female fever fibrosis figure findings first focal follow followed following for four from fourth features glass
    ground had has have he healthy heart hepatic her high his history honeycombing hospital hours id illness image
    images imaging improved in increase increased increasing indicate indicated infected infection infiltrates
    initial intensity interlobular interstitial involvement involving is january february march april june july
    august september october november december kidney large largest later left lesion lesions lobe lobes lobular
    local located lower lung lungs lymph male man marked mass masses mediastinal middle mild month months more
    mri multifocal multilobar multiple negative nodes nodular nodule nodules ncov no non normal not novel nucleic obtained
    obvious obviously of old on one onset opacification opacities opacity or paired patchy patient patients pattern
    paving peripheral pleura pleural plain pneumonia pneumothorax pneumonic positive posterior predominant
    presentation presented presenting previous progress progressed progression pulmonary radiograph radiographs red
    reduced reduction resolution resolved revealed reveals reticular right sagittal same scan scans scattered second
    section segment segments septal series severe several shadow shadows she show showed showing shown shows signs
    size small slice slices spiral stage study subpleural subsequent suspected symptom symptoms syndrome the their
    there thickening thin third thoracic three throat tomographic tomography transverse treated treatment tumor
    tumour two typical unenhanced unilateral upper vascular vessel view viral virus visible was we week weeks were
    while white who window with within without woman year years yellow zone"""
_WORDS = frozenset(_VOCABULARY.split())
_SINGLE = frozenset("a")


def breaks(token: str) -> list[int]:
    """Positions in a token without white space at which spaces were lost, in order; most have none.

    Addresses are left alone. Takes time linear in the length of the token.
    """
    if len(token) < _LONG or _ADDRESS.search(token) or sum(map(str.isalpha, token)) < 0.6 * len(token):
        return []
    runs = [found.span() for found in _RUN.finditer(token)]
    if max((end - start for start, end in runs), default=0) < 12:
        return []
    found = {at for start, end in runs for at in _parted(token, start, end)}
    if not found:
        return []
    found |= {joint.start() for joint in _JOINT.finditer(token)}
    return sorted(at for at in found if 0 < at < len(token) and not _KEPT.search(token, max(0, at - 6), at))


def _parted(token: str, start: int, end: int) -> list[int]:
    """Where a run of letters parts into the fewest known words; nothing when too little of it is in any."""
    letters = token[start:end].lower()
    best: list[tuple[float, int, bool]] = [(0.0, 0, True)]
    for at in range(1, len(letters) + 1):
        cost = best[at - 1][0]
        choice = (cost + _STRANGE, at - 1, False)
        for back in range(max(0, at - _LONGEST_WORD), at):
            word = letters[back:at]
            if word in _WORDS and (len(word) > 1 or word in _SINGLE):
                total = best[back][0] + (1 if len(word) > 1 else 2)
                if total < choice[0]:
                    choice = (total, back, True)
        best.append(choice)
    pieces: list[tuple[int, int, bool]] = []
    at = len(letters)
    while at:
        _, origin, known = best[at]
        if pieces and not known and not pieces[-1][2]:
            pieces[-1] = (origin, pieces[-1][1], False)
        else:
            pieces.append((origin, at, known))
        at = origin
    known_letters = sum(finish - begin for begin, finish, known in pieces if known)
    if len(pieces) < 2 or known_letters < 0.7 * len(letters):
        return []
    return [start + begin for begin, _, _ in pieces if begin] + [start] * (
        token[start - 1 : start] not in ("", "-", "/")
    )
