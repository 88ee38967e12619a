// Who stands where, in order: assigned once and kept. Newcomers append; who goes leaves an empty slot until Tidy. Pure.

import { UNPLACED, isHouse } from '../model/graph-model.js';
import { naturalOrder } from '../format.js';

/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../document-types.js').DocumentNode} DocumentNode */

/**
 * @typedef {object} Slots
 * @property {string[]} houses in order along the street
 * @property {Record<string, (string|null)[]>} tiles node ids of each house in order; null is an empty slot
 */

/** Machines first, then by segment, then by name. @param {DocumentNode} p @param {DocumentNode} q */
function tileOrder(p, q) {
  return kindRank(p) - kindRank(q) || naturalOrder(p.segments[0] ?? '\uffff', q.segments[0] ?? '\uffff')
    || naturalOrder(p.label, q.label) || naturalOrder(p.id, q.id);
}

/** @param {DocumentNode} node */
function kindRank(node) {
  return ['vm', 'unknown', 'router', 'hypervisor'].indexOf(node.kind);
}

/** Hosts in natural order; endpoints without a host come last. @param {string} p @param {string} q */
function houseOrder(p, q) {
  return Number(p === UNPLACED) - Number(q === UNPLACED) || naturalOrder(p, q);
}

/**
 * @param {GraphModel} model
 * @param {Slots|null} before the slots to keep, or null to begin afresh
 * @returns {Slots}
 */
export function assignSlots(model, before) {
  const present = [...model.places.keys()].filter(isHouse).sort(houseOrder);
  const kept = before?.houses ?? [];
  /** @type {Slots} */
  const slots = { houses: [...kept, ...present.filter((place) => !kept.includes(place))], tiles: {} };
  for (const place of slots.houses) {
    const nodes = [...(model.places.get(place) ?? [])].sort(tileOrder);
    const here = new Set(nodes.map((node) => node.id));
    const old = (before?.tiles[place] ?? []).map((id) => (id !== null && here.has(id) ? id : null));
    const known = new Set(old);
    slots.tiles[place] = [...old, ...nodes.map((node) => node.id).filter((id) => !known.has(id))];
  }
  return slots;
}

/**
 * Whether every endpoint that stood somewhere still stands in the same house: if not, somebody changed
 * the inventory and the map is laid out again.
 * @param {GraphModel} model
 * @param {Slots} slots
 */
export function sameHouses(model, slots) {
  return Object.entries(slots.tiles).every(([place, ids]) => {
    const here = new Set((model.places.get(place) ?? []).map((node) => node.id));
    return ids.every((id) => id === null || here.has(id) || !model.nodes.has(id));
  });
}
