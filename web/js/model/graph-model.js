// Indexes a document for the views: where each endpoint stands, which pairs there are, who talks to whom. Pure.

import { laneOf } from '../verdicts.js';
import { naturalOrder, serviceName } from '../format.js';

/** @typedef {import('../document-types.js').GraphDocument} GraphDocument */
/** @typedef {import('../document-types.js').DocumentNode} DocumentNode */
/** @typedef {import('../document-types.js').DocumentEdge} DocumentEdge */
/** @typedef {import('../verdicts.js').Lane} Lane */

/** House of endpoints whose host is not known. No host can have this name: it starts with a control character. */
export const UNPLACED = '\u0001unplaced';
/** Peers that are no VMs of the estate, folded into one gate at the end of the street. */
export const OUTSIDE = '\u0001outside';
/** Routers that stand on no host. */
export const ROUTERS = '\u0001routers';
/** Groups (multicast, broadcast, folded rows): listed, never drawn. */
export const NOWHERE = '\u0001nowhere';

/**
 * Two endpoints with their traffic; `a` and `b` are the document's source and target.
 * @typedef {object} Pair
 * @property {string} key
 * @property {DocumentEdge} edge
 * @property {DocumentNode} a
 * @property {DocumentNode} b
 * @property {string} placeA
 * @property {string} placeB
 * @property {Lane} lane
 * @property {string[]} services keys of services, as in the model's list
 */

/** @typedef {{key: string, label: string, wire_bytes: number, pairs: number}} ServiceRow */
/** @typedef {{key: string, label: string, vms: number}} SegmentRow */

/**
 * @typedef {object} GraphModel
 * @property {Map<string, DocumentNode>} nodes
 * @property {Pair[]} pairs most bytes first
 * @property {Map<string, Pair>} pairByKey
 * @property {Map<string, Pair[]>} pairsOf by node id, most bytes first
 * @property {Map<string, DocumentNode[]>} places by house or gate
 * @property {string[]} hosts in natural order
 * @property {SegmentRow[]} segments
 * @property {ServiceRow[]} services most bytes first
 * @property {import('../document-types.js').GraphFacts} facts
 * @property {number} mostBytes of a pair of the whole capture: how wide lines are rests on it
 */

/** @param {string} one @param {string} other */
export function pairKey(one, other) {
  return one <= other ? `${one}\u0000${other}` : `${other}\u0000${one}`;
}

/** @param {DocumentNode} node @returns {string} name of its house, or one of the places above */
export function placeOf(node) {
  if (node.kind === 'group') return node.id === 'group:outside' ? OUTSIDE : NOWHERE;
  if (node.host !== null) return node.host;
  if (node.kind === 'external') return OUTSIDE;
  if (node.kind === 'router') return ROUTERS;
  return UNPLACED;
}

/** @param {string} place */
export function isHouse(place) {
  return place !== OUTSIDE && place !== ROUTERS && place !== NOWHERE;
}

/** @param {import('../document-types.js').Service} service */
export function serviceKey(service) {
  return `${service.application ?? service.protocol}/${service.port ?? ''}`;
}

/**
 * @param {GraphDocument} document
 * @param {GraphModel|null} [before] its pairs are used again where they are unchanged
 * @returns {GraphModel}
 */
export function buildModel(document, before = null) {
  const nodes = new Map(document.nodes.map((node) => [node.id, node]));
  const pairs = document.edges
    .map((edge) => pairOf(edge, nodes, before))
    .sort((p, q) => q.edge.wire_bytes - p.edge.wire_bytes || (p.key < q.key ? -1 : 1));
  /** @type {Map<string, Pair[]>} */
  const pairsOf = new Map(document.nodes.map((node) => [node.id, []]));
  for (const pair of pairs) {
    pairsOf.get(pair.a.id)?.push(pair);
    if (pair.a !== pair.b) pairsOf.get(pair.b.id)?.push(pair);
  }
  /** @type {Map<string, DocumentNode[]>} */
  const places = new Map();
  for (const node of document.nodes) {
    const place = placeOf(node);
    const list = places.get(place);
    if (list) list.push(node);
    else places.set(place, [node]);
  }
  return {
    nodes,
    pairs,
    pairByKey: new Map(pairs.map((pair) => [pair.key, pair])),
    pairsOf,
    places,
    hosts: [...places.keys()].filter((place) => isHouse(place) && place !== UNPLACED).sort(naturalOrder),
    segments: segmentsOf(document.nodes),
    services: servicesOf(pairs),
    facts: document.graph,
    mostBytes: pairs[0]?.edge.wire_bytes ?? 1,
  };
}

/**
 * The same endpoints with the traffic of a time range, so that nothing moves.
 * @param {GraphModel} whole
 * @param {GraphDocument} part what the server answered for the range
 * @returns {GraphModel}
 */
export function modelWithin(whole, part) {
  const seen = new Map(part.nodes.map((node) => [node.id, node]));
  const nodes = [...whole.nodes.values()].map((node) => {
    const { wire_bytes, packets } = seen.get(node.id) ?? { wire_bytes: 0, packets: 0 };
    return { ...node, wire_bytes, packets };
  });
  // the range may be of a newer result than `whole`, which then follows at once
  const edges = part.edges.filter((edge) => whole.nodes.has(edge.source) && whole.nodes.has(edge.target));
  const facts = { ...part.graph, warnings: whole.facts.warnings }; // the page says itself that this is a part
  return { ...buildModel({ graph: facts, nodes, edges }), mostBytes: whole.mostBytes };
}

/** @param {DocumentEdge} edge @param {Map<string, DocumentNode>} nodes @param {GraphModel|null} before @returns {Pair} */
function pairOf(edge, nodes, before) {
  const a = nodes.get(edge.source);
  const b = nodes.get(edge.target);
  if (!a || !b) throw new Error(`The document has an edge whose end is no node: ${edge.source} – ${edge.target}.`);
  const key = pairKey(a.id, b.id);
  const known = before?.pairByKey.get(key);
  if (known && known.edge === edge && known.a === a && known.b === b) return known;
  return {
    key, edge, a, b, placeA: placeOf(a), placeB: placeOf(b), lane: laneOf(edge),
    services: [...new Set(edge.services.map(serviceKey))],
  };
}

/** @param {DocumentNode[]} nodes @returns {SegmentRow[]} */
function segmentsOf(nodes) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const node of nodes) {
    for (const segment of node.segments) {
      counts.set(segment, (counts.get(segment) ?? 0) + (isMachine(node) ? 1 : 0));
    }
  }
  return [...counts]
    .map(([key, vms]) => ({ key, label: key, vms }))
    .sort((p, q) => naturalOrder(p.key, q.key));
}

/** @param {Pair[]} pairs @returns {ServiceRow[]} */
function servicesOf(pairs) {
  /** @type {Map<string, ServiceRow>} */
  const rows = new Map();
  for (const pair of pairs) {
    if (pair.lane === 'flood') continue;
    const seen = new Set();
    for (const service of pair.edge.services) {
      const key = serviceKey(service);
      const row = rows.get(key) ?? { key, label: serviceName(service), wire_bytes: 0, pairs: 0 };
      row.wire_bytes += service.wire_bytes;
      if (!seen.has(key)) row.pairs += 1;
      seen.add(key);
      rows.set(key, row);
    }
  }
  return [...rows.values()].sort((p, q) => q.wire_bytes - p.wire_bytes || naturalOrder(p.key, q.key));
}

/** @param {DocumentNode} node @returns {boolean} whether it has a tile of its own */
export function isMachine(node) {
  return isHouse(placeOf(node));
}

/** @param {Pair} pair @returns {boolean} whether the map draws it: groups and self-talk are only listed */
export function isDrawn(pair) {
  return pair.a !== pair.b && pair.placeA !== NOWHERE && pair.placeB !== NOWHERE && pair.lane !== 'flood';
}

/** @param {Pair} pair @param {string} id @returns {DocumentNode} the end that is not `id` */
export function otherEnd(pair, id) {
  return pair.a.id === id ? pair.b : pair.a;
}

/** @param {Pair} pair @returns {boolean} */
export function isVmToVm(pair) {
  return pair.a.kind === 'vm' && pair.b.kind === 'vm';
}
