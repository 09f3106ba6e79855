"""What Kang et al. 2024 (arXiv:2411.02385, figure 4 and table 1) report for their models.

Velocity errors in units a second at 128 pixels; uniform motion as quoted in their text, the others
read off their figure to about 0.001. Their models: DiT-S 22.5 M, B 89.5 M and L 310 M parameters,
25.6 M clips seen in training, on 30 thousand, 300 thousand and 3 million different ones.
"""

SIZES = ("DiT-S", "DiT-B", "DiT-L")
DATA = ("30K", "300K", "3M")

# law -> where -> one row a model, one figure a training set
PUBLISHED = {
    "uniform": {
        "in": ((0.022, 0.018, 0.015), (0.017, 0.015, 0.014), (0.015, 0.014, 0.012)),
        "out": ((0.435, 0.293, 0.288), (0.433, 0.328, 0.358), (0.378, 0.384, 0.427)),
    },
    "collision": {
        "in": ((0.027, 0.024, 0.023), (0.030, 0.019, 0.018), (0.024, 0.016, 0.015)),
        "out": ((0.187, 0.200, 0.152), (0.241, 0.166, 0.210), (0.270, 0.172, 0.163)),
    },
    "parabola": {
        "in": ((0.051, 0.049, 0.047), (0.043, 0.038, 0.036), (0.038, 0.035, 0.033)),
        "out": ((0.306, 0.285, 0.307), (0.316, 0.376, 0.288), (0.315, 0.352, 0.338)),
    },
}
PARSER = {"uniform": 0.010, "collision": 0.012, "parabola": 0.021}  # true clips through theirs
