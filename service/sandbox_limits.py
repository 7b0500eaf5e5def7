"""What a parsing child may use."""

from __future__ import annotations

import resource

__all__ = ["CPU_SECONDS", "LIMITS", "MAX_CPU_SECONDS", "MEMORY_BYTES", "NICENESS"]

MEMORY_BYTES = 1 << 30
CPU_SECONDS = 5
#: Up to which the service may raise it for a large table.
MAX_CPU_SECONDS = 120
NICENESS = 19
#: Resource to its soft limit.
LIMITS = {
    resource.RLIMIT_AS: MEMORY_BYTES,
    resource.RLIMIT_CPU: CPU_SECONDS,
    resource.RLIMIT_FSIZE: 0,
    # Nothing is opened any more, not even a socket; what is open stays so.
    resource.RLIMIT_NOFILE: 0,
    resource.RLIMIT_NPROC: 0,
    resource.RLIMIT_CORE: 0,
}
