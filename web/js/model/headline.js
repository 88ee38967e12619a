// The sentence above the map and the numbers it rests on. Pure.

import { bytes, clockSpan, count, percent, percentages, plural, timeSpan, msOfNs } from '../format.js';
import { OUTSIDE, UNPLACED, isDrawn, isHouse, isVmToVm, placeOf } from './graph-model.js';

/** @typedef {import('./graph-model.js').GraphModel} GraphModel */
/** @typedef {import('./graph-model.js').Pair} Pair */

/**
 * Bytes by what happened to them. `left` holds `hairpin`; a mixed pair gives its bytes to each part.
 * @typedef {{total: number, stayed: number, left: number, hairpin: number, undetermined: number}} Split
 */

/** @param {Iterable<Pair>} pairs @returns {Split} */
export function splitOf(pairs) {
  const split = { total: 0, stayed: 0, left: 0, hairpin: 0, undetermined: 0 };
  for (const pair of pairs) addTo(split, pair);
  return split;
}

/** @param {Split} split @param {Pair} pair */
export function addTo(split, { edge }) {
  split.total += edge.wire_bytes;
  split.stayed += edge.stayed_bytes;
  split.left += edge.left_bytes;
  split.undetermined += edge.undetermined_bytes;
  split.hairpin += edge.hairpin_bytes;
}

/**
 * Of pairs whose both ends are VMs. Pairs that the server folded are in the figures of the whole capture.
 * @param {GraphModel} model
 * @returns {Split}
 */
export function vmSplit(model) {
  const split = splitOf(model.pairs.filter(isVmToVm));
  const { range, shares, grades } = model.facts;
  const [total, stayed] = [shares.vm_vm_bytes ?? 0, shares.within_host_bytes ?? 0];
  if (range || total <= split.total || !grades) return split;
  const undetermined = grades.vm_vm?.ungraded_bytes ?? 0;
  return { total, stayed, left: total - stayed - undetermined, hairpin: split.hairpin, undetermined };
}

/** @param {GraphModel} model @returns {string|null} the time range whose bytes these are, "12:04 – 15:16"; null for the whole capture */
export function rangeText(model) {
  const { range, totals } = model.facts;
  const from = msOfNs(range?.from_ns ?? totals.first_seen_ns);
  const to = msOfNs(range?.to_ns ?? totals.last_seen_ns);
  return range && from !== null && to !== null ? clockSpan(from, to) : null;
}

/**
 * The sentence: what stayed, what left and what cannot be told, always together.
 * @param {GraphModel} model
 * @returns {string}
 */
export function headline(model) {
  const range = rangeText(model);
  if (range === null) return sentence(model);
  if (model.pairs.length === 0) return `No conversations in ${range}`;
  // in few words: a second line would push the map down
  const text = sentence(model, 'stayed', 'left');
  return `In ${range}, ${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}

/** @param {GraphModel} model @param {string} [stays] @param {string} [leaves] */
function sentence(model, stays = 'never left their host', leaves = 'did') {
  const split = vmSplit(model);
  if (model.pairs.length === 0) return 'No conversations in this capture';
  if (split.total === 0) {
    return [...model.nodes.values()].some((node) => node.kind === 'vm')
      ? 'No traffic between two VMs was seen'
      : 'No endpoint is known to be a VM: an inventory would tell which are';
  }
  if (split.undetermined === split.total) {
    return `Whether VM-to-VM bytes left their host cannot be told yet: ${percent(1, 1)} undetermined`;
  }
  const [stayed, left, undetermined] = percentages([split.stayed, split.left, split.undetermined]);
  const rest = split.undetermined === 0 ? 'none is undetermined' : `${undetermined} cannot be told`;
  return `${stayed} of VM-to-VM bytes ${stays}, ${left} ${leaves}, ${rest}`;
}

/**
 * The denominators, under the sentence.
 * @param {GraphModel} model
 * @returns {string[]}
 */
export function denominators(model) {
  const split = vmSplit(model);
  const range = rangeText(model);
  // a range keeps the endpoints of the whole capture: those that are silent in it are not counted
  const seen = [...model.nodes.values()].filter((node) => node.packets > 0 || range === null);
  const vms = seen.filter((node) => node.kind === 'vm');
  const hosts = range === null ? model.hosts : [...new Set(seen.map(placeOf))].filter((place) => isHouse(place) && place !== UNPLACED);
  const unplaced = seen.filter((node) => placeOf(node) === UNPLACED).length;
  const { first_seen_ns: first, last_seen_ns: last } = model.facts.totals;
  return [
    `${bytes(split.total)} VM-to-VM of ${bytes(model.facts.totals.unique_bytes)} in all`,
    `${plural(vms.length, 'VM')} on ${plural(hosts.length, 'host')}${unplaced ? `, ${count(unplaced)} not placed` : ''}`,
    range === null ? timeSpan(msOfNs(first), msOfNs(last)) : 'bytes of this time, verdicts of the whole capture',
  ];
}

/**
 * What the card of a house says: all drawn traffic of its endpoints, whoever the other end is.
 * @param {Pair[]} pairs
 * @param {(place: string) => string} [houseOf] the house that a place is drawn in; a pair counts once in each
 * @returns {Map<string, Split>} by house
 */
export function houseSplits(pairs, houseOf = (place) => place) {
  /** @type {Map<string, Split>} */
  const splits = new Map();
  for (const pair of pairs) {
    if (!isDrawn(pair)) continue;
    const [one, other] = [houseOf(pair.placeA), houseOf(pair.placeB)];
    for (const place of one === other ? [one] : [one, other]) {
      if (!isHouse(place)) continue;
      const split = splits.get(place) ?? splitOf([]);
      if (split.total === 0) splits.set(place, split);
      addTo(split, pair);
    }
  }
  return splits;
}

/** @param {GraphModel} model @returns {number} peers outside, those folded by the server included */
export function outsidePeers(model) {
  const folded = model.facts.warnings.find((warning) => warning.code === 'folded_outside')?.count ?? 0;
  const named = (model.places.get(OUTSIDE) ?? []).filter((node) => node.kind !== 'group').length;
  return named + folded;
}
