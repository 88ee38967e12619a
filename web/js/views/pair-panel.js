// One pair: the verdict, what speaks for and against it, what would settle it, its traffic and conversations.

import { ApiError, api } from '../api.js';
import { createAsking } from '../asking.js';
import { msOfText, plural, shortName, visibleText } from '../format.js';
import { whereText } from '../model/pair-facts.js';
import { el, fill } from './element.js';
import { pairActions } from './pair-actions.js';
import { renderConversations } from './pair-conversations.js';
import { placementSection, sightingsSection } from './pair-evidence.js';
import { trafficSections } from './pair-traffic.js';
import { evidenceSection, settleSection, verdictBox } from './pair-verdict.js';

/** @typedef {import('../app-state.js').AppState} AppState */
/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../document-types.js').MapStatus} MapStatus */
/** @typedef {import('../url-state.js').Selection} Selection */
/**
 * @typedef {object} Loaded what the server tells of one pair in one result
 * @property {import('../document-types.js').PairDetail} detail
 * @property {import('../document-types.js').Timeline} timeline
 * @property {import('../document-types.js').PacketsSize} packets
 * @property {import('./pair-conversations.js').Pages} pages
 */

/**
 * @param {import('../session.js').Session} session
 * @param {{select: (selection: Selection|null) => void, setFilters: (filters: import('../model/filters.js').Filters) => void}} actions
 * @param {() => void} answered the server has told more: the panel can be made again
 */
export function createPairPanel(session, actions, answered) {
  const asking = createAsking(load, answered);

  /** @param {Pair} pair @param {MapStatus} map @param {GraphModel} model @param {AppState} state @returns {Node[]} */
  function render(pair, map, model, state) {
    const { a, b } = pair;
    // while a live map grows, what was told of an older result stays until there is newer
    const { answer: told, error } = asking.of(JSON.stringify([map.id, pair.key]), map.revision, { map: map.id, a: a.id, b: b.id });
    const conversations = el('section', {});
    if (told) renderConversations(conversations, map.id, pair, told.pages, session, state.range !== null);
    else {
      const waiting = `${plural(pair.edge.conversations, 'conversation')}, loading …`;
      fill(conversations, el('h3', {}, 'Conversations'), el('p', { class: 'muted hostile' }, error === null ? waiting : error instanceof Error ? error.message : String(error)));
    }
    const button = (/** @type {{id: string, label: string}} */ node) =>
      el('button', { type: 'button', class: 'link-button hostile', 'data-key': `end ${node.id}`, title: visibleText(node.label), onclick: () => actions.select({ type: 'node', id: node.id }) }, shortName(node.label));
    return [
      el('h2', {}, button(a), el('span', { class: 'arrow' }, ' → '), button(b)),
      el('p', { class: 'detail-panel__sub hostile' }, whereText(pair)),
      verdictBox(pair),
      evidenceSection(pair, model),
      settleSection(pair, actions.select),
      el('div', {}, trafficSections(pair, model, told, state.range)),
      conversations,
      el('div', {}, pairActions(pair, map.id, told && { sightings: told.detail.sightings, packets: told.packets }, state, session, actions)),
      el('div', {}, told && evidenceDetails(told.detail, session)),
    ].filter((node) => node !== null);
  }

  return { render, forget: asking.forget };
}

/** @param {{map: string, a: string, b: string}} what @param {AbortSignal} signal @returns {Promise<Loaded>} */
async function load({ map, a, b }, signal) {
  const [detail, timeline, packets] = await Promise.all([api.pair(map, a, b, signal), api.timelineOf(map, [a, b], signal), sizeOfPackets(map, a, b, signal)]);
  return { detail, timeline, packets, pages: { rows: detail.conversations, total: detail.total, cursor: null, t0: msOfText(detail.t0_ns) } };
}

/** That there are no packets is an answer, not a failure. @param {string} map @param {string} a @param {string} b @param {AbortSignal} signal */
async function sizeOfPackets(map, a, b, signal) {
  try {
    return await api.packetsSize(map, a, b, signal);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { packets: null, bytes: null, complete: false, reason: error.message };
  }
}

/** @param {import('../document-types.js').PairDetail} detail @param {import('../session.js').Session} session */
function evidenceDetails({ sightings, placement, source, target }, session) {
  const labels = { source: source.label, target: target.label };
  return [
    el('section', {}, sightingsSection(session, sightings, labels)),
    el('section', {}, placementSection(placement, labels)),
  ];
}
