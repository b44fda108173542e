"""Key and value of the records in control batches, each after an int16 version."""

from __future__ import annotations

from neuraxis.wire.schema import int16, int32, message


@message(valid="0", kind="data")
class ControlRecordTypeSchema:
    type: int = int16()


@message(valid="0", kind="data")
class EndTxnMarker:
    coordinator_epoch: int = int32()
