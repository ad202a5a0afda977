"""Models behind an API: requests, parsing of all response variants, limits on rate and cost.

body ─ client ─▶ bytes ─ completion ─▶ Completion | ServerError: retry · this question fails · stop asking
"""
