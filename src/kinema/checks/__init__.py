"""`kinema check` and `kinema distance`: the metrics as a product that judges files.

The room is `checks` because `kinema.check` is the function that checks one clip.
"""
