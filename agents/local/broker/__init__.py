"""A Kafka broker of our own, for one machine: made ready and run. It is a real Apache Kafka everywhere.

apache            a single node in KRaft mode: its properties, its data directory, its command line
java              which Java runs it
kafka_jars        its jars, fetched once and held to checksums
jar_lock          which jars they are, and the checksums
maven_repository  where they come from
lock_jars         `make jars`: locks other ones
class_archive     their classes, parsed once
answering         is anybody there?
foreground        `smsout broker`
"""
