"""The voice draws from no generator that anything else has touched."""

import ctypes

import numpy as np

from skycrane.ground.voice import speak
from skycrane.mission.film import Speaker


def test_the_c_librarys_generator_does_not_change_the_voice():
    speaker = Speaker(name="x", voice="en-us+f2", words_per_min=158, pitch=44)
    say = speak.__wrapped__
    first = say("Touchdown confirmed.", speaker)
    ctypes.CDLL(None).srand(99)
    np.testing.assert_array_equal(say("Touchdown confirmed.", speaker), first)
