"""Pictures and pages: the evidence of an answer, masks, routers, the HTML report."""
