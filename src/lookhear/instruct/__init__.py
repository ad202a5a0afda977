"""Explicit-reasoning instruction data, AV-UIE style: write, check, export.

Example ─ by rule, or by a model behind an address ─▶ text ─ check ─▶ kept ─▶ <out>/<part>/<split>.json (AV-UIE v2)
                                                           └──────▶ dropped, with the reason, and counted
"""
