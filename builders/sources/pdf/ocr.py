"""Text of the picture of a sheet, by the models that the extra ``ocr`` brings."""

from __future__ import annotations

from typing import Any

PACKAGE = "rapidocr_onnxruntime"
_SURE = 0.5  # score of a line


class Ocr:
    """Reads the text of pictures; the models are loaded at the first."""

    def __init__(self) -> None:
        self._engine: Any = None

    def text(self, picture: bytes) -> str:
        """The lines of an encoded picture from top to bottom, without those that are hardly readable."""
        if self._engine is None:
            from rapidocr_onnxruntime import RapidOCR

            self._engine = RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)
        found, _ = self._engine(picture)
        return "\n".join(str(text) for _, text, score in found or () if float(score) >= _SURE)
