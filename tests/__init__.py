"""The tests of Turnout: folders mirror `engine/`; `end_to_end` runs the real command against real sockets."""

import pytest

pytest.register_assert_rewrite("tests.support")
