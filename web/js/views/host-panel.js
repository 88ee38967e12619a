// One host: what stayed inside, what is known of its uplinks, where it was captured, who stands on it, what leaves it.

import { bytes, plural, shortName, visibleText } from '../format.js';
import { showHost } from '../model/filters.js';
import { captureHealth, hostStatements } from '../model/health.js';
import { destinationsOf, hairpinsOf } from '../model/host-facts.js';
import { splitOf } from '../model/headline.js';
import { hostNames, uplinkForm } from './corrections.js';
import { el, icon } from './element.js';
import { moreList } from './more-list.js';
import { sharesSection } from './node-panel.js';
import { hiddenNote, pairItem } from './pair-list.js';
import { endpointsSection, placeTitle } from './place-panel.js';

/** @typedef {import('../app-state.js').AppState} AppState */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../model/filters.js').Filters} Filters */
/** @typedef {import('../document-types.js').MapStatus} MapStatus */
/** @typedef {import('../url-state.js').Selection} Selection */
/** @typedef {{select: (selection: Selection|null) => void, setFilters: (filters: Filters) => void}} Actions */

/**
 * @param {string} host
 * @param {GraphModel} model
 * @param {MapStatus} map
 * @param {Pair[]} all pairs that touch it: its shares are theirs, whatever a filter hides
 * @param {Pair[]} pairs those of them that pass the filters
 * @param {AppState} state
 * @param {import('../session.js').Session} session
 * @param {Actions} actions
 * @returns {Node[]}
 */
export function hostPanel(host, model, map, all, pairs, state, session, actions) {
  const statements = hostStatements(model.facts, state.health);
  const cluster = statements[host]?.cluster;
  const nodes = model.places.get(host) ?? [];
  const vms = nodes.filter((node) => node.kind === 'vm').length;
  const inside = pairs.filter((pair) => pair.lane === 'stayed' && pair.placeA === pair.placeB);
  return [
    el('h2', { class: 'hostile', title: visibleText(host) }, shortName(host)),
    el('p', { class: 'detail-panel__sub hostile' }, `Host${cluster ? ` in cluster ${shortName(cluster)}` : ''} · ${plural(vms, 'VM')}${nodes.length > vms ? `, ${plural(nodes.length - vms, 'other endpoint')}` : ''}`),
    sharesSection(splitOf(all)),
    hiddenNote(all, pairs),
    hideButton(host, state.filters, actions),
    pointsSection(host, model, statements, actions),
    hostNames(model),
    uplinkForm(host, statements[host] ?? {}, map, session),
    departures(host, pairs, actions),
    pairsSection('Hairpins', 'hairpins', hairpinsOf(pairs), actions, 'They left by the uplink and came back to this host.'),
    pairsSection('Never left this host', 'inside', inside, actions, ''),
    endpointsSection(nodes, actions.select),
  ].filter((part) => part !== null);
}

/** @param {string} host @param {Filters} filters @param {Actions} actions */
function hideButton(host, filters, { setFilters }) {
  const hidden = filters.hiddenHosts.includes(host);
  return el('div', { class: 'actions actions--row' },
    el('button', { type: 'button', class: 'button button--small', id: 'hide-host', 'aria-pressed': String(hidden), onclick: () => setFilters(showHost(filters, host, hidden)) }, hidden ? 'Show this host again' : 'Hide this host'));
}

/** @param {string} host @param {GraphModel} model @param {Record<string, import('../document-types.js').HostStatement>} statements @param {Actions} actions */
function pointsSection(host, model, statements, { select }) {
  const chips = captureHealth(model.facts.points.filter((point) => point.host === host), statements);
  const count = chips.reduce((sum, chip) => sum + chip.points.length, 0);
  if (chips.length === 0) return el('section', {}, el('h3', {}, 'Capture points'), el('p', { class: 'muted' }, 'Nothing was captured on this host.'));
  return el('section', {}, el('h3', {}, plural(count, 'capture point')), el('ul', { class: 'pair-list', id: 'host-points' }, chips.map((chip) =>
    el('li', {}, el('button', { type: 'button', class: 'pair-list__item', 'data-key': `point ${chip.id}`, onclick: () => select({ type: 'point', id: chip.id }) },
      icon(chip.off ? 'warn' : 'ok', 16, 16), el('span', {}, el('bdi', {}, chip.title)), el('b', {}), el('small', { class: 'is-whole' }, chip.facts.map((fact) => fact.text).join(', ')))))));
}

/** @param {string} host @param {Pair[]} pairs @param {Actions} actions */
function departures(host, pairs, { select }) {
  const rows = destinationsOf(host, pairs);
  if (rows.length === 0) return null;
  return el('section', {}, el('h3', {}, 'To and from other places'), moreList('departures', rows, (row) =>
    el('li', {}, el('button', { type: 'button', class: 'pair-list__item', 'data-key': `trunk ${row.place}`, onclick: () => select({ type: 'trunk', from: host, to: row.place }) },
      icon('left', 22, 19), el('span', {}, el('bdi', {}, placeTitle(row.place))), el('b', { class: 'num' }, bytes(row.wire_bytes)), el('small', {}, plural(row.pairs, 'pair')))), { className: 'pair-list', id: 'departures', page: 6 }));
}

/** @param {string} title @param {string} key @param {Pair[]} pairs @param {Actions} actions @param {string} note */
function pairsSection(title, key, pairs, { select }, note) {
  if (pairs.length === 0) return null;
  return el('section', {}, el('h3', {}, `${title} · ${bytes(splitOf(pairs).total)}`), note ? el('p', { class: 'detail-panel__sub' }, note) : null,
    moreList(key, pairs, (pair) => pairItem(pair, select), { className: 'pair-list', id: key, page: 6 }));
}
