"""Code shared by the dataset readers: annotation rows and their faults, tables, media files, masks, templates."""
