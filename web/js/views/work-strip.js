// What takes time right now: an upload, then the analysis, each with its progress and a way to stop it.

import { bytes, count, duration, perSecond, visibleText } from '../format.js';
import { bytesRead, paceOf, stageName, withMark } from '../model/pace.js';
import { el, fill } from './element.js';

/** @typedef {import('../app-state.js').Store} Store */
/** @typedef {import('../app-state.js').AppState} AppState */
/** @typedef {import('../document-types.js').MapStatus} MapStatus */

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
  const sending = meter();
  const reading = meter();
  const counting = meter();

  /** @param {AppState} state */
  function render({ work, map }) {
    const running = map !== null && (map.state === 'queued' || map.state === 'running');
    if (!work && !running) {
      fill(element);
      for (const one of [sending, reading, counting]) one.reset();
      return;
    }
    const now = work ? upload(work) : analysis(/** @type {MapStatus} */ (map));
    name.textContent = visibleText(now.name);
    text.textContent = now.parts.filter((part) => part !== '').join(' · ');
    if (now.share === null) bar.removeAttribute('value');
    else bar.value = now.share;
    bar.setAttribute('aria-label', visibleText(now.name));
    action = work ? work.cancel : session.cancel;
    cancel.hidden = action === null;
    if (!item.isConnected) fill(element, item);
  }

  /** @param {NonNullable<AppState['work']>} work */
  function upload({ name: file, done, total, text: what }) {
    const pace = sending.note(done, total);
    const speed = pace.perSecond === null ? '' : perSecond(pace.perSecond, 'B');
    return { name: file, share: total ? done / total : null, parts: [what, `${bytes(done)} of ${bytes(total)}`, speed, left(pace.leftMs)] };
  }

  /** @param {MapStatus} map */
  function analysis(map) {
    const { progress } = map;
    const read = bytesRead(map);
    const pace = read ? reading.note(read.done, read.total) : { leftMs: null };
    const packets = progress?.packets ? counting.note(progress.packets, null) : null;
    return {
      name: progress ? stageName(progress.stage) : map.state === 'queued' ? 'waiting for its turn' : 'starting',
      share: read ? read.done / read.total : progress?.share ?? null,
      parts: [
        read ? `${bytes(read.done)} of ${bytes(read.total)} read` : '',
        progress?.packets ? `${count(progress.packets)} packets` : '',
        read && packets?.perSecond ? perSecond(packets.perSecond, ' packets') : '',
        left(pace.leftMs),
      ],
    };
  }

  render(store.get());
  return store.subscribe(render);
}

/** @param {number|null} ms */
function left(ms) {
  return ms === null ? '' : ms < 1000 ? 'nearly done' : `about ${duration(Math.round(ms / 1000) * 1000)} left`;
}

/** Remembers how something went on. */
function meter() {
  /** @type {import('../model/pace.js').Mark[]} */
  let marks = [];
  return {
    /** @param {number} done @param {number|null} total */
    note(done, total) {
      marks = withMark(marks, { atMs: performance.now(), done });
      return paceOf(marks, total);
    },
    reset() {
      marks = [];
    },
  };
}
