"""Capture files: recognised, taken apart by tshark under limits, and handed out as batches of columns."""

from flowmap.capture.names import ApplicationRecord, NameRecord
from flowmap.capture.outcome import CaptureInfo, Notice, Outcome
from flowmap.capture.reading import Capture, open_capture

__all__ = ["ApplicationRecord", "Capture", "CaptureInfo", "NameRecord", "Notice", "Outcome", "open_capture"]
