"""ELAN annotation document (EAF 3.0) with one tier per modality; overlapping events go to additional tiers."""

from __future__ import annotations

import mimetypes
from datetime import UTC, datetime
from urllib.parse import quote
from xml.etree import ElementTree as ET

from lookhear.timeline.exports.rows import apart, tiers
from lookhear.timeline.value import Timeline

SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
XSI = "http://www.w3.org/2001/XMLSchema-instance"


def write(timeline: Timeline) -> str:
    """The text of an .eaf file. Times are in milliseconds; each annotation has two time slots."""
    ET.register_namespace("xsi", XSI)
    root = ET.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "lookhear",
            "DATE": datetime(2000, 1, 1, tzinfo=UTC).isoformat(),  # constant, so that equal timelines give equal files
            "FORMAT": "3.0",
            "VERSION": "3.0",
            f"{{{XSI}}}noNamespaceSchemaLocation": SCHEMA,
        },
    )
    header = ET.SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    name = timeline.source.rpartition("/")[2]
    kind = mimetypes.guess_type(name)[0] or "unknown"
    ET.SubElement(header, "MEDIA_DESCRIPTOR", {"MEDIA_URL": f"./{quote(name)}", "MIME_TYPE": kind})
    order = ET.SubElement(root, "TIME_ORDER")
    slots: dict[str, int] = {}
    made = 0
    for tier, rows in tiers(timeline).items():
        for number, line in enumerate(apart(rows) or [[]], 1):
            label = tier if number == 1 else f"{tier} {number}"
            parent = ET.SubElement(root, "TIER", {"LINGUISTIC_TYPE_REF": "default-lt", "TIER_ID": label})
            for start, end, text in line:
                made += 1
                refs = {"TIME_SLOT_REF1": f"ts{2 * made - 1}", "TIME_SLOT_REF2": f"ts{2 * made}"}
                slots |= {refs["TIME_SLOT_REF1"]: round(start * 1000), refs["TIME_SLOT_REF2"]: round(end * 1000)}
                one = ET.SubElement(
                    ET.SubElement(parent, "ANNOTATION"), "ALIGNABLE_ANNOTATION", {"ANNOTATION_ID": f"a{made}", **refs}
                )
                ET.SubElement(one, "ANNOTATION_VALUE").text = _allowed(text)
    for slot, time in sorted(slots.items(), key=lambda pair: pair[1]):  # ELAN expects slots in order of time
        ET.SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": slot, "TIME_VALUE": str(time)})
    ET.SubElement(
        root,
        "LINGUISTIC_TYPE",
        {"GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": "default-lt", "TIME_ALIGNABLE": "true"},
    )
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _allowed(text: str) -> str:
    """The text without the control characters that XML forbids."""
    return "".join(c for c in text if c in "\t\n" or ord(c) >= 32)
