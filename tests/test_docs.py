"""The pages tell the truth: code they show is the code there is, files they name exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_network_shown_is_the_network():
    shown = re.search(r"```python\n(.*?)\n```", (ROOT / "docs/add/net.md").read_text("utf-8"), re.DOTALL)
    assert shown.group(1).strip() == (ROOT / "src/lookhear/nets/pooled_mlp.py").read_text("utf-8").strip()


@pytest.mark.parametrize("page", [p for p in PAGES if p.exists()], ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)\)", page.read_text("utf-8")):
        if not target.startswith(("http", "mailto")):
            assert (page.parent / target).exists(), f"{page.name} points to {target}"
