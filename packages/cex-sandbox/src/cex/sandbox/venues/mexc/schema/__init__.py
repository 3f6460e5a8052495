"""The sandbox's own protobuf schema of MEXC's pushes; ``push_pb2`` is generated from ``push.proto``.

cd packages/cex-sandbox/src
python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. cex/sandbox/venues/mexc/schema/push.proto
"""

from __future__ import annotations

__all__: list[str] = []
