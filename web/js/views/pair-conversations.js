// The conversations of a pair, a hundred at a time as the server hands them out: the largest first.

import { api } from '../api.js';
import { bytes, count, serviceName, timeOfDay, visibleText, zoneOf } from '../format.js';
import { shownOfTotal } from '../model/pair-facts.js';
import { LANES, laneOf } from '../verdicts.js';
import { el, fill, icon } from './element.js';

/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../document-types.js').Conversation} Conversation */

/** @typedef {{rows: Conversation[], total: number, cursor: string|null, t0: number|null}} Pages what was loaded; grows with each page */

/**
 * @param {HTMLElement} element
 * @param {string} mapId
 * @param {Pair} pair
 * @param {Pages} pages
 * @param {import('../session.js').Session} session
 * @param {boolean} ranged a time range is chosen, which conversations do not follow
 */
export function renderConversations(element, mapId, pair, pages, session, ranged) {
  const { rows, total } = pages;
  const body = el('tbody', {}, rows.map((row) => conversationRow(row, pair, pages.t0)));
  const title = el('h3', { id: 'conversations-title' });
  const more = el('button', { type: 'button', class: 'button button--small more', id: 'more-conversations', onclick: async () => {
    more.disabled = true;
    try {
      const page = await nextPage(mapId, pair, pages);
      body.append(...page.map((row) => conversationRow(row, pair, pages.t0)));
    } catch (error) {
      session.report(error);
    } finally {
      more.disabled = false;
      label();
    }
  } });
  function label() {
    title.textContent = `Conversations ${shownOfTotal(pages.rows.length, total)}${ranged ? ' · whole capture' : ''}`;
    more.hidden = pages.rows.length >= total;
    more.textContent = `Show more of ${count(total)}`;
  }
  label();
  fill(element, title,
    // a region that scrolls has to be reachable by keyboard
    el('div', { class: 'conversations', 'data-key': 'conversations', 'data-scroll': 'conversations', role: 'region', tabindex: 0, 'aria-labelledby': 'conversations-title' }, el('table', { id: 'conversations' },
      el('thead', {}, el('tr', {}, ['Service', 'Src port', 'Bytes', pages.t0 === null ? 'Start' : `Start, ${zoneOf(pages.t0)}`].map((name, index) => el('th', { scope: 'col', class: index > 0 ? 'is-number' : null }, name)))), body)),
    more);
}

/** @param {string} mapId @param {Pair} pair @param {Pages} pages @returns {Promise<Conversation[]>} the rows that are new */
async function nextPage(mapId, pair, pages) {
  // the first page of the list holds the same rows as the pair's answer, which has no cursor
  pages.cursor ??= (await api.conversations(mapId, pair.a.id, pair.b.id, null)).next_cursor;
  if (pages.cursor === null) return [];
  const page = await api.conversations(mapId, pair.a.id, pair.b.id, pages.cursor);
  pages.rows.push(...page.conversations);
  pages.cursor = page.next_cursor;
  return page.conversations;
}

/** @param {Conversation} row @param {Pair} pair @param {number|null} t0 */
function conversationRow(row, pair, t0) {
  const { initiator, responder } = row;
  const reverse = initiator.node === pair.b.id && pair.a !== pair.b;
  const lane = laneOf(row);
  const service = serviceName({ protocol: row.protocol, port: responder.port, application: row.application });
  const start = t0 === null || row.first_ms === null ? null : t0 + row.first_ms;
  const end = (/** @type {{ip: string, port: number|null}} */ one) => `${one.ip}${one.port === null ? '' : ` port ${one.port}`}`;
  const tip = `${end(initiator)} → ${end(responder)}, ${row.verdict}, grade ${row.grade ?? 'none'}`;
  const number = (/** @type {string} */ text) => el('td', { class: 'is-number' }, text);
  return el('tr', { title: visibleText(tip) },
    el('td', {}, el('div', { class: 'conversations__service' }, lane === 'flood' ? null : icon(lane, 18, 15),
      el('span', { class: 'hostile' }, `${reverse ? '← ' : ''}${service}`, el('span', { class: 'visually-hidden' }, `, ${LANES[lane].label}`)))),
    number(initiator.port === null ? '–' : String(initiator.port)), number(bytes(row.wire_bytes)), number(timeOfDay(start)));
}
