"""Programs that made what ships and what results/ say: run each with `python -m research.FOLDER.NAME`."""
