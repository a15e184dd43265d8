"""A sample's photo as the report carries it: a JPEG of bounded size, made anew from the pixels.

Made anew also where the file is a small JPEG already: its metadata (place, camera, owner) has no business in a report.
"""

import base64

import cv2

from data.sample import Sample

MAX_SIDE_PX = 640
QUALITY = 78
SMALL_SIDE_PX, SMALL_QUALITY = 256, 95
"""A small picture is shown enlarged, artefacts and all, and costs little."""


def photo_uri(sample: Sample) -> str:
    """`data:image/jpeg;base64,...`, its longer side at most MAX_SIDE_PX. Raises UserError for an unreadable image."""
    image_HW3 = sample.pixels()
    shrink = MAX_SIDE_PX / max(image_HW3.shape[:2])
    if shrink < 1:
        image_HW3 = cv2.resize(image_HW3, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    quality = SMALL_QUALITY if max(image_HW3.shape[:2]) <= SMALL_SIDE_PX else QUALITY
    bgr_HW3 = cv2.cvtColor(image_HW3, cv2.COLOR_RGB2BGR)
    jpeg = cv2.imencode(".jpg", bgr_HW3, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg.tobytes()).decode('ascii')}"
