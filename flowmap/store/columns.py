"""The tables of a map: every column with its type. docs/store.md says the same to people, with units.

A time is null where no packet of the row had a plausible one, a number where the thing does not exist (a port of ICMP).
"""

from __future__ import annotations

from flowmap.packets import NO_TIME
from flowmap.tables import Column, Table

NONE = -1
"""What "there is none" is in the arrays of legs (:mod:`flowmap.packets`)."""

SERVICES = "JSON STRUCT(protocol VARCHAR, port INTEGER, application VARCHAR, wire_bytes BIGINT)[]"

EDGE_SUMS = (
    "conversations", "conversations_from_target", "wire_bytes", "payload_bytes", "source_to_target_bytes",
    "target_to_source_bytes", "packets", "stayed_bytes", "left_bytes", "undetermined_bytes", "hairpin_bytes",
)  # fmt: skip
"""The fields of an edge that another time range changes, beside its services."""

NODE_SUMS = ("wire_bytes", "packets")

NODES = Table(
    "nodes",
    (
        Column("number", "INTEGER"), Column("id", "VARCHAR"), Column("label", "VARCHAR"), Column("kind", "VARCHAR"),
        Column("host", "VARCHAR"), Column("vswitch", "VARCHAR"), Column("segments", "JSON VARCHAR[]"),
        Column("macs", "JSON VARCHAR[]"), Column("ips", "JSON VARCHAR[]"), Column("spellings", "JSON VARCHAR[]"),
        *(Column(name, "BIGINT") for name in NODE_SUMS),
        Column("rest", "VARCHAR"), Column("placement", "VARCHAR"),
    ),
)  # fmt: skip
"""``rest`` is the node of the document without its sums, as JSON; ``spellings`` are what people may call it, case
folded."""

EDGES = Table(
    "edges",
    (
        Column("number", "INTEGER"), Column("source", "VARCHAR"), Column("target", "VARCHAR"),
        Column("left_host", "VARCHAR"), Column("verdict", "VARCHAR"), Column("grade", "VARCHAR"),
        *(Column(name, "BIGINT") for name in EDGE_SUMS),
        Column("first_seen_ns", "BIGINT"), Column("last_seen_ns", "BIGINT"), Column("services", SERVICES),
        Column("rest", "VARCHAR"), Column("sightings", "VARCHAR"),
    ),
)  # fmt: skip
"""``rest`` is the edge of the document without its sums and services, ``sightings`` is
:class:`flowmap.evidence.Folded`, both as JSON."""

CONVERSATIONS = Table(
    "conversations",
    (
        Column("id", "INTEGER"), Column("pair", "INTEGER"), Column("source", "VARCHAR"), Column("target", "VARCHAR"),
        Column("protocol", "VARCHAR"), Column("application", "VARCHAR"), Column("domain", "VARCHAR"),
        Column("initiator", "VARCHAR"), Column("initiator_ip", "VARCHAR"), Column("initiator_port", "INTEGER"),
        Column("responder", "VARCHAR"), Column("responder_ip", "VARCHAR"), Column("responder_port", "INTEGER"),
        Column("connections", "INTEGER"), Column("wire_bytes", "BIGINT"), Column("payload_bytes", "BIGINT"),
        Column("sent_bytes", "BIGINT"), Column("received_bytes", "BIGINT"), Column("packets", "BIGINT"),
        Column("first_seen_ns", "BIGINT"), Column("last_seen_ns", "BIGINT"), Column("verdict", "VARCHAR"),
        Column("left_host", "VARCHAR"), Column("grade", "VARCHAR"), Column("stayed_bytes", "BIGINT"),
        Column("left_bytes", "BIGINT"),
    ),
    order="wire_bytes DESC, id",
    group_rows=32_768,
)  # fmt: skip
"""``pair`` is the ``number`` of its edge. A page of the largest lies in one group of rows, and these are small."""

SLICES = Table(
    "slices",
    (
        Column("bucket", "BIGINT", NO_TIME), Column("conversation", "INTEGER"), Column("pair", "INTEGER"),
        Column("service", "INTEGER"), Column("lane", "VARCHAR"), Column("previous_bucket", "BIGINT", NO_TIME),
        Column("from_target", "BOOLEAN"), Column("packets", "BIGINT"), Column("wire_bytes", "BIGINT"),
        Column("payload_bytes", "BIGINT"), Column("source_to_target_bytes", "BIGINT"),
        Column("stayed_bytes", "BIGINT"), Column("left_bytes", "BIGINT"),
    ),
    order="bucket, pair",
)  # fmt: skip
"""What a conversation did in a time bucket. ``previous_bucket`` is the one before of the same conversation: a row whose
own bucket is in a time range and this one before it counts the conversation, so that nothing has to be joined."""

SERVICES_OF_SLICES = Table(
    "services",
    (
        Column("number", "INTEGER"), Column("protocol", "VARCHAR"), Column("port", "INTEGER"),
        Column("application", "VARCHAR"),
    ),
)  # fmt: skip

PAIR_LEGS = Table(
    "pair_legs",
    (
        Column("pair", "INTEGER"), Column("src_ip_high", "UBIGINT"), Column("src_ip_low", "UBIGINT"),
        Column("dst_ip_high", "UBIGINT"), Column("dst_ip_low", "UBIGINT"), Column("src_mac", "BIGINT", NONE),
        Column("dst_mac", "BIGINT", NONE), Column("point_and_tunnel", "BIGINT"), Column("ports", "BIGINT"),
        Column("protocol_and_vlans", "BIGINT"), Column("frames", "BIGINT"), Column("wire_bytes", "BIGINT"),
    ),
    order="pair",
)  # fmt: skip
"""What finds the packets of a pair again; the columns behind ``pair`` are those of
:mod:`flowmap.evidence.pair_legs`."""

LEGS = Table(
    "legs",
    (
        Column("protocol", "SMALLINT"), Column("low_ip_high", "UBIGINT"), Column("low_ip_low", "UBIGINT"),
        Column("low_port", "INTEGER", NONE), Column("high_ip_high", "UBIGINT"), Column("high_ip_low", "UBIGINT"),
        Column("high_port", "INTEGER", NONE), Column("forward", "BOOLEAN"), Column("point", "INTEGER"),
        Column("src_mac", "BIGINT", NONE), Column("dst_mac", "BIGINT", NONE), Column("vlan", "SMALLINT", NONE),
        Column("outer_vlan", "SMALLINT", NONE), Column("tunnel", "INTEGER", NONE), Column("ip_version", "BIGINT"),
        Column("packets", "BIGINT"), Column("wire_bytes", "BIGINT"), Column("payload_bytes", "BIGINT"),
        Column("duplicate_packets", "BIGINT"), Column("truncated_packets", "BIGINT"),
        Column("first_seen_ns", "BIGINT", NO_TIME), Column("last_seen_ns", "BIGINT", NO_TIME),
        Column("first_frame", "BIGINT"), Column("ttl_min", "BIGINT"), Column("ttl_max", "BIGINT"),
        Column("syn_seq", "BIGINT", NONE), Column("syn_count", "BIGINT"), Column("has_syn_ack", "BOOLEAN"),
        Column("seq_low", "BIGINT", NONE), Column("seq_high", "BIGINT", NONE),
        *(Column(f"copies_{count}", "BIGINT") for count in range(1, 9)),
    ),
)  # fmt: skip
"""The legs of a reading; a leg's number is its place in the file, from 0."""

SAMPLES = Table(
    "samples",
    (
        Column("leg", "INTEGER"), Column("packet_hash", "UBIGINT"), Column("time_ns", "BIGINT", NO_TIME),
        Column("ttl", "BIGINT"), Column("frame_number", "BIGINT"),
    ),
)  # fmt: skip

LEG_SLICES = Table(
    "leg_slices",
    (
        Column("leg", "INTEGER"), Column("bucket", "BIGINT", NO_TIME), Column("packets", "BIGINT"),
        Column("wire_bytes", "BIGINT"), Column("payload_bytes", "BIGINT"),
    ),
)  # fmt: skip

NAMES = Table(
    "names",
    (
        Column("name", "VARCHAR"), Column("source", "VARCHAR"), Column("ip", "VARCHAR"),
        Column("mac", "BIGINT", NONE), Column("point", "INTEGER"), Column("frame_number", "BIGINT"),
    ),
)  # fmt: skip

OF_RESULT = (NODES, EDGES, CONVERSATIONS, SLICES, SERVICES_OF_SLICES, PAIR_LEGS)
OF_READING = (LEGS, SAMPLES, LEG_SLICES, NAMES)
