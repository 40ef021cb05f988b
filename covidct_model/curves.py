"""How a run went, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def curves(history: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw loss and AUC over the epochs into a PNG; the epoch that was kept is marked."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = [each["epoch"] for each in history]
    left.plot(epochs, [each["loss"] for each in history], label="training, augmented")
    judged = [each for each in history if each["val_auc"] is not None]
    if judged:
        at = [each["epoch"] for each in judged]
        left.plot(at, [each["val_loss"] for each in judged], label="validation")
        right.plot(at, [each["val_auc"] for each in judged], label="validation")
        kept = [each["epoch"] for each in history if each["kept"]][-1]
        right.axvline(kept, linestyle=":", color="grey", label=f"kept: epoch {kept}")
        right.legend()
    left.legend()
    left.set(xlabel="epoch", ylabel="loss")
    right.set(xlabel="epoch", ylabel="AUC", ylim=(min([0.5, *(each["val_auc"] for each in judged)]), 1))
    figure.savefig(path, dpi=120, metadata={"Software": None})
