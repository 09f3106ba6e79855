"""How frames follow one another: flicker, jumps, drift, sharpness, motion."""
