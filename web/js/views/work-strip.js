// What takes time right now: an upload, then the analysis, each with its progress and a way to stop it.

import { count, visibleText } from '../format.js';
import { el, fill } from './element.js';

/** @typedef {import('../app-state.js').Store} Store */
/** @typedef {import('../app-state.js').AppState} AppState */

/**
 * @param {HTMLElement} element
 * @param {Store} store
 * @param {import('../session.js').Session} session
 */
export function mountWorkStrip(element, store, session) {
  const name = el('span', { class: 'work__name' });
  const text = el('span', { class: 'muted num' });
  const cancel = el('button', { type: 'button', class: 'button button--small', onclick: () => action?.() }, 'Cancel');
  const bar = el('progress', { max: 1 });
  const item = el('div', { class: 'work__item', id: 'work-item' }, name, text, cancel, bar);
  /** @type {(() => void)|null} */
  let action = null;

  /** @param {AppState} state */
  function render({ work, map }) {
    const running = map !== null && (map.state === 'queued' || map.state === 'running');
    if (!work && !running) {
      fill(element);
      return;
    }
    const progress = map?.progress ?? null;
    const now = work ?? {
      name: progress?.stage ?? (map?.state === 'queued' ? 'waiting for its turn' : 'starting'),
      text: progress?.packets ? `${count(progress.packets)} packets` : '', share: progress?.share ?? null, cancel: session.cancel,
    };
    name.textContent = visibleText(now.name);
    text.textContent = now.share === null ? now.text : `${Math.floor(now.share * 100)} % ${now.text}`;
    if (now.share === null) bar.removeAttribute('value');
    else bar.value = now.share;
    bar.setAttribute('aria-label', visibleText(now.name));
    action = now.cancel;
    cancel.hidden = action === null;
    if (!item.isConnected) fill(element, item);
  }
  render(store.get());
  return store.subscribe(render);
}
