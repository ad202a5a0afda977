"""What the readers of datasets share.

Annotation lines with their faults, tables, media files, masks, templates, replies.
"""
