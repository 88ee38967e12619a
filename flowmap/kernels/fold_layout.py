"""The rows of the fold's tables: which word holds what. All words are int64.

A leg starts as one *base row* of two cache lines, which is all that most legs of a scan ever need. Its second packet
(or first copy) gives it an *extension row*; its second time bucket gives it *slice rows*.
"""

from __future__ import annotations

from typing import NamedTuple

from flowmap.kernels.arrays import Int64, Rows

PARTITIONS, SKETCH_SIZE, COPIES_KEPT = 64, 8, 8
"""As in :mod:`flowmap.legs`, which later stages read; a test holds them together."""

NO_PARTITION = 255
"""In the partition column: a packet without IP and without ports, which no table looks at."""

# --- base row: the key in the first line, the sums in the second
BASE_WORDS = 16
LOW_IP, HIGH_IP = 0, 2
ENDS = 4
"""Low port + 1 (17 bits), high port + 1 (17), protocol + 1 (9), forward (1), vlan + 1 (13)."""
SOURCE = 5
"""src_mac + 1 (49 bits), outer_vlan + 1 (13)."""
DESTINATION = 6
"""dst_mac + 1."""
PLACE = 7
"""Capture point (32 bits), tunnel + 1 (32)."""
PACKETS, WIRE_BYTES, PAYLOAD_BYTES, FIRST_SEEN = 8, 9, 10, 11
LAST_SEEN = 12
"""Of a single packet: its hash, for its only time is in ``FIRST_SEEN``."""
EXTENSION = 13
"""Number of the extension row. Of a single packet: tcp_seq + 1 (33 bits), tcp_flags + 1 (9), truncated (1)."""
FACTS = 14
"""Smallest TTL + 1 (9 bits), largest TTL + 1 (9), IP version (3), has an extension (1), packets before it (42)."""
FIRST_FRAME = 15

PORT_BITS, PROTOCOL_SHIFT, FORWARD_SHIFT, VLAN_SHIFT, MAC_BITS = 17, 34, 43, 44, 49
FIVE_TUPLE_MASK = (1 << FORWARD_SHIFT) - 1
TTL_BITS, TTL_MASK, TTL_MAX_SHIFT, VERSION_SHIFT, EXTENDED_BIT, ORDER_SHIFT = 9, 511, 9, 18, 1 << 21, 22
SEQ_BITS, FLAGS_SHIFT, TRUNCATED_SHIFT = 33, 33, 42

# --- extension row: what every packet touches in the first line
EXTENSION_WORDS = 40
SEQ_LAST, SEQ_LOW, SEQ_HIGH, LAST_SYN, SYN_SEQ = 0, 1, 2, 3, 4
SKETCH_LIMIT = 5
"""The largest hash of a full sketch, sign bit flipped so that it compares as unsigned; else the largest there is."""
SLICE_STATE = 6
"""``ONE_BUCKET`` while all packets are in one; then ``VISITING`` one, or ``BETWEEN_VISITS`` after settling."""
SLICE_START = 7
"""Where the current time bucket starts, in nanoseconds; NO_TIME for the bucket of packets without a time."""
TRUNCATED, DUPLICATES, SKETCH_COUNT = 8, 9, 11
SYNS = 10
"""Initial SYNs times two, plus one if a SYN-ACK was seen."""
COPIES = 12
"""Packets that stood 2 and 3, 4 and 5, 6 and 7, 8 times: two counts of 32 bits a word."""
SKETCH_HASH, SKETCH_TIME, SKETCH_FRAME = 16, 24, 32
"""Ascending by hash; ``SKETCH_FRAME`` is TTL + 1 (9 bits) and the frame number."""
VISITING, ONE_BUCKET, BETWEEN_VISITS = range(3)

# --- slice row: a visit of a leg to a bucket, with the leg's sums at its start; when settled, the sums of the bucket
SLICE_WORDS = 4
BUCKET, SLICE_PACKETS, SLICE_WIRE, SLICE_PAYLOAD = 0, 1, 2, 3

# --- one row for each partition
PARTITION_WORDS = 3
LEGS_HERE, FIVE_TUPLES_HERE, FIVE_TUPLES_FULL = 0, 1, 2

# --- counters of a table
COUNTERS = 9
LEGS, EXTENSIONS, SLICES, SETTLED, SLICED_LEGS, FIVE_TUPLES = range(6)
OTHER_PACKETS, OTHER_WIRE, OTHER_PAYLOAD = range(6, COUNTERS)

# --- packets seen a moment ago: a bucket is a cache line of four (fingerprint and count, time)
RECENT_BUCKETS, RECENT_ENTRIES, RECENT_WORDS = 256, 4, 8
COUNT_MASK = 15
MOST_COPIES = COPIES_KEPT + 1

# --- fragments: (identity, ports + 1)
FRAGMENT_SLOTS = 65_536

# --- fixed hashing, see flowmap.fold.marks
ADD_LOW = (0x1E3779B97F4A7C15, 0x2545F4914F6CDD1D, 0x3C6EF372FE94F82B, 0x5851F42D4C957F2D, 0x14057B7EF767814F)
ADD_HIGH = (0x369DEA0F31A53F85, 0x27BB2EE687B0B0FD, 0x6A09E667F3BCC909, 0x3B67AE8584CAA73B, 0x510E527FADE682D1)
MIX_1 = 0x4F1BBCDCBFA53E0B
MIX_2 = 0x14D049BB133111EB
SECRETS = 32
"""Random words that key the index tables, so that nobody can write a capture whose legs all fall into one slot."""

# --- scratch row: a packet that is looked up; its first words are those of the leg's key
CHUNK = 64
"""Packets looked up before they are counted, so that the cache misses of their rows overlap; they fit the L1 cache."""
SCRATCH_WORDS = 16
BATCH_ROW, TAG, MARK, FOUND, FIVE_TUPLE_TAG, LINE, PARTITION = range(8, 15)
"""Row in the batch, hash for the index, identity of the packet on its leg, base row or -1, hash of the 5-tuple,
the line of the packet in the table of recent ones, and its partition."""


class Table(NamedTuple):
    """What one worker keeps: rows, the index that finds them, and the small tables beside.

    Attributes
    ----------
    base, extensions, slices
        (capacity, words) rows as above, used up to their counter.
    slice_owners : int64 (capacity,)
        Base row of each slice row; those before ``SETTLED`` are settled.
    leg_index : int64 (slots,)
        0, or the hash (upper 32 bits) and row + 1 of a leg; at most half full. One slot after the legs were gathered,
        until more packets come.
    five_tuples : int64 (slots,)
        0, or the hash of a 5-tuple that was counted; at most three quarters full. No longer needed, and one slot, when
        all partitions have counted as many as they may.
    recent : int64 (64 * 256, 8)
        Packets seen a moment ago, by partition and bucket.
    partitions : int64 (64, 3)
    counters : int64 (9,)
    secrets : int64 (32,)
    scratch : int64 (64, 16)
        The packets that are looked up together.
    """

    base: Rows
    extensions: Rows
    slices: Rows
    slice_owners: Int64
    leg_index: Int64
    five_tuples: Int64
    recent: Rows
    partitions: Rows
    counters: Int64
    secrets: Int64
    scratch: Rows


class Limits(NamedTuple):
    """Settings that the kernel compares with."""

    legs: int
    five_tuples: int
    copy_window_ns: int
    copy_window_no_id_ns: int
    slice_ns: int
