"""Models behind an address: what is sent, what comes back in whatever shape, and limits of rate and money.

body ─ client ─▶ bytes ─ completion ─▶ Completion | ServerError: ask again · this question fails · stop asking
"""
