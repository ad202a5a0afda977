"""What differs between the releases of PyAV, 14.1 to 19: words that a call knows or does not know."""

from __future__ import annotations

from typing import Any

import av

RELEASE = int(av.__version__.split(".")[0])
OPEN: dict[str, Any] = {} if RELEASE >= 19 else {"metadata_errors": "ignore"}  # tags are not worth a crash
SCALE: dict[str, Any] = {"threads": 1} if RELEASE >= 17 else {}  # older ones have one thread and no word for it
