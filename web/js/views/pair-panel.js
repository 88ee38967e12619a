// One pair: the verdict, what speaks for and against it, what would settle it, its traffic and conversations.

import { ApiError, api } from '../api.js';
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
 * @property {string} key
 * @property {import('../document-types.js').PairDetail} detail
 * @property {import('../document-types.js').Timeline} timeline
 * @property {import('../document-types.js').PacketsSize} packets
 * @property {import('./pair-conversations.js').Pages} pages
 */

/**
 * @param {import('../session.js').Session} session
 * @param {{select: (selection: Selection|null) => void, setFilters: (filters: import('../model/filters.js').Filters) => void}} actions
 */
export function createPairPanel(session, actions) {
  /** @type {AbortController|null} */
  let loading = null;
  /** @type {Loaded|null} */
  let loaded = null;

  /** @param {Pair} pair @param {MapStatus} map @param {GraphModel} model @param {AppState} state @returns {Node[]} */
  function render(pair, map, model, state) {
    const { a, b } = pair;
    const slots = { traffic: el('div', {}), conversations: el('section', {}), actions: el('div', {}), evidence: el('div', {}) };
    const key = JSON.stringify([map.id, map.revision, pair.key]);
    const known = loaded?.key === key ? loaded : null;

    /** @param {Loaded|null} told */
    function fillSlots(told) {
      fill(slots.traffic, trafficSections(pair, model, told, state.range));
      fill(slots.actions, pairActions(pair, map.id, told && { sightings: told.detail.sightings, packets: told.packets }, state.filters, session, actions));
      if (told === null) {
        fill(slots.conversations, el('h3', {}, 'Conversations'), el('p', { class: 'muted' }, `${plural(pair.edge.conversations, 'conversation')}, loading …`));
        return;
      }
      renderConversations(slots.conversations, map.id, pair, told.pages, session, state.range !== null);
      fill(slots.evidence, evidenceDetails(told.detail, session));
    }

    fillSlots(known);
    if (known === null) {
      load(pair, map, key).then((told) => told && fillSlots(told)).catch((error) => {
        fill(slots.conversations, el('h3', {}, 'Conversations'), el('p', { class: 'muted hostile' }, error instanceof Error ? error.message : String(error)));
      });
    }
    const button = (/** @type {{id: string, label: string}} */ node) =>
      el('button', { type: 'button', class: 'link-button hostile', title: visibleText(node.label), onclick: () => actions.select({ type: 'node', id: node.id }) }, shortName(node.label));
    return [
      el('h2', {}, button(a), el('span', { class: 'arrow' }, ' → '), button(b)),
      el('p', { class: 'detail-panel__sub hostile' }, whereText(pair)),
      verdictBox(pair),
      evidenceSection(pair, model),
      settleSection(pair, actions.select),
      slots.traffic,
      slots.conversations,
      slots.actions,
      slots.evidence,
    ].filter((node) => node !== null);
  }

  /** @param {Pair} pair @param {MapStatus} map @param {string} key @returns {Promise<Loaded|null>} null when another pair was opened meanwhile */
  async function load(pair, map, key) {
    loading?.abort();
    loading = new AbortController();
    const { signal } = loading;
    const [a, b] = [pair.a.id, pair.b.id];
    try {
      const [detail, timeline, packets] = await Promise.all([api.pair(map.id, a, b, signal), api.timelineOf(map.id, [a, b], signal), sizeOfPackets(map.id, a, b, signal)]);
      const pages = { rows: detail.conversations, total: detail.total, cursor: null, t0: msOfText(detail.t0_ns) };
      loaded = { key, detail, timeline, packets, pages };
      return loaded;
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') return null;
      throw error;
    }
  }

  return { render };
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
