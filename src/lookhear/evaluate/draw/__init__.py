"""Figures and pages: evidence of an answer, masks, charts, routers, the HTML report."""
