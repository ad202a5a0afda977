"""Check a question file: blind floors and faults.

examples ─ floors ─▶ blind scores with intervals      examples, faults ─ faults ─▶ findings ─ page ─▶ one page
"""
