"""The record code of other clients, as oracles. kafka-python warns about itself while it is imported."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka import codec as kafka_python_codec
    from kafka.record.default_records import DefaultRecordBatch as KafkaPythonBatch
    from kafka.record.default_records import DefaultRecordBatchBuilder as KafkaPythonBuilder

from aiokafka.record.default_records import (
    DefaultRecordBatch as AiokafkaBatch,
)
from aiokafka.record.default_records import (
    DefaultRecordBatchBuilder as AiokafkaBuilder,
)
from aiokafka.record.default_records import (
    _DefaultRecordBatchBuilderPy as AiokafkaPlainBuilder,
)
from aiokafka.record.default_records import (
    _DefaultRecordBatchPy as AiokafkaPlainBatch,
)

__all__ = [
    "AiokafkaBatch",
    "AiokafkaBuilder",
    "AiokafkaPlainBatch",
    "AiokafkaPlainBuilder",
    "KafkaPythonBatch",
    "KafkaPythonBuilder",
    "kafka_python_codec",
]
