// Places that are no hosts: the unplaced, Outside, routers, groups. And a trunk between two places.

import { bytes, fromTo, isolated, plural, shortName, visibleText } from '../format.js';
import { isCluster, isWithin, nodesIn } from '../model/clusters.js';
import { NOWHERE, OUTSIDE, ROUTERS, UNPLACED } from '../model/graph-model.js';
import { servicesOfPairs, waysOf } from '../model/host-facts.js';
import { splitOf } from '../model/headline.js';
import { placeName } from '../scene/house-items.js';
import { el } from './element.js';
import { moreList } from './more-list.js';
import { sharesSection } from './node-panel.js';
import { hiddenNote, pairItem } from './pair-list.js';
import { foldedServices } from './services-list.js';

/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../document-types.js').DocumentNode} DocumentNode */
/** @typedef {import('../url-state.js').Selection} Selection */
/** @typedef {(selection: Selection|null) => void} Select */

/** By place, whose name may be anything. */
const NOTES = new Map([
  [OUTSIDE, 'Peers that are no machines of this estate. They are folded into one gate.'],
  [ROUTERS, 'Routers that stand on no known host. A routed frame names their MAC, not its sender’s.'],
  [NOWHERE, 'Multicast and broadcast go to many at once, and folded rows stand for many: none of them is a pair of VMs.'],
  [UNPLACED, 'Nothing says on which host these stand. Drop an inventory (CSV, JSON, YAML, RVTools, virsh XML), open one and state its host, or add captures with stated points.'],
]);
const TITLES = new Map([[OUTSIDE, 'Outside'], [ROUTERS, 'Routers'], [NOWHERE, 'Groups, not drawn']]);

/** @param {string} place */
export function placeTitle(place) {
  return TITLES.get(place) ?? placeName(place);
}

/**
 * @param {string} place
 * @param {GraphModel} model
 * @param {Pair[]} all pairs that touch it: its shares are theirs, whatever a filter hides
 * @param {Pair[]} pairs those of them that pass the filters
 * @param {Select} select
 * @returns {Node[]}
 */
export function placePanel(place, model, all, pairs, select) {
  return [
    el('h2', { class: 'hostile' }, placeTitle(place)),
    el('p', { class: 'detail-panel__sub' }, NOTES.get(place) ?? (isCluster(place) ? 'Hosts of one cluster' : '')),
    sharesSection(splitOf(all)),
    hiddenNote(all, pairs),
    endpointsSection(nodesIn(model, place), select),
    pairs.length > 0 ? pairsSection(pairs, select) : null,
  ].filter((part) => part !== null);
}

/** @param {DocumentNode[]} nodes @param {Select} select */
export function endpointsSection(nodes, select) {
  const rows = [...nodes].sort((p, q) => q.wire_bytes - p.wire_bytes);
  return el('section', {}, el('h3', {}, plural(rows.length, 'endpoint')), moreList('endpoints', rows, (node) =>
    el('li', {}, el('button', { type: 'button', class: 'link-button hostile', 'data-key': `node ${node.id}`, title: visibleText(node.label), onclick: () => select({ type: 'node', id: node.id }) }, shortName(node.label)), el('small', { class: 'num' }, bytes(node.wire_bytes))), { className: 'names', id: 'endpoints', page: 12 }));
}

/**
 * @param {{from: string, to: string}} trunk
 * @param {GraphModel} model
 * @param {Pair[]} all its pairs: the figures are theirs, whatever a filter hides
 * @param {Pair[]} pairs those of them that pass the filters
 * @param {Select} select
 * @returns {Node[]}
 */
export function trunkPanel({ from, to }, model, all, pairs, select) {
  const split = splitOf(all);
  const turning = from === to;
  const ways = waysOf((place) => isWithin(model, place, from), all);
  const [here, there] = [shortName(placeTitle(from)), shortName(placeTitle(to))];
  return [
    el('h2', { class: 'hostile' }, turning ? `Hairpins on ${here}` : `${isolated(here)} – ${isolated(there)}`),
    el('p', { class: 'detail-panel__sub' }, turning ? 'Both ends stand on this host, yet the traffic left by its uplink and came back.' : `${bytes(split.total)} in ${plural(all.length, 'pair')} between the two.`),
    sharesSection(split),
    hiddenNote(all, pairs),
    turning ? null : el('section', {}, el('h3', {}, 'Traffic'), el('dl', { class: 'facts', id: 'trunk-ways' },
      el('dt', { class: 'hostile' }, fromTo(shortName(here, 24), shortName(there, 24))), el('dd', {}, bytes(ways.there)),
      el('dt', { class: 'hostile' }, fromTo(shortName(there, 24), shortName(here, 24))), el('dd', {}, bytes(ways.back)))),
    pairs.length > 0 ? pairsSection(pairs, select) : null,
    el('section', {}, el('h3', {}, 'Services'), foldedServices('services', servicesOfPairs(all))),
  ].filter((part) => part !== null);
}

/** @param {Pair[]} pairs @param {Select} select */
function pairsSection(pairs, select) {
  return el('section', {}, el('h3', {}, plural(pairs.length, 'pair')), moreList('pairs', pairs, (pair) => pairItem(pair, select), { className: 'pair-list', page: 20 }));
}
