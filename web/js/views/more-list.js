// Lists of which a part is shown, with a button for the rest. What was opened stays open while the same thing is selected.

import { count, plural, visibleText } from '../format.js';
import { el, fill } from './element.js';

/** Rows shown of each list that was opened. @type {Map<string, number>} */
const opened = new Map();

/** Another thing is selected. */
export function forgetOpened() {
  opened.clear();
}

/**
 * @template T
 * @param {string} key names the list within the panel
 * @param {T[]} rows
 * @param {(row: T) => Node} make its item
 * @param {{className: string, id?: string, page?: number}} options
 */
export function moreList(key, rows, make, { className, id, page = 20 }) {
  const list = el('ul', { class: className, id });
  const more = el('button', { type: 'button', class: 'button button--small more', 'data-more': key, 'data-key': `more ${key}`, onclick: () => {
    const before = opened.get(key) ?? page;
    opened.set(key, before + Math.max(page, 50));
    list.append(...rows.slice(before, opened.get(key)).map(make));
    label();
  } });
  function label() {
    const shown = Math.min(rows.length, opened.get(key) ?? page);
    more.hidden = shown >= rows.length;
    more.textContent = `Show more (${count(shown)} of ${count(rows.length)})`;
  }
  fill(list, rows.slice(0, opened.get(key) ?? page).map(make));
  label();
  return el('div', {}, list, more);
}

/** A long list of words in one line: the first, and a button for the others. @param {string} key @param {string[]} words @param {number} [most] @returns {Node} */
export function foldedWords(key, words, most = 3) {
  const line = el('span', {});
  const rest = words.length - most;
  if (rest <= 1 || opened.has(key)) return el('span', {}, visibleText(words.join(', ')) || '–');
  fill(line, visibleText(words.slice(0, most).join(', ')), ' ', el('button', { type: 'button', class: 'link-button', 'data-more': key, 'data-key': `more ${key}`, 'aria-label': `Show ${plural(rest, 'more', 'more')}`, onclick: () => {
    opened.set(key, words.length);
    fill(line, visibleText(words.join(', ')));
  } }, `+${count(rest)} more`));
  return line;
}
