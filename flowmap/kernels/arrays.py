"""The arrays that kernels take: dtype and number of dimensions, which decide how a compiled kernel is called."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import numpy.typing as npt

Bytes = Annotated[npt.NDArray[np.uint8], 1]
Int8 = Annotated[npt.NDArray[np.int8], 1]
Int16 = Annotated[npt.NDArray[np.int16], 1]
Int32 = Annotated[npt.NDArray[np.int32], 1]
Int64 = Annotated[npt.NDArray[np.int64], 1]
Rows = Annotated[npt.NDArray[np.int64], 2]
