"""Counterfactual twins: clips that differ from a scene's own in one cause, with what must change and what must not."""
