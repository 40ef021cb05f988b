"""What all commands for models share: how they begin and end."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager

from covidct_curate.console import plain_errors
from covidct_curate.errors import ChoiceError
from covidct_model.heap import keep_freed


@contextmanager
def modelling() -> Iterator[None]:
    """As `plain_errors`, a clear word where torch is not installed, and memory kept."""
    with plain_errors():
        if importlib.util.find_spec("torch") is None or importlib.util.find_spec("torchvision") is None:
            raise ChoiceError("models need torch and torchvision; install them: pip install 'covidct[model]'")
        keep_freed()
        yield
