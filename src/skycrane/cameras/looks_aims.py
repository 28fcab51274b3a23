"""Where the flown camera looked during the powered descent, as the ground in its images tells.

Some 700 points were followed through images 44 to 73 (SIFT, matched image to image), and the
camera's places and attitudes over a plane found from them all at once, with the published model of
its lens; the points come back within 0.13 pixels of the published 256 (median). Which way the sun
stands tells the bright patch about the camera's own shadow, which lies 38.2 +- 0.5 degrees below
the horizon in 13 of them, where Allison and McEwen's sun asks 39.5. The last two, over the landing
site, look straight down within a degree. Image 70 is as `looks_places` finds it, which comes within
0.9 degrees of all others up to 71.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

__all__ = ["flown_aim"]

# By image: attitude, optical frame to site axes, scalar first.
_AIMS_WXYZ = {
    47: (0.1474, -0.4072, 0.9001, 0.0476),
    48: (0.0248, -0.3819, 0.9158, -0.1220),
    49: (-0.0174, -0.3830, 0.9234, -0.0185),
    50: (-0.0519, -0.3891, 0.9132, 0.1093),
    51: (-0.0745, -0.3930, 0.8979, 0.1838),
    52: (-0.0807, -0.3942, 0.8841, 0.2379),
    53: (-0.0867, -0.3952, 0.8749, 0.2662),
    54: (-0.0850, -0.3944, 0.8716, 0.2784),
    55: (-0.0820, -0.3932, 0.8722, 0.2791),
    56: (-0.0681, -0.3903, 0.8785, 0.2669),
    57: (-0.0637, -0.3904, 0.8864, 0.2406),
    58: (-0.0464, -0.3875, 0.8965, 0.2096),
    59: (-0.0256, -0.3855, 0.9081, 0.1617),
    60: (-0.0032, -0.3846, 0.9168, 0.1076),
    61: (0.0224, -0.3840, 0.9220, 0.0445),
    62: (0.0511, -0.3850, 0.9212, -0.0223),
    63: (0.0779, -0.3870, 0.9144, -0.0899),
    64: (0.1017, -0.3892, 0.9023, -0.1550),
    65: (0.1137, -0.3912, 0.8898, -0.2058),
    66: (0.1245, -0.3937, 0.8765, -0.2475),
    67: (0.1311, -0.3943, 0.8644, -0.2830),
    68: (0.1375, -0.3966, 0.8565, -0.3002),
    69: (0.1347, -0.3952, 0.8528, -0.3138),
    70: (0.1357, -0.3963, 0.8526, -0.3124),
    71: (0.0996, -0.3892, 0.8871, -0.2273),
    72: (0.0006, -0.3852, 0.9228, 0.0072),
    73: (0.0053, -0.3841, 0.9233, -0.0008),
}


def flown_aim(number: int) -> NDArray[np.float64] | None:
    """Return the rotation (3, 3) from the optical frame to site axes of a flown image, if known."""
    if number not in _AIMS_WXYZ:
        return None
    return Rotation.from_quat(_AIMS_WXYZ[number], scalar_first=True).as_matrix()
