"""Say what the running Python is; run as `python -I -S -c …`. Out, on stdout: one JSON object."""

import json
import os
import sys
import sysconfig


def main() -> None:
    """Print the description."""
    base = getattr(sys, "_base_executable", sys.executable) or sys.executable
    variables = sysconfig.get_config_vars
    library = ""
    if variables().get("Py_ENABLE_SHARED"):
        folder, name = variables().get("LIBDIR"), variables().get("INSTSONAME")
        library = os.path.join(folder or "", name or "")
    json.dump(
        {
            "executable": os.path.realpath(base),
            "version": "%d.%d.%d" % sys.version_info[:3],
            "implementation": sys.implementation.name,
            "abi": variables().get("SOABI") or sys.implementation.cache_tag or "",
            "library": os.path.realpath(library) if os.path.isfile(library) else "",
        },
        sys.stdout,
    )


main()
