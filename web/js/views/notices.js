// Sentences that the user should read; they stay until dismissed.

import { byId, el, fill, icon } from './element.js';

/** @typedef {import('../app-state.js').Store} Store */

const INFO_STAYS_MS = 9000;

/** @param {Store} store @param {import('../session.js').Session} session */
export function mountNotices(store, session) {
  const element = byId('notices');
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
  });
}
