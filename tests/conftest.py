"""Shared fixtures. Real data is read from ../shared; where that is absent, tests that need it skip and say so."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared(*parts: str) -> Path:
    """A path in the shared folder of real data and goldens, or a skip with the reason."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"real data not here: {'/'.join(parts)} (kept beside the checkout in ../shared, never committed)")
    return path
