// Who stands where, in order: assigned once and kept. Newcomers append; who goes leaves a ghost until Tidy. Pure.

import { UNPLACED, isHouse, placeOf } from '../model/graph-model.js';
import { byName, clustersOf, isCluster } from '../model/clusters.js';
import { naturalOrder } from '../format.js';

/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../document-types.js').DocumentNode} DocumentNode */

/**
 * @typedef {object} Slots
 * @property {string[]} houses in order along the street
 * @property {Record<string, string[]>} tiles node ids of each host in order, those of ghosts included
 * @property {Record<string, Record<string, string>>} ghosts by host: names of those who left the slot that they had, by id
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
  return Number(p === UNPLACED) - Number(q === UNPLACED) || byName(p, q);
}

/**
 * @param {GraphModel} model
 * @param {Slots|null} before the slots to keep, or null to begin afresh
 * @param {Map<string, string>} folded cluster of each host that is drawn in one
 * @param {GraphModel|null} modelBefore knows the names of those who are gone
 * @returns {Slots}
 */
export function assignSlots(model, before, folded = new Map(), modelBefore = null) {
  const houses = housesOf(model, before, folded);
  /** @type {Slots} */
  const slots = { houses, tiles: byHost(before?.tiles), ghosts: byHost() };
  for (const place of houses) {
    if (isCluster(place)) continue;
    const old = before?.tiles[place] ?? [];
    const known = new Set(old);
    const newcomers = (model.places.get(place) ?? []).filter((node) => !known.has(node.id)).sort(tileOrder);
    slots.tiles[place] = newcomers.length ? [...old, ...newcomers.map((node) => node.id)] : old;
    for (const id of old) {
      const node = model.nodes.get(id);
      if (node && placeOf(node) === place) continue;
      const names = (slots.ghosts[place] ??= {});
      names[id] = node?.label ?? before?.ghosts[place]?.[id] ?? modelBefore?.nodes.get(id)?.label ?? nameOfId(id);
    }
  }
  return slots;
}

/** Hosts are called as strangers like it: "constructor" is a name, too. @template T @param {Record<string, T>} [known] @returns {Record<string, T>} */
export const byHost = (known) => Object.assign(Object.create(null), known);

/** An unfolded cluster gives its place to its hosts, and takes theirs when it is folded. @param {GraphModel} model @param {Slots|null} before @param {Map<string, string>} folded @returns {string[]} */
function housesOf(model, before, folded) {
  const clusters = new Set(folded.values());
  const kept = (before?.houses ?? []).flatMap((place) => {
    if (isCluster(place)) return clusters.has(place) ? [place] : (clustersOf(model).hosts.get(place) ?? []);
    return [folded.get(place) ?? place];
  });
  const present = [...model.places.keys()].filter(isHouse).map((place) => folded.get(place) ?? place).sort(houseOrder);
  return [...new Set([...kept, ...present])];
}

/** vm:web-1, ip:default/10.0.0.1, mac:vlan10/00:50:…: what follows the kind and its domain. @param {string} id */
function nameOfId(id) {
  return id.replace(/^vm:/, '').replace(/^(ip|mac):[^/]*\//, '');
}

/**
 * Whether the old places are worth keeping: not when nobody had a host before and some have one now.
 * @param {GraphModel} model
 * @param {Slots} slots
 */
export function worthKeeping(model, slots) {
  return slots.houses.some((place) => place !== UNPLACED) || model.hosts.length === 0;
}
