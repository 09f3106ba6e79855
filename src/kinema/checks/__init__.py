"""`kinema check` and `kinema distance`: the metrics as a product that judges files."""
