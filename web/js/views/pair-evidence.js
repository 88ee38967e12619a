// Where the packets of a pair were seen, with the filters that find them, and who says where its ends are.

import { count, fromTo, visibleText } from '../format.js';
import { ageText, framesOf, macsOf, placedBy, rowText, tagsOf, ttlOf, tunnelOf } from '../model/sightings.js';
import { copyButton } from './copying.js';
import { el } from './element.js';

/** @typedef {import('../document-types.js').Sighting} Sighting */
/** @typedef {import('../document-types.js').Sightings} Sightings */
/** @typedef {import('../document-types.js').Placement} Placement */

const HEADERS = ['Capture point', 'Frames', 'First', 'TTL', 'VLAN'];

/**
 * @param {import('../session.js').Session} session
 * @param {Sightings} sightings
 * @param {{source: string, target: string}} labels of the edge's ends
 * @returns {Node[]}
 */
export function sightingsSection(session, sightings, { source, target }) {
  const title = 'Where the packets were seen';
  if (sightings.rows.length === 0) return [el('h3', {}, title), el('p', { class: 'muted' }, 'Their conversations are folded, so nothing is known of single ones.')];
  /** @type {[Sighting['direction'], string][]} */
  const ways = [['source_to_target', fromTo(source, target)], ['target_to_source', fromTo(target, source)]];
  const parts = ways.map(([direction, name]) => ({ name, rows: sightings.rows.filter((row) => row.direction === direction) }))
    .filter(({ rows }) => rows.length > 0);
  return [
    el('h3', {}, title),
    // a region that scrolls has to be reachable by keyboard
    el('div', { class: 'sightings', 'data-key': 'sightings', 'data-scroll': 'sightings', role: 'region', tabindex: 0, 'aria-label': title }, el('table', { id: 'sightings' },
      el('thead', {}, el('tr', {}, HEADERS.map((name) => el('th', { scope: 'col', class: name === HEADERS[0] ? null : 'is-number' }, name)))),
      parts.map(({ name, rows }) => el('tbody', {},
        el('tr', {}, el('th', { scope: 'rowgroup', colspan: HEADERS.length, class: 'sightings__way hostile' }, name)),
        rows.map((row) => sightingRow(session, row)))))),
    sightings.more_rows > 0 && el('p', { class: 'muted' }, `And ${count(sightings.more_rows)} more rows with ${count(sightings.more_frames)} frames.`),
  ].filter((part) => part instanceof Node);
}

/** @param {import('../session.js').Session} session @param {Sighting} row */
function sightingRow(session, row) {
  const place = visibleText(row.point);
  const tunnel = tunnelOf(row);
  const number = (/** @type {string} */ text) => el('td', { class: 'is-number' }, text);
  return el('tr', {},
    el('th', { scope: 'row' }, el('span', { class: 'hostile' }, place),
      el('div', { class: 'muted hostile' }, `${row.role}, ${row.host === null ? 'host not known' : visibleText(row.host)}`),
      el('div', { class: 'sightings__macs' }, macsOf(row).replace('→ ', '→\u00a0')), tunnel && el('div', { class: 'muted' }, tunnel)),
    el('td', { class: 'is-number' }, framesOf(row), el('div', {}, copyButton(session, {
      text: () => row.filter, what: 'filter', note: row.filter_note, title: row.filter, label: 'Copy filter', name: `Copy filter of ${count(row.frames)} frames at ${place}, ${macsOf(row)}`,
    }))),
    number(count(row.first_frame)), number(ttlOf(row)), number(tagsOf(row)));
}

/**
 * @param {{source: Placement|null, target: Placement|null}} placement
 * @param {{source: string, target: string}} labels
 * @returns {Node[]}
 */
export function placementSection(placement, labels) {
  return [
    el('h3', {}, 'Who says where they are'),
    el('dl', { class: 'placement', id: 'placement' }, end(labels.source, placement.source), end(labels.target, placement.target)),
  ];
}

/** @param {string} label @param {Placement|null} placement @returns {Node[]} */
function end(label, placement) {
  const rows = placement?.rows ?? [];
  return [
    el('dt', { class: 'hostile' }, visibleText(label)),
    el('dd', {}, el('p', { class: 'hostile' }, placedBy(placement)),
      placement?.conflict ? el('p', { class: 'against hostile' }, `Conflict: ${visibleText(placement.conflict)}`) : null,
      rows.length > 0 && el('ul', {}, rows.map((row) => el('li', {},
        el('span', { class: 'hostile' }, `${visibleText(row.source)} row ${count(row.row)}: ${rowText(row)}`),
        el('div', { class: 'muted' }, ageText(row), row.freshness === 'stale' && el('b', { class: 'against' }, ' · stale'))))),
      placement !== null && placement.more_rows > 0 && el('p', { class: 'muted' }, `And ${count(placement.more_rows)} more rows.`)),
  ];
}
