import pytest

from kinema.denoisers import UNetConfig
from kinema.errors import UserError


def test_wrong_configurations_are_told():
    with pytest.raises(UserError, match="dims holds 20, and must hold multiples of 8 x num_heads"):
        UNetConfig(dims=(32, 20), num_heads=2)
    with pytest.raises(UserError, match="attention_levels is .*, and dims has the levels 0 to 1"):
        UNetConfig(dims=(32, 32), attention_levels=(2,))
