"""Given frames as a model will meet them: degraded, zoomed, made by the model itself."""
