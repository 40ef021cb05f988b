"""Every error that training and judging raise on purpose.

CurateError
└── ModelError
    ├── DataError       a release that cannot be trained on: what is wrong with it, all at once
    ├── ConfigError     a run that is described wrongly
    ├── WeightsError    weights that cannot be had, read or trusted
    ├── RunError        a run folder that cannot be used, or is another's
    └── MemoryShort     not enough memory: which size or batch to try
"""

from __future__ import annotations

from covidct_curate.errors import CurateError


class ModelError(CurateError):
    """Base of all."""


class DataError(ModelError):
    """A release cannot be trained on."""


class ConfigError(ModelError):
    """A run is described wrongly."""


class WeightsError(ModelError):
    """Weights cannot be had, read or trusted."""


class RunError(ModelError):
    """A run folder cannot be used."""


class MemoryShort(ModelError):
    """Not enough memory."""
