// Places of the map: a host, the unplaced, Outside, groups, and a trunk between two of them.

import { bytes, percent, plural, visibleText } from '../format.js';
import { isCluster, nodesIn } from '../model/clusters.js';
import { NOWHERE, OUTSIDE, ROUTERS, UNPLACED } from '../model/graph-model.js';
import { splitOf } from '../model/headline.js';
import { ROLES } from '../verdicts.js';
import { placeName } from '../scene/house-items.js';
import { el, splitBar } from './element.js';
import { pairList } from './pair-list.js';

/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../url-state.js').Selection} Selection */

const NODES_SHOWN = 40;

/** @param {string} place */
function titleOf(place) {
  return { [OUTSIDE]: 'Outside', [ROUTERS]: 'Routers', [NOWHERE]: 'Groups, not drawn' }[place] ?? placeName(place);
}

/** @param {string} place */
function noteOf(place) {
  return {
    [OUTSIDE]: 'Peers that are no machines of this estate. They are folded into one gate.',
    [ROUTERS]: 'Routers that stand on no known host. A routed frame names their MAC, not its sender’s.',
    [NOWHERE]: 'Multicast and broadcast go to many at once, and folded rows stand for many: none of them is a pair of VMs.',
    [UNPLACED]: 'Nothing says on which host these stand. Drop an inventory (CSV, JSON, YAML, RVTools, virsh XML), or add captures with stated points.',
  }[place] ?? (isCluster(place) ? 'Hosts of one cluster' : 'Host');
}

/**
 * @param {string} place
 * @param {GraphModel} model
 * @param {Pair[]} pairs shown pairs that touch it
 * @param {(selection: Selection|null) => void} select
 * @returns {Node[]}
 */
export function placePanel(place, model, pairs, select) {
  const nodes = [...nodesIn(model, place)].sort((p, q) => q.wire_bytes - p.wire_bytes);
  const points = model.facts.points.filter((point) => point.host === place);
  const split = splitOf(pairs);
  return [
    el('h2', { class: 'hostile' }, titleOf(place)),
    el('p', { class: 'detail-panel__sub' }, noteOf(place)),
    split.total > 0 ? el('section', {}, splitBar('share-bar', split), el('p', { class: 'muted num' }, `${percent(split.stayed, split.total)} of ${bytes(split.total)} stayed, ${percent(split.left, split.total)} left, ${percent(split.undetermined, split.total)} undetermined`)) : el('span'),
    ...(points.length ? [el('section', {}, el('h3', {}, plural(points.length, 'capture point')), el('ul', { class: 'pair-list' }, points.map((point) =>
      el('li', {}, el('button', { type: 'button', class: 'link-button hostile', onclick: () => select({ type: 'point', id: point.id }) }, visibleText(`${ROLES[point.role] ?? point.role} · ${point.file} ${point.interface}`))))))] : []),
    el('section', {}, el('h3', {}, plural(nodes.length, 'endpoint')), el('ul', { class: 'names' }, nodes.slice(0, NODES_SHOWN).map((node) =>
      el('li', {}, el('button', { type: 'button', class: 'link-button hostile', onclick: () => select({ type: 'node', id: node.id }) }, visibleText(node.label)), el('small', { class: 'num' }, bytes(node.wire_bytes)))),
    nodes.length > NODES_SHOWN && el('li', { class: 'muted' }, `and ${nodes.length - NODES_SHOWN} more, in the table`))),
    ...(pairs.length ? [el('section', {}, el('h3', {}, plural(pairs.length, 'pair')), pairList(pairs, select))] : []),
  ];
}

/**
 * @param {{from: string, to: string}} trunk
 * @param {Pair[]} pairs
 * @param {(selection: Selection|null) => void} select
 * @returns {Node[]}
 */
export function trunkPanel({ from, to }, pairs, select) {
  const split = splitOf(pairs);
  const turning = from === to;
  return [
    el('h2', { class: 'hostile' }, turning ? `Hairpins on ${titleOf(from)}` : `${titleOf(from)} – ${titleOf(to)}`),
    el('p', { class: 'detail-panel__sub' }, turning ? 'Both ends stand on this host, yet the traffic left by its uplink and came back.' : `${bytes(split.total)} in ${plural(pairs.length, 'pair')} between the two.`),
    el('section', {}, el('h3', {}, plural(pairs.length, 'pair')), pairList(pairs, select, { most: 60 })),
  ];
}
