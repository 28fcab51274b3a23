"""COCO: frames as pictures, and of each body in them the mask, for detection and segmentation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skycrane import __version__
from skycrane.cameras.truth_read import TruthReader
from skycrane.errors import InputError
from skycrane.export.rle import pack_runs, runs_of
from skycrane.files import check_writable, write_json
from skycrane.ground.colour import looks_of
from skycrane.ground.footage import CameraFootage
from skycrane.ground.stills import write_png
from skycrane.mission import Mission
from skycrane.mission.load import parse_mission
from skycrane.progress import Progress
from skycrane.rundir import read_run

__all__ = ["export_coco", "instances_of"]

_OURS = {"annotations", "images"}
_BATCH = 16


@dataclass(frozen=True)
class _Source:
    """One camera: its truth, and its footage where pictures are wanted."""

    name: str
    truth: TruthReader
    footage: CameraFootage | None


def instances_of(body: NDArray[np.uint8], categories: Sequence[int]) -> list[dict[str, Any]]:
    """Return COCO's segmentation, area and bbox of each category in an array of body ids (h, w).

    A body is one instance, however many pieces of it can be seen. `bbox` is x, y, width, height of
    whole photosites, pixel (0, 0) covering 0 to 1.
    """
    found = []
    for category in categories:
        mask = body == category
        if not mask.any():
            continue
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        x, y = int(columns[0]), int(rows[0])
        found.append(
            {
                "category_id": int(category),
                "segmentation": {"size": list(mask.shape), "counts": pack_runs(runs_of(mask))},
                "area": int(mask.sum()),
                "bbox": [x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1],
                "iscrowd": 0,
            }
        )
    return found


def export_coco(
    directory: Path,
    output: Path,
    *,
    cameras: Sequence[str] | None = None,
    pictures: bool = True,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write OUTPUT/annotations/instances.json, and OUTPUT/images/CAMERA/000000.png.

    Args:
        directory: a run filmed with the truth of bodies.
        output: a new or empty directory, or one that an earlier export wrote.
        cameras: which cameras; all that have truth unless given.
        pictures: develop the frames too, from the ground where they came home, else from on board.
        progress: where to report frames.

    Returns:
        Counts of images and annotations, categories, and the file.

    Raises:
        InputError: there is no run, no truth, no such camera; something in it is damaged; the
            output holds other files or cannot be written.
    """
    directory, output = Path(directory), Path(output)
    read_run(directory)
    names = _cameras(directory, cameras)
    _check_output(output)
    with ExitStack() as stack:
        mission = _mission(directory) if pictures else None
        sources = [_source(directory, name, mission, stack) for name in names]
        categories = _categories(sources)
        images, annotations = _listed(sources, categories, output, progress or Progress())
    file = output / "annotations" / "instances.json"
    write_json(file, _dataset(categories, images, annotations))
    names_told = ", ".join(categories.values())
    counts = {"images": len(images), "annotations": len(annotations)}
    return {**counts, "categories": names_told, "file": str(file)}


def _listed(
    sources: Sequence[_Source], categories: dict[int, str], output: Path, progress: Progress
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the entries of images and annotations, numbered from 1, the pictures written."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    total = sum(len(source.truth) for source in sources)
    with ThreadPoolExecutor(4) as pool, progress.task("exporting", total) as advance:
        for source, index, found in _frames(sources, categories, output, pool):
            images.append(_image(source, index, len(images) + 1))
            for instance in found:
                number = len(annotations) + 1
                annotations.append({"id": number, "image_id": len(images), **instance})
            advance()
    return images, annotations


def _dataset(
    categories: dict[int, str], images: list[dict[str, Any]], annotations: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return the whole of instances.json."""
    bodies = [{"id": k, "name": name, "supercategory": "vehicle"} for k, name in categories.items()]
    return {
        "info": {"description": "Skycrane: bodies of a landing on Mars", "version": __version__},
        "licenses": [],
        "categories": bodies,
        "images": images,
        "annotations": annotations,
    }


def _cameras(directory: Path, wanted: Sequence[str] | None) -> list[str]:
    found = sorted(p.stem for p in (directory / "truth").glob("*.zarr") if ".partial" not in p.name)
    if not found:
        raise InputError(
            "there is no truth in this run",
            where=str(directory / "truth"),
            right=f"Run `skycrane film {directory} --truth` first.",
        )
    unknown = sorted(set(wanted or ()) - set(found))
    if unknown:
        raise InputError(
            f"there is no truth of a camera {unknown[0]!r}",
            where=str(directory / "truth"),
            right=f"Known: {', '.join(found)}.",
        )
    return [name for name in found if not wanted or name in wanted]


def _check_output(output: Path) -> None:
    others = []
    if output.is_dir():
        others = sorted(p.name for p in output.iterdir() if p.name not in _OURS)
    if others:
        raise InputError(
            f"holds other files ({', '.join(others[:3])}{', ...' if len(others) > 3 else ''})",
            where=str(output),
            right="Choose an empty or new directory with -o.",
        )
    check_writable(output)


def _mission(directory: Path) -> Mission:
    file = directory / "mission.toml"
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot be read: {error}", where=str(file), right="Give a whole run directory."
        ) from error
    return parse_mission(text, where=str(file))


def _source(directory: Path, name: str, mission: Mission | None, stack: ExitStack) -> _Source:
    truth = TruthReader(directory / "truth" / f"{name}.zarr")
    height, width = truth.shape("body")
    if mission is None:
        return _Source(name, truth, None)
    stores = [directory / folder / f"{name}.mcap" for folder in ("ground", "onboard")]
    path = next((p for p in stores if p.exists()), stores[-1])
    footage = CameraFootage(path, mission.film.colour, looks_of(mission))
    stack.enter_context(closing(footage))
    same = len(footage.times_s) == len(truth) and np.allclose(footage.times_s, truth.times_s)
    if footage.size != (width, height) or not same:
        raise InputError(
            "its frames are not those that the truth is of",
            where=str(path),
            right=f"Run `skycrane film {directory} --truth` again.",
        )
    return _Source(name, truth, footage)


def _categories(sources: Sequence[_Source]) -> dict[int, str]:
    """Return names by id: everything but sky and ground, the same in every camera."""
    first = sources[0].truth.bodies
    for source in sources:
        if source.truth.bodies != first:
            raise InputError(
                f"gives other ids than {sources[0].name}",
                where=str(source.truth.path),
                right="Film all cameras with the same version.",
            )
    ids = {k: str(name) for name, k in first.items() if name not in ("sky", "ground")}
    return dict(sorted(ids.items()))


def _frames(
    sources: Sequence[_Source], categories: dict[int, str], output: Path, pool: ThreadPoolExecutor
) -> Iterator[tuple[_Source, int, list[dict[str, Any]]]]:
    """Yield the instances in each frame, in order, its picture written."""
    known = {0, 1, *categories}

    def work(job: tuple[_Source, int]) -> tuple[_Source, int, list[dict[str, Any]]]:
        source, index = job
        body = source.truth.frame("body", index)
        foreign = sorted(set(np.unique(body).tolist()) - known)
        if foreign:
            raise InputError(
                f"frame {index} has the id {foreign[0]}, which is of no body",
                where=str(source.truth.path),
                right="Film it again.",
            )
        if source.footage is not None:
            write_png(output / "images" / _file(source, index), source.footage.picture(index))
        return source, index, instances_of(body, list(categories))

    jobs = [(source, index) for source in sources for index in range(len(source.truth))]
    for start in range(0, len(jobs), _BATCH):
        yield from pool.map(work, jobs[start : start + _BATCH])


def _file(source: _Source, index: int) -> str:
    return f"{source.name}/{index:06d}.png"


def _image(source: _Source, index: int, number: int) -> dict[str, Any]:
    height, width = source.truth.shape("body")
    return {
        "id": number,
        "file_name": _file(source, index),
        "width": width,
        "height": height,
        "camera": source.name,
        "frame": index,
        "t_s": float(source.truth.times_s[index]),
    }
