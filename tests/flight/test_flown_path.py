"""Where the lander was and how it tilted, against poses and images of the flown descent camera."""

from __future__ import annotations

import numpy as np
import pytest

from skycrane.cameras.looks import moment_of
from skycrane.cameras.looks_aims import flown_aim
from skycrane.mars.frames import SiteFrame, rotate

# Reconstructed pose of the camera at its image 44 (IAU_MARS), published after the landing.
IMAGE_44_S, IMAGE_44_M = 355.27, (700204.2, 3142714.1, 1074352.6)
# Number of an image and when it was taken, by its label [s after entry interface].
IMAGES_S = {52: 363.3, 54: 365.3, 57: 369.4, 61: 373.6, 65: 377.7, 69: 381.8, 72: 390.0}


def test_the_backshell_lets_go_as_far_from_the_target_as_flown(flight, mission):
    frame = SiteFrame.of(mission.site)
    ours = frame.position_site_m(flight.bodies["rover"].position(IMAGE_44_S))
    flown = frame.position_site_m(IMAGE_44_M)
    assert np.linalg.norm(flown[:2]) == pytest.approx(792.0, abs=1.0)
    np.testing.assert_allclose(ours, flown, atol=60.0)


@pytest.mark.parametrize(("image", "t_s"), IMAGES_S.items())
def test_the_divert_tilts_the_camera_as_flown(flight, mission, image, t_s):
    """The way down of the rover, east and north of the vertical, is where the camera looked."""
    frame = SiteFrame.of(mission.site)
    moment = moment_of(t_s, mission, flight)
    down = frame.vector_site(rotate(flight.bodies["rover"].attitude(moment), [0.0, 0.0, 1.0]))
    flown = flown_aim(image)[:, 2]
    assert np.linalg.norm(down[:2] - flown[:2]) < 0.15
