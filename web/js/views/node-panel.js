// One endpoint: who it is and how that is known, where it stands, whom it talks to.

import { bytes, count, plural, visibleText } from '../format.js';
import { splitOf } from '../model/headline.js';
import { el, splitBar } from './element.js';
import { pairList } from './pair-list.js';

/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../document-types.js').DocumentNode} DocumentNode */
/** @typedef {import('../url-state.js').Selection} Selection */

const KINDS = { vm: 'VM', hypervisor: 'Hypervisor', router: 'Router', external: 'Outside peer', group: 'Group', unknown: 'Kind not known' };

/**
 * @param {DocumentNode} node
 * @param {GraphModel} model
 * @param {(selection: Selection|null) => void} select
 * @returns {Node[]}
 */
export function nodePanel(node, model, select) {
  const pairs = model.pairsOf.get(node.id) ?? [];
  const split = splitOf(pairs.filter((pair) => pair.lane !== 'flood'));
  return [
    el('h2', { class: 'hostile' }, visibleText(node.label)),
    el('p', { class: 'detail-panel__sub' }, `${KINDS[node.kind]} · ${node.host === null ? 'host not known' : `on ${visibleText(node.host)}`}${node.vswitch === null ? '' : ` · ${visibleText(node.vswitch)}`}`),
    split.total > 0 ? el('section', {}, splitBar('share-bar', split), el('p', { class: 'muted num' }, `${bytes(split.stayed)} stayed, ${bytes(split.left)} left, ${bytes(split.undetermined)} undetermined`)) : el('span'),
    el('section', {}, el('h3', {}, 'Names, and who says so'),
      node.names.length ? el('ul', { class: 'names' }, node.names.map(({ name, source }) => el('li', {}, el('bdi', { class: 'hostile' }, visibleText(name)), el('small', {}, visibleText(source))))) : el('p', { class: 'muted' }, 'No name was seen or stated.')),
    el('section', {}, el('h3', {}, 'Addresses'), el('dl', { class: 'facts facts--left' },
      fact('IP', node.ips), fact('MAC', node.macs), fact('Segments', node.segments))),
    el('section', {}, el('h3', {}, 'Traffic'), el('dl', { class: 'facts' },
      el('dt', {}, 'Bytes, both ways'), el('dd', {}, bytes(node.wire_bytes)), el('dt', {}, 'Packets'), el('dd', {}, count(node.packets)))),
    el('section', {}, el('h3', {}, plural(pairs.length, 'pair')), pairList(pairs, select, { from: node.id, most: 20 })),
  ];
}

/** @param {string} term @param {string[]} values @returns {Node[]} */
function fact(term, values) {
  return [el('dt', {}, term), el('dd', { class: 'mono hostile' }, values.length ? visibleText(values.join(', ')) : '–')];
}
