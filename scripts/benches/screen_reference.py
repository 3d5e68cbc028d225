"""The same screen in C, compiled when asked for: sum of log rates for every cycle of the touched pools, and for those
above zero the optimum of a chain of virtual reserves within the present ranges, no walk. Where there is no `cc`, None.
"""

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

SOURCE = r"""
#include <math.h>
#include <stdint.h>
long screen(const int32_t *touched, long count, uint8_t *is_touched, const int64_t *offsets, const int32_t *incident,
            const int32_t *legs, const double *rate, const double *gamma, const double *v0, const double *v1,
            double *values) {
  long screened = 0;
  for (long t = 0; t < count; t++) is_touched[touched[t]] = 1;
  for (long t = 0; t < count; t++) {
    int32_t pool = touched[t];
    for (int64_t at = offsets[pool]; at < offsets[pool + 1]; at++) {
      int32_t id = incident[at]; const int32_t *edges = legs + 3 * (int64_t)id;
      int again = 0, n = edges[2] >= 0 ? 3 : 2; double sum = 0;
      for (int k = 0; k < n; k++) {
        int32_t other = edges[k] >> 1; again |= other < pool && is_touched[other]; sum += rate[edges[k]];
      }
      if (again) continue;
      screened++;
      values[id] = 0;
      if (!(sum > 0)) continue;
      double a = 1, c = 0;
      for (int k = 0; k < n; k++) {
        int32_t p = edges[k] >> 1; double x = edges[k] & 1 ? v1[p] : v0[p], y = edges[k] & 1 ? v0[p] : v1[p];
        c += gamma[p] / x * a; a *= gamma[p] * y / x;
      }
      if (a > 1) { double gap = sqrt(a) - 1; values[id] = gap * gap / c; }
    }
  }
  for (long t = 0; t < count; t++) is_touched[touched[t]] = 0;
  return screened;
}
"""


def compiled() -> Any | None:
    """The function, or None where the machine has no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    folder = Path(tempfile.mkdtemp(prefix="screen-"))
    source, library = folder / "screen.c", folder / "screen.so"
    source.write_text(SOURCE)
    subprocess.run([compiler, "-O3", "-shared", "-fPIC", "-o", library, source, "-lm"], check=True)
    function = ctypes.CDLL(str(library)).screen
    function.restype = ctypes.c_long
    shutil.rmtree(folder)
    return function


def run(
    function: Any, touched: np.ndarray, is_touched: np.ndarray, cycles: Any, screen: Any, values: np.ndarray
) -> int:
    arrays = (
        is_touched, cycles.offsets, cycles.incident, cycles.legs, screen.log_rate, screen.gamma, screen.virtual0,
        screen.virtual1, values,
    )  # fmt: skip
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
    return int(function(ctypes.c_void_p(touched.ctypes.data), ctypes.c_long(len(touched)), *pointers))
