"""Evaluation: running models, reports, tables, audits, studies, plots."""
