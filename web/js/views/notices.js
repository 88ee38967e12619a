// Sentences that the user should read; they stay until dismissed.

import { byId, el, icon } from './element.js';
import { keepingPlace } from './steady.js';

/** @typedef {import('../app-state.js').Store} Store */

const INFO_STAYS_MS = 9000;

/** @param {Store} store @param {import('../session.js').Session} session */
export function mountNotices(store, session) {
  const element = byId('notices');
  /** By id: a notice that stays is not put in again, or readers would say it again. @type {Map<number, HTMLElement>} */
  const shown = new Map();
  /** Where the keyboard was before it came here. @type {Element|null} */
  let cameFrom = null;
  element.addEventListener('focusin', ({ relatedTarget }) => {
    if (relatedTarget instanceof Element && !element.contains(relatedTarget)) cameFrom = relatedTarget;
  });

  /** @param {import('../app-state.js').Notice} notice */
  function made({ id, text, tone }) {
    if (tone === 'info') setTimeout(() => session.dismiss(id), INFO_STAYS_MS);
    return el('div', { class: 'notice', role: tone === 'problem' ? 'alert' : 'status' },
      icon(tone === 'problem' ? 'warn' : 'ok', 18, 17), el('p', {}, text),
      el('button', { type: 'button', class: 'button button--small', 'data-key': `notice ${id}`, 'aria-label': 'Dismiss', onclick: () => session.dismiss(id) }, '✕'));
  }

  store.subscribe((state, before) => {
    if (state.notices === before.notices) return;
    const inside = element.contains(document.activeElement);
    keepingPlace(element, () => {
      const ids = new Set(state.notices.map(({ id }) => id));
      for (const [id, notice] of shown) {
        if (ids.has(id)) continue;
        notice.remove();
        shown.delete(id);
      }
      for (const notice of state.notices) {
        if (shown.has(notice.id)) continue;
        const item = made(notice);
        shown.set(notice.id, item);
        element.append(item);
      }
    });
    if (!inside || element.contains(document.activeElement)) return;
    if (cameFrom instanceof HTMLElement && cameFrom.isConnected) cameFrom.focus({ preventScroll: true });
    if (document.activeElement === document.body) byId('stage').focus({ preventScroll: true });
  });
}
