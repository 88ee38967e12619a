// What lies under the pointer, in two lines, of map and matrix.

import { el, fill } from './element.js';

const DELAY_MS = 150;

/** @param {HTMLElement} street that the tip stands in */
export function mountTip(street) {
  const tip = el('div', { class: 'street__tip', role: 'tooltip', hidden: true });
  street.append(tip);
  let timer = 0;

  function hide() {
    clearTimeout(timer);
    if (!tip.hidden) tip.hidden = true;
  }

  /** @param {() => [string, string]} words @param {PointerEvent} event */
  function show(words, event) {
    const [first, second] = words();
    fill(tip, el('b', {}, first), second);
    tip.hidden = false;
    const box = street.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left + 14, event.clientY - box.top + 16];
    tip.style.left = `${Math.max(4, Math.min(x, box.width - tip.offsetWidth - 8))}px`;
    tip.style.top = `${y + tip.offsetHeight > box.height ? y - tip.offsetHeight - 30 : y}px`;
  }

  return {
    hide,
    /** @param {() => [string, string]} words made when it shows @param {PointerEvent} event */
    soon(words, event) {
      hide();
      timer = setTimeout(() => show(words, event), DELAY_MS);
    },
  };
}
