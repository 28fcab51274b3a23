"""The voice draws neither from the time of day nor from what the process did before."""

import ctypes
import time

import numpy as np

from skycrane.ground.voice import speak
from skycrane.mission.film import Speaker


def test_neither_the_hour_nor_the_c_librarys_generator_changes_the_voice():
    speaker = Speaker(name="x", voice="en-us+f2", words_per_min=158, pitch=44)
    say = speak.__wrapped__
    first = say("Touchdown confirmed.", speaker)
    time.sleep(1.1)  # the library seeds itself with whole seconds
    ctypes.CDLL(None).srand(99)
    np.testing.assert_array_equal(say("Touchdown confirmed.", speaker), first)
