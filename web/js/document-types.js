// Types of what the server sends. The document is flowmap-graph/1, whose JSON Schema ships in the package.

/** @typedef {{name: string, source: string}} NodeName */
/**
 * @typedef {object} DocumentNode
 * @property {string} id
 * @property {string} label
 * @property {'vm'|'hypervisor'|'router'|'external'|'group'|'unknown'} kind
 * @property {string|null} host
 * @property {string|null} vswitch
 * @property {string[]} segments
 * @property {string[]} macs
 * @property {string[]} ips
 * @property {NodeName[]} names
 * @property {number} wire_bytes
 * @property {number} packets
 */
/** @typedef {{protocol: string, port: number|null, application: string|null, wire_bytes: number}} Service */
/** @typedef {{kind: 'table', caption: string, columns: string[], rows: string[][], numbers: number[], note: string}} ReportTable */
/** @typedef {{kind: 'heading', text: string}|{kind: 'paragraph', text: string}|{kind: 'bullets', items: string[]}|ReportTable} ReportBlock */
/**
 * @typedef {object} Report flowmap-report/1
 * @property {string} title
 * @property {[string, string][]} facts
 * @property {string} answer
 * @property {string} answer_grades
 * @property {{word: 'stayed'|'left'|'undetermined', label: string, share: number}[]} bar
 * @property {{id: string, title: string, blocks: ReportBlock[]}[]} sections
 */
/** @typedef {{rule: string, supports: boolean, text: string, points: string[], frames: number[], count: number}} Evidence */
/**
 * @typedef {object} DocumentEdge
 * @property {string} source
 * @property {string} target
 * @property {string} initiator
 * @property {number} conversations
 * @property {number} conversations_from_target
 * @property {number} wire_bytes
 * @property {number} payload_bytes
 * @property {number} source_to_target_bytes
 * @property {number} target_to_source_bytes
 * @property {number} packets
 * @property {number|null} first_seen_ns
 * @property {number|null} last_seen_ns
 * @property {Service[]} services
 * @property {string|null} left_host
 * @property {string} verdict
 * @property {string|null} grade
 * @property {number} stayed_bytes
 * @property {number} left_bytes
 * @property {number} hairpin_bytes part of `left_bytes`
 * @property {number} undetermined_bytes
 * @property {Evidence[]} evidence
 * @property {string[]} would_settle
 */
/** @typedef {{code: string, text: string, count: number}} Warning */
/** @typedef {{name: string, port: string, platform: string, protocol: 'lldp'|'cdp'|'stp', frame: number}} Neighbor */
/**
 * @typedef {object} Point
 * @property {string} id
 * @property {string} file
 * @property {string} interface
 * @property {string} role
 * @property {string|null} host
 * @property {string} how
 * @property {number} packets
 * @property {number|null} copies_per_packet
 * @property {number|null} one_way_share
 * @property {number|null} truncated_share
 * @property {number|null} dropped_packets
 * @property {number|null} [first_seen_ns]
 * @property {number|null} [last_seen_ns]
 * @property {number} [interface_id] from here on missing in documents of older versions
 * @property {number|null} [ifindex]
 * @property {string} [session]
 * @property {string} [role_how]
 * @property {string} [host_how]
 * @property {string} [covers]
 * @property {number} [sampled]
 * @property {Neighbor[]} [neighbors]
 */
/**
 * @typedef {object} CaptureFile
 * @property {string} file
 * @property {number} size_bytes
 * @property {string} format
 * @property {number} packets
 * @property {boolean} complete
 * @property {Warning[]} warnings
 */
/** @typedef {{node: string, from_host: string|null, to_host: string|null, time_ns: number, how: string}} Move */
/**
 * @typedef {object} Timeline
 * @property {string|null} t0_ns
 * @property {number} bucket_ms
 * @property {number} start_ms of the first bucket, from t0
 * @property {Record<import('./verdicts.js').Lane|'group', number[]>} series bytes of each bucket
 * @property {number} untimed_bytes
 */
/**
 * @typedef {object} GraphFacts
 * @property {string} schema
 * @property {boolean} complete
 * @property {string} name
 * @property {string[]} estimated
 * @property {{packets: number, unique_bytes: number, conversations: number, duplicate_packets: number,
 *   first_seen_ns: number|null, last_seen_ns: number|null}} totals
 * @property {CaptureFile[]} captures
 * @property {Point[]} points
 * @property {Record<string, number>} shares
 * @property {Record<string, Record<string, number>>} [grades] bytes of each share by grade
 * @property {Warning[]} warnings
 * @property {({host: string, cluster?: string|null} & HostStatement)[]} [hosts]
 * @property {Move[]} [moves] missing in documents of older versions
 * @property {{from_ns: number|null, to_ns: number|null}|null} [range] whole buckets whose bytes the edges hold
 */
/** @typedef {{graph: GraphFacts, nodes: DocumentNode[], edges: DocumentEdge[]}} GraphDocument */
/**
 * What turns the document of the revision `since` into that of `revision`.
 * @typedef {object} GraphChanges
 * @property {number} revision
 * @property {number} since
 * @property {GraphFacts} graph
 * @property {DocumentNode[]} nodes new or changed
 * @property {DocumentEdge[]} edges new or changed
 * @property {string[]} removed_nodes
 * @property {[string, string][]} removed_edges
 * @property {number[]|null} node_order places, where the rows stand in another order than old rows, then new ones
 * @property {number[]|null} edge_order
 */

/** @typedef {{stage: string, packets: number, share: number|null}} Progress */
/** @typedef {{name: string, size_bytes: number, kept?: boolean|null, expires_at?: string|null}} StoredCapture */
/**
 * @typedef {object} MapStatus
 * @property {string} id
 * @property {string} name
 * @property {'new'|'queued'|'running'|'done'|'partial'|'failed'|'cancelled'|'live'} state
 * @property {Progress|null} progress
 * @property {boolean|null} complete
 * @property {string|null} error
 * @property {number} revision
 * @property {string} created_at
 * @property {string|null} t0_ns
 * @property {StoredCapture[]} captures
 * @property {{name: string, size_bytes: number}[]} inventory
 * @property {any} points
 * @property {boolean} stale
 * @property {Live|null} live
 */
/**
 * A live capture: what was asked for, and how it goes.
 * @typedef {object} Live
 * @property {string} interface all names, with commas between them
 * @property {string|null} filter
 * @property {number} seconds limit
 * @property {number} bytes limit
 * @property {number} packets limit
 * @property {number} elapsed_s
 * @property {number} captured_bytes
 * @property {number|null} dropped_packets null while nobody has told them
 * @property {Record<string, number|null>} dropped_by_interface
 * @property {Record<string, number|null>} missed_by_interface frames, by the interface's own counters; null without any
 * @property {number} behind_bytes captured, and not yet read
 * @property {number} held_up_s for how long so much was waiting that nothing more was read
 * @property {number|null} kept_packets of a capture of the map; null for none
 * @property {string|null} problem why packets are not kept
 * @property {string|null} ended_by why it ended in one word, null while it captures
 * @property {string|null} end the same as a sentence
 */
/** @typedef {{maps: MapStatus[], keep_captures_s: number, keep_captures_bytes: number, max_upload_bytes: number}} MapList */
/** @typedef {{uplinks?: string[], uplinks_complete?: boolean, cluster?: string|null}} HostStatement */
/** @typedef {{hosts: Record<string, HostStatement>, points: Point[], warnings: Warning[], complete: boolean}} Health */
/**
 * @typedef {object} Conversation
 * @property {string} source
 * @property {string} target
 * @property {string} protocol
 * @property {string|null} application
 * @property {{node: string, ip: string, port: number|null}} initiator
 * @property {{node: string, ip: string, port: number|null}} responder
 * @property {number} connections
 * @property {number} wire_bytes
 * @property {number} packets
 * @property {number|null} first_ms
 * @property {number|null} last_ms
 * @property {string} verdict
 * @property {string|null} left_host
 * @property {string|null} grade
 */
/**
 * @typedef {object} Sighting
 * @property {'source_to_target'|'target_to_source'} direction
 * @property {string} point
 * @property {string} file
 * @property {string} interface
 * @property {string} role
 * @property {string|null} host
 * @property {string|null} src_mac
 * @property {string|null} dst_mac
 * @property {number|null} vlan
 * @property {number|null} outer_vlan
 * @property {{kind: string, source: string|null, destination: string|null, vni: number|null}|null} tunnel
 * @property {number} ttl_min
 * @property {number} ttl_max
 * @property {number} packets
 * @property {number} frames packets and their copies
 * @property {number} copies of most packets
 * @property {number} wire_bytes
 * @property {number} payload_bytes
 * @property {number|null} first_ms
 * @property {number|null} last_ms
 * @property {number} first_frame
 * @property {string} filter
 * @property {string} filter_note
 */
/** @typedef {{rows: Sighting[], more_rows: number, more_frames: number, filter: string|null, filter_note: string}} Sightings */
/**
 * @typedef {object} PlacementRow
 * @property {string} source
 * @property {string} [format] by-hand: a person placed it on the page
 * @property {number} row
 * @property {string|null} vm
 * @property {string|null} host
 * @property {string|null} vswitch
 * @property {string|null} network
 * @property {number|null} vlan
 * @property {string|null} interface
 * @property {string|null} mac
 * @property {string|null} observed_at
 * @property {string|null} observed_how
 * @property {string} age
 * @property {'fresh'|'stale'|'unknown'} freshness
 */
/**
 * @typedef {object} Placement
 * @property {string} [kind_how] missing in maps of older versions
 * @property {string|null} host
 * @property {'inventory'|'move'|'capture point'|null} how
 * @property {string|null} point
 * @property {'MAC'|'address'|null} matched_by
 * @property {string} conflict
 * @property {PlacementRow[]} rows
 * @property {number} more_rows
 */
/**
 * @typedef {object} PairDetail
 * @property {string|null} t0_ns
 * @property {DocumentNode} source
 * @property {DocumentNode} target
 * @property {DocumentEdge} edge
 * @property {Conversation[]} conversations
 * @property {number} total
 * @property {Sightings} sightings
 * @property {{source: Placement|null, target: Placement|null}} placement
 */
/** @typedef {{packets: number|null, bytes: number|null, complete: boolean, reason: string|null}} PacketsSize of the packets of a pair; reason: why they cannot be had, or not all */
/** @typedef {{name: string, description: string, up: boolean, loopback: boolean}} Interface */
/** @typedef {{seconds: number, bytes: number, packets: number}} LiveLimits */
/** @typedef {{interfaces: Interface[], problem: string|null, limits: LiveLimits, running: number, most_running: number, most_interfaces: number}} InterfaceList */
/** @typedef {{name: string, role: string|null, host: string|null}} LiveInterface */
/** @typedef {{interfaces: LiveInterface[], filter: string|null, limits: Partial<LiveLimits>}} LiveWanted */

export {};
