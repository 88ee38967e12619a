// One pair: the verdict, what speaks for and against it, what would settle it, its traffic and conversations.

import { api } from '../api.js';
import { bytes, count, duration, msOfNs, msOfText, plural, rate, serviceName, timeOfDay, visibleText, zoneOf } from '../format.js';
import { splitOf } from '../model/headline.js';
import { UNPLACED } from '../model/graph-model.js';
import { LANES, gradeMeaning, laneTitle, meaningOf } from '../verdicts.js';
import { el, fill, icon, splitBar } from './element.js';
import { placementSection, sightingsSection } from './pair-evidence.js';

/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../document-types.js').MapStatus} MapStatus */
/** @typedef {import('../document-types.js').Conversation} Conversation */
/** @typedef {import('../document-types.js').PairDetail} PairDetail */
/** @typedef {import('../document-types.js').Evidence} Evidence */
/** @typedef {import('../url-state.js').Selection} Selection */

const FRAMES_SHOWN = 6;

/**
 * @param {import('../session.js').Session} session
 * @param {(selection: Selection|null) => void} select
 */
export function createPairPanel(session, select) {
  /** @type {AbortController|null} */
  let loading = null;
  let loaded = {
    key: '', revision: -1, total: 0, t0: /** @type {number|null} */ (null), rows: /** @type {Conversation[]} */ ([]), cursor: /** @type {string|null} */ (null),
    detail: /** @type {PairDetail|null} */ (null),
  };

  /** @param {Pair} pair @param {MapStatus} map @param {GraphModel} model @returns {Node[]} */
  function render(pair, map, model) {
    const { edge, a, b } = pair;
    const conversations = el('section', { 'aria-label': 'Conversations' });
    const evidence = el('div', {});
    loadDetail(pair, map, conversations, evidence);
    return [
      el('h2', {}, nodeButton(a.id, a.label), el('span', { class: 'arrow' }, ' → '), nodeButton(b.id, b.label)),
      el('p', { class: 'detail-panel__sub' }, whereText(pair)),
      verdictBox(pair),
      ...evidenceSections(edge.evidence, pair.lane === 'undetermined', model),
      ...(edge.would_settle.length ? [el('section', {}, el('h3', {}, 'What would settle it'), el('ul', { class: 'settle' }, edge.would_settle.map((text) => el('li', { class: 'hostile' }, visibleText(text)))))] : []),
      evidence,
      el('section', {}, el('h3', {}, 'Traffic'), el('dl', { class: 'facts' }, trafficFacts(pair))),
      el('section', {}, el('h3', {}, 'Services'), el('dl', { class: 'facts' }, edge.services.slice(0, 8).flatMap((service) => fact(serviceName(service), bytes(service.wire_bytes))))),
      conversations,
    ];
  }

  /** @param {string} id @param {string} label */
  function nodeButton(id, label) {
    return el('button', { type: 'button', class: 'link-button hostile', onclick: () => select({ type: 'node', id }) }, visibleText(label));
  }

  /** @param {Pair} pair @param {MapStatus} map @param {HTMLElement} element of the conversations @param {HTMLElement} evidence */
  function loadDetail(pair, map, element, evidence) {
    if (loaded.key === `${map.id} ${pair.key}` && loaded.revision === map.revision) {
      renderEvidence(evidence);
      renderConversations(pair, map, element);
      return;
    }
    fill(element, el('h3', {}, 'Conversations'), el('p', { class: 'muted' }, `${plural(pair.edge.conversations, 'conversation')}, loading …`));
    loading?.abort();
    loading = new AbortController();
    api.pair(map.id, pair.a.id, pair.b.id, loading.signal).then((detail) => {
      loaded = { key: `${map.id} ${pair.key}`, revision: map.revision, total: detail.total, t0: msOfText(detail.t0_ns), rows: detail.conversations, cursor: null, detail };
      renderEvidence(evidence);
      renderConversations(pair, map, element);
    }).catch((error) => {
      if (error instanceof DOMException && error.name === 'AbortError') return;
      fill(element, el('h3', {}, 'Conversations'), el('p', { class: 'muted' }, error.message));
    });
  }

  /** @param {HTMLElement} element */
  function renderEvidence(element) {
    if (loaded.detail === null) return;
    const { sightings, placement, source, target } = loaded.detail;
    const labels = { source: source.label, target: target.label };
    fill(element, el('section', {}, sightingsSection(session, sightings, labels)), el('section', {}, placementSection(placement, labels)));
  }

  /** @param {Pair} pair @param {MapStatus} map @param {HTMLElement} element */
  function renderConversations(pair, map, element) {
    const { rows, total, t0 } = loaded;
    const more = total > rows.length && el('button', { type: 'button', class: 'button button--small', onclick: async () => {
      try {
        // the first page of the list holds the same rows as the pair's answer
        const page = await api.conversations(map.id, pair.a.id, pair.b.id, loaded.cursor ?? await firstCursor(pair, map));
        loaded = { ...loaded, rows: [...loaded.rows, ...page.conversations], cursor: page.next_cursor };
        renderConversations(pair, map, element);
      } catch (error) {
        session.report(error);
      }
    } }, `Show more of ${count(total)}`);
    fill(element, el('h3', {}, `Conversations (${count(rows.length)} of ${count(total)})`),
      el('div', { class: 'conversations' }, el('table', {},
        el('thead', {}, el('tr', {}, ['Service', 'From', 'Bytes', t0 === null ? 'Start' : `Start, ${zoneOf(t0)}`].map((label, index) => el('th', { scope: 'col', class: index > 0 ? 'is-number' : null }, label)))),
        el('tbody', {}, rows.map((row) => conversationRow(row, pair, t0))))),
      more);
  }

  /** @param {Pair} pair @param {MapStatus} map */
  async function firstCursor(pair, map) {
    return (await api.conversations(map.id, pair.a.id, pair.b.id, null)).next_cursor;
  }

  return { render };
}

/** @param {Pair} pair */
function whereText({ a, b, placeA, placeB }) {
  const segments = (/** @type {string[]} */ list) => (list.length ? visibleText(list.join(', ')) : 'no segment');
  const host = (/** @type {import('../document-types.js').DocumentNode} */ node) => (node.host === null ? 'host not known' : visibleText(node.host));
  const hosts = placeA === placeB && placeA !== UNPLACED && a.host !== null ? `both on ${host(a)}` : `${host(a)} → ${host(b)}`;
  const same = segments(a.segments) === segments(b.segments);
  return `${hosts} · ${same ? segments(a.segments) : `${segments(a.segments)} → ${segments(b.segments)}`}`;
}

/** @param {Pair} pair */
function verdictBox(pair) {
  const { edge, lane } = pair;
  const split = splitOf([pair]);
  const parts = [split.stayed, split.left, split.undetermined].filter((part) => part > 0).length;
  const mark = lane === 'hairpin' ? icon('turn', 18, 16) : lane === 'flood' ? null : icon(lane, 26, 22);
  return el('div', { class: `verdict verdict--${lane}`, id: 'verdict' },
    el('p', { class: 'verdict__word' }, mark, laneTitle(lane)),
    el('p', { class: 'verdict__name' }, el('code', {}, edge.verdict), ' · grade ', el('b', {}, edge.grade ?? 'none'), ` (${gradeMeaning(edge.grade)})`),
    el('p', {}, meaningOf(edge.verdict)),
    parts > 1 && [splitBar('share-bar', split), el('p', { class: 'num' }, `${bytes(split.stayed)} stayed, ${bytes(split.left)} left, ${bytes(split.undetermined)} undetermined`)]);
}

/** @param {Evidence[]} evidence @param {boolean} open nothing is decided, so nothing speaks against it @param {GraphModel} model @returns {Node[]} */
function evidenceSections(evidence, open, model) {
  if (evidence.length === 0) return [el('section', {}, el('h3', {}, 'Evidence'), el('p', { class: 'muted' }, 'There is none yet.'))];
  const rows = merged(evidence);
  const pro = rows.filter((row) => row.supports).length;
  const title = open && pro === 0 ? 'Why it cannot be told' : `Evidence · ${pro} for, ${rows.length - pro} against`;
  return [el('section', {}, el('h3', {}, title),
    el('ul', { class: 'evidence', id: 'evidence' }, rows.map((row) => el('li', {},
      el('span', { class: row.supports ? 'for' : 'against' }, el('span', { 'aria-hidden': 'true' }, row.supports ? '✓' : '✗'), el('span', { class: 'visually-hidden' }, row.supports ? 'for: ' : 'against: ')),
      el('div', {}, !row.supports && !(open && pro === 0) && el('b', { class: 'against' }, 'Against: '), el('span', { class: 'hostile' }, visibleText(row.text)),
        row.count > 1 && ` · ${count(row.count)} ×`, frames(row.frames),
        el('div', { class: 'rule' }, [row.rule, ...new Set(row.points.map((id) => pointName(id, model)))].map(visibleText).join(' · ')))))))];
}

/** Several conversations often say the same: one row then, with all their frames; what supports comes first. @param {Evidence[]} evidence @returns {Evidence[]} */
function merged(evidence) {
  /** @type {Map<string, Evidence>} */
  const rows = new Map();
  for (const row of evidence) {
    const key = JSON.stringify([row.supports, row.rule, row.text]);
    const known = rows.get(key);
    rows.set(key, known ? {
      ...known, count: known.count + row.count, points: [...new Set([...known.points, ...row.points])], frames: [...new Set([...known.frames, ...row.frames])],
    } : row);
  }
  return [...rows.values()].sort((p, q) => Number(q.supports) - Number(p.supports));
}

/** @param {number[]} numbers */
function frames(numbers) {
  if (numbers.length === 0) return null;
  const shown = numbers.slice(0, FRAMES_SHOWN).map(count).join(' / ');
  const more = numbers.length > FRAMES_SHOWN ? ' ff.' : '';
  return [' · ', el('span', { class: 'frames' }, `${numbers.length === 1 ? 'frame' : 'frames'} ${shown}${more}`)];
}

/** @param {string} id @param {GraphModel} model */
function pointName(id, model) {
  const point = model.facts.points.find((one) => one.id === id);
  return point ? [point.file, point.interface].filter(Boolean).join(' ') : id;
}

/** @param {Pair} pair @returns {Node[]} */
function trafficFacts({ edge }) {
  const first = msOfNs(edge.first_seen_ns);
  const last = msOfNs(edge.last_seen_ns);
  const span = first !== null && last !== null ? last - first : 0;
  return [
    ...fact('Bytes → / ←', `${bytes(edge.source_to_target_bytes)} / ${bytes(edge.target_to_source_bytes)}`),
    ...fact('Payload', bytes(edge.payload_bytes)),
    ...fact('Packets', count(edge.packets)),
    ...fact('Rate, average', rate(edge.wire_bytes, span / 1000)),
    ...fact('First – last seen', first === null || last === null ? 'no time' : `${timeOfDay(first)} – ${timeOfDay(last)} (${zoneOf(first)})`),
    ...fact('Span', span > 0 ? duration(span) : '–'),
    ...fact('Opened by', edge.conversations_from_target ? `both: ${count(edge.conversations - edge.conversations_from_target)} / ${count(edge.conversations_from_target)}` : `${edge.initiator === 'syn' ? 'the first, by TCP SYN' : edge.initiator === 'port' ? 'the first, by port' : edge.initiator === 'first' ? 'the first seen' : 'not known'}`),
  ];
}

/** @param {Conversation} row @param {Pair} pair @param {number|null} t0 */
function conversationRow(row, pair, t0) {
  const reverse = row.initiator.node === pair.b.id && pair.a !== pair.b;
  const service = serviceName({ protocol: row.protocol, port: row.responder.port, application: row.application });
  const start = t0 === null || row.first_ms === null ? null : t0 + row.first_ms;
  const tip = `${row.initiator.ip}${row.initiator.port === null ? '' : ` port ${row.initiator.port}`} → ${row.responder.ip}${row.responder.port === null ? '' : ` port ${row.responder.port}`}, ${row.verdict}, ${row.grade ?? 'no evidence'}`;
  const word = row.left_host === null ? 'flooded' : LANES[/** @type {import('../verdicts.js').Lane} */ (row.left_host)]?.label ?? row.left_host;
  return el('tr', { title: visibleText(tip) },
    el('td', {}, `${reverse ? '← ' : ''}${service}`, el('div', { class: 'muted' }, word)),
    el('td', { class: 'is-number' }, row.initiator.port ?? '–'), el('td', { class: 'is-number' }, bytes(row.wire_bytes)), el('td', { class: 'is-number' }, timeOfDay(start)));
}

/** @param {string} term @param {string} value */
function fact(term, value) {
  return [el('dt', {}, term), el('dd', {}, value)];
}
