"""Counterfactual twins: clips that differ from a scene in one cause, and which answers must change or stay."""
