"""Metrics: functions of (answers, references), one file per family."""
