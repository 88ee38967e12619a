// What leaves a host, and to where. Pure.

import { plural } from '../format.js';
import { serviceKey } from './graph-model.js';

/** @typedef {import('./graph-model.js').Pair} Pair */
/** @typedef {{place: string, pairs: number, wire_bytes: number}} Destination */

/**
 * Where the traffic of a place goes that is not for the place itself, most bytes first.
 * @param {string} place
 * @param {Pair[]} pairs that touch it
 * @returns {Destination[]}
 */
export function destinationsOf(place, pairs) {
  /** @type {Map<string, Destination>} */
  const found = new Map();
  for (const { placeA, placeB, edge } of pairs) {
    if (placeA === placeB) continue;
    const other = placeA === place ? placeB : placeA;
    const row = found.get(other) ?? { place: other, pairs: 0, wire_bytes: 0 };
    row.pairs += 1;
    row.wire_bytes += edge.wire_bytes;
    found.set(other, row);
  }
  return [...found.values()].sort((p, q) => q.wire_bytes - p.wire_bytes);
}

/** Bytes of a trunk each way. @param {(place: string) => boolean} isFrom whether a place is at the trunk's beginning @param {Pair[]} pairs @returns {{there: number, back: number}} */
export function waysOf(isFrom, pairs) {
  const ways = { there: 0, back: 0 };
  for (const { placeA, edge } of pairs) {
    const [out, home] = [edge.source_to_target_bytes, edge.target_to_source_bytes];
    ways.there += isFrom(placeA) ? out : home;
    ways.back += isFrom(placeA) ? home : out;
  }
  return ways;
}

/**
 * Bytes and pairs of each service among some pairs, most bytes first.
 * @param {Pair[]} pairs
 * @returns {{service: import('../document-types.js').Service, pairs: number, wire_bytes: number}[]}
 */
export function servicesOfPairs(pairs) {
  /** @type {Map<string, {service: import('../document-types.js').Service, pairs: number, wire_bytes: number}>} */
  const rows = new Map();
  for (const pair of pairs) {
    const seen = new Set();
    for (const service of pair.edge.services) {
      const key = serviceKey(service); // DNS over TCP and UDP is one
      const row = rows.get(key) ?? { service, pairs: 0, wire_bytes: 0 };
      if (!seen.has(key)) row.pairs += 1;
      seen.add(key);
      row.wire_bytes += service.wire_bytes;
      rows.set(key, row);
    }
  }
  return [...rows.values()].sort((p, q) => q.wire_bytes - p.wire_bytes);
}

/** @param {import('../document-types.js').HostStatement|undefined} known @returns {string} what is known of a host's uplinks */
export function uplinksText(known) {
  const names = known?.uplinks ?? [];
  const listed = names.length ? `${plural(names.length, 'uplink')}: ${names.join(', ')}` : 'No uplink is listed';
  return `${listed}; ${known?.uplinks_complete ? 'stated complete' : 'not known to be complete'}.`;
}

/** @param {Pair[]} pairs @returns {Pair[]} those that left a host and came back to it */
export function hairpinsOf(pairs) {
  return pairs.filter((pair) => pair.lane === 'hairpin');
}
