"""Every config of Apache Kafka 4.4.0 as data, the checks of their values, and the settings in force."""

from neuraxis.broker.config_table.broker_rows import ALL_BROKER_CONFIGS, BROKER_CONFIGS, RUN_TIME_CONFIGS
from neuraxis.broker.config_table.documentation import DOCUMENTATION
from neuraxis.broker.config_table.groups import check_client_metrics_configs, check_group_configs
from neuraxis.broker.config_table.own_rows import OWN_CONFIGS, OWN_DOCUMENTATION
from neuraxis.broker.config_table.rows import ConfigKey
from neuraxis.broker.config_table.settings import (
    BrokerSettings,
    TopicConfig,
)
from neuraxis.broker.config_table.topic_rows import (
    CLIENT_METRICS_CONFIGS,
    GROUP_CONFIGS,
    GROUP_SYNONYMS,
    TOPIC_CONFIGS,
    TOPIC_SYNONYMS,
)
from neuraxis.broker.config_table.values import check_broker_config, check_topic_configs, unknown_config

__all__ = [
    "ALL_BROKER_CONFIGS",
    "BROKER_CONFIGS",
    "CLIENT_METRICS_CONFIGS",
    "DOCUMENTATION",
    "GROUP_CONFIGS",
    "GROUP_SYNONYMS",
    "OWN_CONFIGS",
    "OWN_DOCUMENTATION",
    "RUN_TIME_CONFIGS",
    "TOPIC_CONFIGS",
    "TOPIC_SYNONYMS",
    "BrokerSettings",
    "ConfigKey",
    "TopicConfig",
    "check_broker_config",
    "check_client_metrics_configs",
    "check_group_configs",
    "check_topic_configs",
    "unknown_config",
]
