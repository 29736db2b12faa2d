"""Small locks of conda-lock whose packages have no hash: an audit finds EL101 in them."""

from __future__ import annotations

HEAD = """\
version: 1
metadata:
  content_hash:
    linux-64: 0000000000000000000000000000000000000000000000000000000000000000
  channels:
  - url: conda-forge
    used_env_vars: []
  platforms:
  - linux-64
  sources:
  - environment.yml
package:
"""
ROW = """\
- name: {name}
  version: 1.3.1
  manager: conda
  platform: linux-64
  dependencies: {{}}
  url: https://conda.example/conda-forge/linux-64/{name}-1.3.1-h1_0.conda
  hash: {{}}
  category: main
  optional: false
"""
