"""Given frames as a model will meet them: degraded, zoomed, or made by the model itself."""
