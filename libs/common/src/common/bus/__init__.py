"""The bus: publish, consume, relay the outbox, on Kafka or in one process."""

from common.bus.cluster import Cluster
from common.bus.consumer import Consumer
from common.bus.dead_letters import DeadLetter
from common.bus.dispatch import Dispatcher, Values, place_of
from common.bus.kafka import KafkaBus, create_topics
from common.bus.memory import InProcessBus, InProcessProducer
from common.bus.producer import MAX_RECORD_BYTES, KafkaProducer
from common.bus.records import Bus, HostedProducer, Partition, Producer, Received, Record, Source
from common.bus.relay import Relay
from common.bus.replay import marked, read_dead_letters, replay
from common.bus.router import MessageContext, Rejection, Router

__all__ = [
    "MAX_RECORD_BYTES",
    "Bus",
    "Cluster",
    "Consumer",
    "DeadLetter",
    "Dispatcher",
    "HostedProducer",
    "InProcessBus",
    "InProcessProducer",
    "KafkaBus",
    "KafkaProducer",
    "MessageContext",
    "Partition",
    "Producer",
    "Received",
    "Record",
    "Rejection",
    "Relay",
    "Router",
    "Source",
    "Values",
    "create_topics",
    "marked",
    "place_of",
    "read_dead_letters",
    "replay",
]
