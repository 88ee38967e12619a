// Places of the map: a host, the unplaced, Outside, groups, a trunk between two of them; and a capture point.

import { bytes, count, msOfNs, percent, plural, timeSpan, visibleText } from '../format.js';
import { NOWHERE, OUTSIDE, ROUTERS, UNPLACED } from '../model/graph-model.js';
import { splitOf } from '../model/headline.js';
import { healthOf } from '../model/health.js';
import { ROLES } from '../verdicts.js';
import { placeName } from '../scene/house-items.js';
import { el, splitBar } from './element.js';
import { pairList } from './pair-list.js';

/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../document-types.js').Point} Point */
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
  }[place] ?? 'Host';
}

/**
 * @param {string} place
 * @param {GraphModel} model
 * @param {Pair[]} pairs shown pairs that touch it
 * @param {(selection: Selection|null) => void} select
 * @returns {Node[]}
 */
export function placePanel(place, model, pairs, select) {
  const nodes = [...(model.places.get(place) ?? [])].sort((p, q) => q.wire_bytes - p.wire_bytes);
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

/**
 * A capture point with those of the same host and role.
 * @param {Point} point
 * @param {GraphModel} model
 * @param {import('../document-types.js').Health|null} health
 * @returns {Node[]}
 */
export function pointPanel(point, model, health) {
  const group = model.facts.points.filter((one) => one.host === point.host && one.role === point.role);
  const state = healthOf(group, health?.hosts ?? {});
  const uplinks = point.host === null ? undefined : health?.hosts[point.host];
  const capture = model.facts.captures.find((one) => one.file === point.file);
  const share = (/** @type {number|null} */ value) => (value === null ? '–' : percent(value, 1));
  const fact = (/** @type {string} */ term, /** @type {string} */ value) => [el('dt', {}, term), el('dd', { class: 'hostile' }, value)];
  return [
    el('h2', { class: 'hostile' }, state.title),
    el('p', { class: 'detail-panel__sub hostile' }, visibleText([...new Set(group.map((one) => one.file))].join(', '))),
    el('section', {}, el('h3', {}, 'What it is'), el('dl', { class: 'facts' },
      fact('Role', ROLES[point.role] ?? point.role), fact('Host', visibleText(point.host ?? 'not known')), fact('How that is known', visibleText(point.how)),
      fact('Uplinks of the host', uplinks?.uplinks?.length ? visibleText(uplinks.uplinks.join(', ')) : 'not stated'),
      fact('All uplinks captured', uplinks?.uplinks_complete ? 'stated complete' : 'not known'))),
    ...group.map((one) => el('section', {}, el('h3', { class: 'hostile' }, visibleText(one.interface || one.file)), el('dl', { class: 'facts' },
      fact('Packets', count(one.packets)), fact('Copies per packet', one.copies_per_packet === null ? '–' : one.copies_per_packet.toFixed(2)),
      fact('One-way conversations', share(one.one_way_share)), fact('Frames cut short', share(one.truncated_share)),
      fact('Dropped', one.dropped_packets === null ? 'not reported' : count(one.dropped_packets)),
      fact('Span', timeSpan(msOfNs(one.first_seen_ns), msOfNs(one.last_seen_ns)))))),
    el('section', {}, el('h3', {}, 'What it means'), el('ul', { class: 'evidence' }, state.facts.map((fact_) =>
      el('li', {}, el('span', { class: fact_.off ? 'against' : 'for', 'aria-hidden': 'true' }, fact_.off ? '!' : '✓'), el('span', {}, fact_.text))))),
    ...(capture?.warnings.length ? [el('section', {}, el('h3', {}, 'Warnings of this capture'), el('ul', { class: 'evidence' }, capture.warnings.map((warning) => el('li', {}, el('span', { class: 'against', 'aria-hidden': 'true' }, '!'), el('span', { class: 'hostile' }, visibleText(warning.text))))))] : []),
  ];
}
