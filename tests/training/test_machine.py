from kinema.training.machine import matrix_ceiling


def test_the_ceiling_is_a_rate_of_this_planet():
    assert 1e8 < matrix_ceiling(size=256, seconds=0.05) < 1e15
