"""Questions and their answers: templates, programs over the facts of a scene, evidence, reasons."""
