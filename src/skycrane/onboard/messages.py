"""One camera frame as MCAP messages: image, pose, calibration and header, and back."""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from foxglove_schemas_protobuf.CameraCalibration_pb2 import CameraCalibration
from foxglove_schemas_protobuf.FrameTransform_pb2 import FrameTransform
from foxglove_schemas_protobuf.RawImage_pb2 import RawImage
from google.protobuf.message import DecodeError
from mcap_protobuf.schema import build_file_descriptor_set

from skycrane.onboard import mcap_records as records

__all__ = [
    "CAMERA_METADATA",
    "ENCODINGS",
    "CameraInfo",
    "RawFrame",
    "channel_records",
    "decode_frame",
    "decode_info",
    "encode_frame",
    "encode_info",
    "epoch_ns",
    "frame_problem",
    "frame_time_s",
    "log_time_ns",
    "schema_records",
]

ENCODINGS = ("bayer_rggb8", "mono8")
CAMERA_METADATA = "skycrane.camera"

_HEADER, _TRANSFORM, _CALIBRATION, _IMAGE = 1, 2, 3, 4
_EPOCH_1970 = datetime(1970, 1, 1, tzinfo=UTC)

_HEADER_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "skycrane.FrameHeader",
    "description": "What a frame's sensor and clock said.",
    "type": "object",
    "properties": {
        "t_s": {"type": "number", "description": "seconds after entry interface, mid-exposure"},
        "exposure_s": {"type": "number", "description": "exposure time, s"},
        "gain": {"type": "number", "description": "gain of the sensor, 1 is unity"},
        "temperature_c": {"type": "number", "description": "sensor temperature, degrees Celsius"},
    },
    "required": ["t_s", "exposure_s", "gain", "temperature_c"],
}


@dataclass(frozen=True)
class CameraInfo:
    """One camera as its store describes it.

    Attributes:
        name: short name, also the file's.
        width, height: photosites.
        encoding: "bayer_rggb8" (red at row 0, column 0) or "mono8".
        fx, fy, cx, cy: focal lengths and principal point, pixels; pixel centres at whole numbers.
        distortion: Brown's k1, k2, p1, p2, k3 (OpenCV's order).
        body: name of the body that carries it.
        mount_position_m: optical centre in the body frame, m, shape (3,).
        mount_attitude_wxyz: unit quaternion, optical frame (x right, y down, z forward) to body.
    """

    name: str
    width: int
    height: int
    encoding: str
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, float, float, float, float]
    body: str
    mount_position_m: tuple[float, float, float]
    mount_attitude_wxyz: tuple[float, float, float, float]

    def __post_init__(self) -> None:
        for name, kind in (("name", str), ("encoding", str), ("body", str)):
            object.__setattr__(self, name, kind(getattr(self, name)))
        for name in ("width", "height"):
            object.__setattr__(self, name, int(getattr(self, name)))
        for name in ("fx", "fy", "cx", "cy"):
            object.__setattr__(self, name, float(getattr(self, name)))
        for name, length in (
            ("distortion", 5),
            ("mount_position_m", 3),
            ("mount_attitude_wxyz", 4),
        ):
            values = tuple(float(x) for x in getattr(self, name))
            if len(values) != length:
                raise ValueError(f"{name} has {len(values)} numbers, not {length}")
            object.__setattr__(self, name, values)
        numbers = (self.fx, self.fy, self.cx, self.cy, *self.distortion)
        if not all(
            map(math.isfinite, (*numbers, *self.mount_position_m, *self.mount_attitude_wxyz))
        ):
            raise ValueError("the camera's numbers are not all finite")
        if self.encoding not in ENCODINGS:
            raise ValueError(f"encoding {self.encoding!r} is none of {', '.join(ENCODINGS)}")
        if not (0 < self.width <= 65536 and 0 < self.height <= 65536):
            raise ValueError(f"a picture of {self.width} x {self.height} photosites")


@dataclass(frozen=True, eq=False)
class RawFrame:
    """One exposure as the sensor delivered it.

    Attributes:
        index: number of the frame in its store, from 0.
        t_s: middle of the exposure, seconds after entry interface.
        exposure_s: exposure time, s.
        gain: sensor gain, 1 is unity.
        temperature_c: sensor temperature, degrees Celsius.
        image: photosites, uint8, shape (height, width).
        position_m: optical centre in mars_fixed, m, shape (3,).
        attitude_wxyz: unit quaternion, optical frame to mars_fixed, shape (4,).
    """

    index: int
    t_s: float
    exposure_s: float
    gain: float
    temperature_c: float
    image: np.ndarray
    position_m: np.ndarray
    attitude_wxyz: np.ndarray


def epoch_ns(epoch: datetime) -> int:
    """Return whole nanoseconds from 1970 UTC to `epoch`; without a time zone it counts as UTC."""
    aware = epoch if epoch.tzinfo else epoch.replace(tzinfo=UTC)
    return (aware - _EPOCH_1970) // timedelta(microseconds=1) * 1000


def schema_records() -> list[bytes]:
    """Return the Schema records of a camera store, numbered as their channels."""
    text = json.dumps(_HEADER_SCHEMA, indent=1).encode()
    protobufs: dict[int, Any] = {
        _TRANSFORM: FrameTransform,
        _CALIBRATION: CameraCalibration,
        _IMAGE: RawImage,
    }
    return [records.schema(_HEADER, "skycrane.FrameHeader", "jsonschema", text)] + [
        records.schema(
            number,
            kind.DESCRIPTOR.full_name,
            "protobuf",
            build_file_descriptor_set(kind).SerializeToString(),
        )
        for number, kind in protobufs.items()
    ]


def channel_records(camera: str) -> dict[int, bytes]:
    """Return the Channel records of a camera store by id."""
    topics = {
        _HEADER: ("header", "json"),
        _TRANSFORM: ("pose", "protobuf"),
        _CALIBRATION: ("calibration", "protobuf"),
        _IMAGE: ("image", "protobuf"),
    }
    return {
        number: records.channel(number, number, f"/{camera}/{topic}", encoding)
        for number, (topic, encoding) in topics.items()
    }


def encode_info(info: CameraInfo, epoch: datetime, origin: str) -> bytes:
    """Return the Metadata record that describes a whole store."""
    camera = json.dumps(asdict(info), sort_keys=True, allow_nan=False)
    values = {"camera": camera, "epoch_ns": str(epoch_ns(epoch)), "origin": origin}
    # MCAP guards chunks and index by CRCs, but not a metadata record.
    values["crc32"] = _guard(values)
    return records.metadata(CAMERA_METADATA, values)


def _guard(values: dict[str, str]) -> str:
    text = "\0".join(values[key] for key in ("camera", "epoch_ns", "origin"))
    return f"{zlib.crc32(text.encode()):08x}"


def decode_info(values: dict[str, str]) -> tuple[CameraInfo, int, str]:
    """Return the camera, its epoch (ns since 1970 UTC) and the origin from a store's metadata.

    Raises:
        records.Torn: they do not describe a camera.
    """
    try:
        if values["crc32"] != _guard(values):
            raise records.Torn("the description of its camera is damaged")
        camera = json.loads(values["camera"])
        info = CameraInfo(**{f.name: camera[f.name] for f in fields(CameraInfo)})
        return info, int(values["epoch_ns"]), values["origin"]
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise records.Torn("the description of its camera is damaged") from error


def frame_problem(frame: RawFrame, info: CameraInfo) -> str:
    """Say why `frame` cannot be stored for the camera `info`; an empty text if it can."""
    if frame.image.shape != (info.height, info.width) or frame.image.dtype != np.uint8:
        given = f"{frame.image.dtype} {frame.image.shape}"
        return f"image is {given}, not uint8 ({info.height}, {info.width})"
    pose = np.concatenate(
        (np.ravel(frame.position_m), np.ravel(frame.attitude_wxyz)), dtype=np.float64
    )
    scalars = (frame.t_s, frame.exposure_s, frame.gain, frame.temperature_c)
    if pose.shape != (7,) or not np.isfinite(pose).all():
        return "its pose is not seven finite numbers"
    return "" if all(math.isfinite(x) for x in scalars) else "its header holds a NaN or infinity"


def log_time_ns(epoch: int, t_s: float) -> int:
    """Return the time `t_s` after `epoch` [ns since 1970 UTC] as MCAP logs it."""
    return epoch + round(t_s * 1e9)


def encode_frame(
    frame: RawFrame, info: CameraInfo, epoch: int
) -> tuple[list[bytes | memoryview], int, dict[int, int]]:
    """Return a frame's messages as pieces to be joined, its log time [ns], and their offsets.

    The image is the last piece, by reference: a frame is not copied on its way to the disk.
    """
    time_ns = log_time_ns(epoch, frame.t_s)
    if not 0 <= time_ns < 1 << 63:
        raise ValueError(f"t_s {frame.t_s} is outside the calendar of MCAP")
    bodies: dict[int, list[bytes | memoryview]] = {
        _HEADER: [_header(frame)],
        _TRANSFORM: [_transform(frame, info, time_ns)],
        _CALIBRATION: [_calibration(info, time_ns)],
        _IMAGE: _image(frame, info, time_ns),
    }
    pieces: list[bytes | memoryview] = []
    offsets: dict[int, int] = {}
    size = 0
    for number, body in bodies.items():
        offsets[number] = size
        length = sum(len(piece) for piece in body)
        head = records.message_head(number, frame.index, time_ns, length)
        pieces += [head, *body]
        size += len(head) + length
    return pieces, time_ns, offsets


def _header(frame: RawFrame) -> bytes:
    names = ("t_s", "exposure_s", "gain", "temperature_c")
    return json.dumps({n: float(getattr(frame, n)) for n in names}, allow_nan=False).encode()


def _stamp(message: Any, time_ns: int) -> None:
    message.timestamp.seconds, message.timestamp.nanos = divmod(time_ns, 10**9)


def _transform(frame: RawFrame, info: CameraInfo, time_ns: int) -> bytes:
    message = FrameTransform(parent_frame_id="mars_fixed", child_frame_id=_optical(info))
    _stamp(message, time_ns)
    x, y, z = (float(v) for v in np.ravel(frame.position_m))
    message.translation.x, message.translation.y, message.translation.z = x, y, z
    w, x, y, z = (float(v) for v in np.ravel(frame.attitude_wxyz))
    message.rotation.x, message.rotation.y, message.rotation.z = x, y, z
    message.rotation.w = w
    return bytes(message.SerializeToString())


def _calibration(info: CameraInfo, time_ns: int) -> bytes:
    message = CameraCalibration(
        frame_id=_optical(info),
        width=info.width,
        height=info.height,
        distortion_model="plumb_bob",
        D=info.distortion,
        K=[info.fx, 0, info.cx, 0, info.fy, info.cy, 0, 0, 1],
        R=[1, 0, 0, 0, 1, 0, 0, 0, 1],
        P=[info.fx, 0, info.cx, 0, 0, info.fy, info.cy, 0, 0, 0, 1, 0],
    )
    _stamp(message, time_ns)
    return bytes(message.SerializeToString())


def _image(frame: RawFrame, info: CameraInfo, time_ns: int) -> list[bytes | memoryview]:
    message = RawImage(
        frame_id=_optical(info),
        width=info.width,
        height=info.height,
        encoding=info.encoding,
        step=info.width,
    )
    _stamp(message, time_ns)
    pixels = np.ascontiguousarray(frame.image).reshape(-1).data
    # Field 6, length-delimited, put last: protobuf's fields may come in any order.
    return [message.SerializeToString() + b"\x32" + _varint(len(pixels)), pixels]


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def _optical(info: CameraInfo) -> str:
    return f"{info.name}_optical"


def frame_time_s(data: records.Buffer, first: int, last: int) -> float:
    """Return t_s of the frame whose chunk's records are data[first:last], by its first message."""
    for opcode, start, end in records.walk(data, first, last):
        number, _, _, body = records.parse_message(data, start, end)
        if opcode == records.MESSAGE and number == _HEADER:
            return _parse_header(bytes(data[body:end]))["t_s"]
    raise records.Torn("a frame has no header")


def _parse_header(text: bytes) -> dict[str, float]:
    try:
        header = json.loads(text)
        values = {n: header[n] for n in ("t_s", "exposure_s", "gain", "temperature_c")}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise records.Torn("a frame's header is damaged") from error
    if not all(isinstance(v, float) and math.isfinite(v) for v in values.values()):
        raise records.Torn("a frame's header holds something other than finite numbers")
    return values


def decode_frame(data: records.Buffer, first: int, last: int, info: CameraInfo) -> RawFrame:
    """Return the frame whose chunk's records are data[first:last].

    Raises:
        records.Torn: they are not one whole frame of that camera.
    """
    found: dict[int, bytes] = {}
    index = -1
    for opcode, start, end in records.walk(data, first, last):
        if opcode == records.MESSAGE:
            number, index, _, body = records.parse_message(data, start, end)
            found[number] = bytes(data[body:end])
    try:
        header = _parse_header(found[_HEADER])
        pose = FrameTransform.FromString(found[_TRANSFORM])
        image = RawImage.FromString(found[_IMAGE])
    except (KeyError, DecodeError) as error:
        raise records.Torn("a frame's messages are missing or damaged") from error
    if len(image.data) != info.width * info.height or image.encoding != info.encoding:
        raise records.Torn("a frame's picture is not of its camera's size and kind")
    pixels = np.frombuffer(image.data, np.uint8).reshape(info.height, info.width)
    q, p = pose.rotation, pose.translation
    return RawFrame(
        index=index,
        image=pixels.copy(),
        position_m=np.array([p.x, p.y, p.z]),
        attitude_wxyz=np.array([q.w, q.x, q.y, q.z]),
        **header,
    )
