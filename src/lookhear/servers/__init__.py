"""Models behind an API: requests, responses in all their variants, and limits on rate and cost.

body ─ client ─▶ bytes ─ completion ─▶ Completion | ServerError: ask again · this question fails · stop asking
"""
