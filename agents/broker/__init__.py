"""A Kafka broker of our own, for one machine: found, prepared and run.

launch      a command line to run, and how long it may take
choice      which engine: apache where Java and Maven are there, else embedded
apache      a single-node Apache Kafka in KRaft mode
kafka_jars  its jars, fetched once by Maven
embedded    noida-db: one small binary that speaks the Kafka protocol, for development
answering   is anybody there?
foreground  `smsout broker`
"""
