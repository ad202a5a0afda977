"""What a file of questions gives away before anything is seen or heard, and what is wrong with it.

examples ─ floors ─▶ blind scores with intervals      examples, faults ─ faults ─▶ findings ─ page ─▶ one page
"""
