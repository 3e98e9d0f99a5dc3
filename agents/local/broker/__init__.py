"""A Kafka broker of our own, for one machine: found, prepared and run.

engine         what an engine is, and its settings
choice         which engine: apache where Java and Maven are there, else embedded
apache         a single-node Apache Kafka in KRaft mode
kafka_jars     its jars, fetched once by Maven
class_archive  their classes, parsed once
embedded       noida-db: one small binary that speaks the Kafka protocol, for development
answering      is anybody there?
foreground     `smsout broker`
"""
