"""What the bodies are made of, as light sees it; the ids are part of the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skycrane.errors import InputError

__all__ = ["MATERIALS", "PAINTS", "Material", "Paints", "material_id"]

MOST_MATERIALS = 254
"""Ids of the truth are bytes, of which sky and ground take two."""


@dataclass(frozen=True)
class Material:
    """One surface finish.

    Attributes:
        name: how shapes ask for it.
        albedo: linear red, green, blue reflectance, 0 to 1.
        specular: strength of the mirror-like lobe, 0 (chalk) to 1 (metal).
        roughness: width of that lobe, 0 (mirror) to 1 (none to speak of).
        translucency: share of the diffuse light that passes through, for cloth.
    """

    name: str
    albedo: tuple[float, float, float]
    specular: float = 0.05
    roughness: float = 0.8
    translucency: float = 0.0


# Albedos are estimates by eye from published photographs of the hardware (assumption), except the
# ids' order, which recorded truth depends on: add at the end only.
MATERIALS: tuple[Material, ...] = (
    Material("ablator", (0.42, 0.27, 0.15), 0.03, 0.9),  # cork-brown ablator, heat shield
    Material("ablator_seam", (0.24, 0.15, 0.08), 0.03, 0.9),
    Material("ablator_backshell", (0.55, 0.42, 0.28), 0.03, 0.9),  # paler, on the backshell
    Material("char", (0.05, 0.04, 0.035), 0.03, 0.9),  # scorched by entry
    Material("structure_dark", (0.014, 0.0135, 0.014), 0.025, 0.75),  # carbon-fibre face sheet
    Material("structure_rib", (0.05, 0.05, 0.055), 0.08, 0.6),
    Material("rim_bright", (0.62, 0.62, 0.60), 0.3, 0.4),  # bare rim of the heat shield
    Material("spot_white", (0.80, 0.80, 0.77), 0.1, 0.6),
    Material("foil_silver", (0.72, 0.72, 0.72), 0.75, 0.25),
    Material("foil_gold", (0.62, 0.40, 0.13), 0.7, 0.28),
    Material("aluminium", (0.48, 0.48, 0.50), 0.55, 0.35),
    Material("titanium", (0.34, 0.32, 0.30), 0.55, 0.35),
    Material("tank_composite", (0.10, 0.085, 0.07), 0.35, 0.35),  # overwrapped pressure vessel
    Material("nozzle_outside", (0.16, 0.14, 0.12), 0.5, 0.35),
    Material("nozzle_inside", (0.03, 0.028, 0.026), 0.2, 0.6),
    Material("black", (0.018, 0.018, 0.02), 0.15, 0.5),
    Material("white_paint", (0.70, 0.69, 0.66), 0.08, 0.7),
    Material("white_dusty", (0.56, 0.51, 0.43), 0.05, 0.85),
    Material("grey_paint", (0.30, 0.30, 0.31), 0.1, 0.6),
    Material("wheel", (0.035, 0.034, 0.035), 0.14, 0.6),  # black-anodised aluminium
    Material("flexure", (0.45, 0.43, 0.40), 0.6, 0.3),  # titanium spokes
    Material("harness", (0.33, 0.15, 0.055), 0.1, 0.7),  # copper-coloured cable wrap
    Material("cable_white", (0.70, 0.68, 0.62), 0.08, 0.7),
    Material("glass", (0.02, 0.02, 0.03), 0.9, 0.08),
    Material("radiator", (0.46, 0.48, 0.51), 0.35, 0.4),
    Material("rtg", (0.11, 0.10, 0.095), 0.2, 0.6),
    Material("nylon_orange", (0.52, 0.085, 0.065), 0.04, 0.8, 0.45),
    Material("nylon_white", (0.86, 0.86, 0.88), 0.04, 0.8, 0.52),
    Material("line_white", (0.66, 0.64, 0.58), 0.05, 0.8),  # aramid lines
    Material("bridle", (0.60, 0.54, 0.38), 0.05, 0.8),
    Material("umbilical", (0.55, 0.50, 0.42), 0.1, 0.7),
    Material("instrument_orange", (0.60, 0.22, 0.06), 0.15, 0.5),
)

_IDS = {material.name: i for i, material in enumerate(MATERIALS)}


def material_id(name: str) -> int:
    """Return the index of a material in MATERIALS; raises KeyError for an unknown name."""
    return _IDS[name]


@dataclass(frozen=True)
class Paints:
    """Every finish that triangles are painted with; `Shape.material` counts in these.

    The first ones are MATERIALS. Those of a user's own bodies follow: many shades may be of one
    material, which is what the truth tells.

    Attributes:
        albedo: linear red, green, blue reflectance, shape (n, 3), float32.
        finish: specular, roughness, translucency as in `Material`, shape (n, 3), float32.
        kind: index into `names`, shape (n,), int32.
        names: the materials.
    """

    albedo: NDArray[np.float32]
    finish: NDArray[np.float32]
    kind: NDArray[np.int32]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.kind)

    def with_own(
        self, names: Sequence[str], albedo: ArrayLike, finish: ArrayLike, kind: ArrayLike
    ) -> Paints:
        """Return these paints and after them a user's own; `kind` counts in `names`.

        Raises:
            InputError: the materials are more than the truth has ids for.
        """
        total = len(self.names) + len(names)
        if total > MOST_MATERIALS:
            raise InputError(
                f"{total} materials in all, of which {len(names)} in the last file",
                where="shape.gltf",
                right=f"The truth has ids for {MOST_MATERIALS}: merge materials of the models.",
            )
        return Paints(
            np.concatenate([self.albedo, np.asarray(albedo, np.float32).reshape(-1, 3)]),
            np.concatenate([self.finish, np.asarray(finish, np.float32).reshape(-1, 3)]),
            np.concatenate([self.kind, np.asarray(kind, np.int32) + len(self.names)]),
            (*self.names, *names),
        )


PAINTS = Paints(
    np.array([m.albedo for m in MATERIALS], np.float32),
    np.array([(m.specular, m.roughness, m.translucency) for m in MATERIALS], np.float32),
    np.arange(len(MATERIALS), dtype=np.int32),
    tuple(m.name for m in MATERIALS),
)
"""The paints of the built-in bodies."""
