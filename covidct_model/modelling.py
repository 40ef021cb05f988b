"""What all commands for models share: how they end."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager

from covidct_curate.console import plain_errors
from covidct_curate.errors import ChoiceError


@contextmanager
def modelling() -> Iterator[None]:
    """As `plain_errors`, and a clear word where torch is not installed."""
    with plain_errors():
        if importlib.util.find_spec("torch") is None or importlib.util.find_spec("torchvision") is None:
            raise ChoiceError("models need torch and torchvision; install them: pip install 'covidct[model]'")
        yield
