// One endpoint: who it is and how that is known, where it stands, whom it talks to.

import { bytes, count, percent, plural, shortName, visibleText } from '../format.js';
import { isolate, showNode } from '../model/filters.js';
import { servicesOfPairs } from '../model/host-facts.js';
import { splitOf } from '../model/headline.js';
import { placedBy } from '../model/sightings.js';
import { el, fill, splitBar } from './element.js';
import { foldedWords, moreList } from './more-list.js';
import { createNodeCorrection } from './node-correction.js';
import { pairItem } from './pair-list.js';
import { foldedServices } from './services-list.js';

/** @typedef {import('../app-state.js').AppState} AppState */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../model/filters.js').Filters} Filters */
/** @typedef {import('../document-types.js').DocumentNode} DocumentNode */
/** @typedef {import('../document-types.js').MapStatus} MapStatus */
/** @typedef {import('../url-state.js').Selection} Selection */

const KINDS = { vm: 'VM', hypervisor: 'Hypervisor', router: 'Router', external: 'Outside peer', group: 'Group', unknown: 'Kind not known' };
const PAIRS_SHOWN = 12;

/**
 * @param {import('../session.js').Session} session
 * @param {{select: (selection: Selection|null) => void, setFilters: (filters: Filters) => void}} actions
 * @param {() => void} answered the server has told more: the panel can be made again
 */
export function createNodePanel(session, actions, answered) {
  const correction = createNodeCorrection(session, answered);

  /** @param {DocumentNode} node @param {MapStatus} map @param {GraphModel} model @param {AppState} state @returns {Node[]} */
  function render(node, map, model, state) {
    const pairs = model.pairsOf.get(node.id) ?? [];
    const split = splitOf(pairs.filter((pair) => pair.lane !== 'flood'));
    const kindHow = el('dd', { class: 'hostile facts__how' }, '…');
    const hostHow = el('dd', { class: 'hostile facts__how' }, '…');
    const form = el('div', {});
    const { answer: told, error } = node.kind === 'group' ? { answer: null, error: null } : correction.known(node, map);
    if (told) {
      const { placement } = told;
      kindHow.textContent = visibleText(placement?.kind_how || 'nothing said or found');
      fill(hostHow, placedBy(placement), placement?.conflict ? el('p', { class: 'against' }, `Conflict: ${visibleText(placement.conflict)}.`) : null);
      fill(form, correction.section(node, map, model, told));
    } else if (error !== null) {
      fill(kindHow);
      fill(hostHow, error instanceof Error ? error.message : String(error));
    }
    return [
      el('h2', { class: 'hostile', title: visibleText(node.label) }, shortName(node.label)),
      el('p', { class: 'detail-panel__sub' }, `${KINDS[node.kind]} · ${node.host === null ? 'host not known' : `on ${shortName(node.host)}`}`),
      sharesSection(split),
      filterButtons(node, state.filters, actions),
      node.kind !== 'group' && el('section', {}, el('h3', {}, 'What and where'), el('dl', { class: 'facts', id: 'node-facts' },
        fact('Kind', [KINDS[node.kind]]), el('dt', { class: 'visually-hidden' }, 'Known from'), kindHow,
        fact('Host', [node.host === null ? 'not known' : hostButton(node.host, actions)]), el('dt', { class: 'visually-hidden' }, 'Known from'), hostHow,
        fact('vSwitch', [node.vswitch === null ? '–' : visibleText(node.vswitch)]))),
      form,
      el('section', {}, el('h3', {}, 'Names, and who says so'),
        node.names.length ? moreList('names', node.names, ({ name, source }) => el('li', {}, el('bdi', { class: 'hostile' }, visibleText(name)), el('small', {}, visibleText(source))), { className: 'names', page: 6 }) : el('p', { class: 'muted' }, 'No name was seen or stated.')),
      el('section', {}, el('h3', {}, 'Addresses'), el('dl', { class: 'facts facts--left' },
        address('IP', node.ips), address('MAC', node.macs), address('Segments', node.segments))),
      el('section', {}, el('h3', {}, 'Traffic'), el('dl', { class: 'facts' },
        fact('Bytes, both ways', [bytes(node.wire_bytes)]), fact('Packets', [count(node.packets)]))),
      el('section', {}, el('h3', {}, plural(pairs.length, 'pair')), moreList('pairs', pairs, (pair) => pairItem(pair, actions.select, node.id), { className: 'pair-list', page: PAIRS_SHOWN })),
      el('section', {}, el('h3', {}, 'Services'), foldedServices('services', servicesOfPairs(pairs))),
    ].filter((part) => part instanceof Node);
  }

  return { render, forget: correction.forget };
}

/** What stayed, left and cannot be told of some traffic. @param {import('../model/headline.js').Split} split @returns {Node|null} */
export function sharesSection(split) {
  if (split.total === 0) return null;
  const part = (/** @type {number} */ value, /** @type {string} */ word) => `${bytes(value)} ${word} (${percent(value, split.total)})`;
  const turned = split.hairpin > 0 ? `, of it ${bytes(split.hairpin)} hairpin` : '';
  return el('section', {}, splitBar('share-bar', split), el('p', { class: 'muted num', id: 'shares' },
    `${part(split.stayed, 'stayed')}, ${part(split.left, 'left')}${turned}, ${part(split.undetermined, 'undetermined')}`));
}

/** @param {DocumentNode} node @param {Filters} filters @param {{setFilters: (filters: Filters) => void}} actions */
function filterButtons({ id, kind }, filters, { setFilters }) {
  const hidden = filters.hiddenNodes.includes(id);
  const alone = filters.isolated.length === 1 && filters.isolated[0] === id;
  const what = kind === 'vm' ? 'this VM' : 'this endpoint';
  return el('div', { class: 'actions actions--row' },
    el('button', { type: 'button', class: 'button button--small', id: 'hide-node', 'aria-pressed': String(hidden), onclick: () => setFilters(showNode(filters, id, hidden)) }, hidden ? `Show ${what} again` : `Hide ${what}`),
    el('button', { type: 'button', class: 'button button--small', id: 'isolate-node', 'aria-pressed': String(alone), onclick: () => setFilters(isolate(filters, [id])) }, alone ? 'Show all again' : `Isolate ${what}`));
}

/** @param {string} host @param {{select: (selection: Selection|null) => void}} actions */
function hostButton(host, { select }) {
  return el('button', { type: 'button', class: 'link-button hostile', 'data-key': 'own host', title: visibleText(host), onclick: () => select({ type: 'place', place: host }) }, shortName(host));
}

/** @param {string} term @param {(Node|string)[]} value @returns {Node[]} */
function fact(term, value) {
  return [el('dt', {}, term), el('dd', { class: 'hostile' }, value)];
}

/** @param {string} term @param {string[]} values @returns {Node[]} */
function address(term, values) {
  return [el('dt', {}, term), el('dd', { class: 'mono hostile' }, foldedWords(`address ${term}`, values))];
}
