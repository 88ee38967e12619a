// Sentences that the user should read; they stay until dismissed. Verdicts of a selection are spoken, too.

import { bytes, visibleText } from '../format.js';
import { pairKey } from '../model/graph-model.js';
import { laneTitle } from '../verdicts.js';
import { byId, el, fill, icon } from './element.js';

/** @typedef {import('../app-state.js').Store} Store */
/** @typedef {import('../app-state.js').AppState} AppState */

const INFO_STAYS_MS = 9000;

/** @param {Store} store @param {import('../session.js').Session} session */
export function mountNotices(store, session) {
  const element = byId('notices');
  const announcer = byId('announcer');
  const timed = new Set();

  store.subscribe((state, before) => {
    if (state.notices !== before.notices) {
      fill(element, state.notices.map(({ id, text, tone }) => el('div', { class: 'notice', role: tone === 'problem' ? 'alert' : 'status' },
        icon(tone === 'problem' ? 'warn' : 'ok', 18, 17), el('p', {}, text),
        el('button', { type: 'button', class: 'button button--small', 'aria-label': 'Dismiss', onclick: () => session.dismiss(id) }, '✕'))));
      for (const { id, tone } of state.notices) {
        if (tone !== 'info' || timed.has(id)) continue;
        timed.add(id);
        setTimeout(() => session.dismiss(id), INFO_STAYS_MS);
      }
    }
    const words = spoken(state, before);
    if (words) announcer.textContent = words;
  });
}

/** @param {AppState} state @param {AppState} before @returns {string} */
function spoken(state, before) {
  const { selection, model, map } = state;
  if (map?.state !== before.map?.state && map) return `Map ${visibleText(map.name)}: ${map.state}.`;
  if (selection === before.selection || selection === null || !model) return '';
  if (selection.type === 'node') return visibleText(model.nodes.get(selection.id)?.label ?? '');
  if (selection.type !== 'pair') return '';
  const pair = model.pairByKey.get(pairKey(selection.a, selection.b));
  if (!pair) return '';
  return visibleText(`${pair.a.label} to ${pair.b.label}, ${laneTitle(pair.lane)}, ${bytes(pair.edge.wire_bytes)}, grade ${pair.edge.grade ?? 'none'}.`);
}
