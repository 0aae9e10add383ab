"""What one has to know about the machine to read the figures."""

import os
import platform
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter


def describe() -> dict[str, str]:
    """CPU, cores, whether it signs with AVX-512-IFMA, memory, load, and how long a write to the disk takes."""
    return {
        "cpu": f"{_cpu('model name') or platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "avx512ifma": "yes" if "avx512ifma" in _cpu("flags").split() else "no",
        "load": f"{os.getloadavg()[0]:.1f} before the first round",
        "fsync": f"{fsync_median() * 1000:.2f} ms (median of 50, in {tempfile.gettempdir()})",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
    }


def fsync_median() -> float:
    """Seconds that a synchronous write of 8 KB takes where the measurements keep their database."""
    times = []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(50):
            file.write(bytes(8192))
            file.flush()
            begun = perf_counter()
            os.fsync(file.fileno())
            times.append(perf_counter() - begun)
    return median(times)


def _cpu(name: str) -> str:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return ""
    lines = (line.partition(":") for line in path.read_text().splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), "")
