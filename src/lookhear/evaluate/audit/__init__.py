"""The robustness card: probes, edits of the clip, leaks, head and tail, with intervals."""
