"""Counterfactual twins: clips that differ from a scene in one cause, with the answers that change and those that
stay."""
