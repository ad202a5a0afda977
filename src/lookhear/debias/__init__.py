"""Debiasing wrappers: training objectives around any net."""
