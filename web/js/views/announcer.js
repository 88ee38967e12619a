// The live region: says what was selected, what a filter change hides, and when a map is ready. Never faster than it can be heard.

import { shownOf } from '../app-state.js';
import { visibleText } from '../format.js';
import { liveSentence } from '../model/live.js';
import { filterWords, selectionWords } from '../spoken.js';
import { byId } from './element.js';

/** @typedef {import('../app-state.js').Store} Store */
/** @typedef {import('../app-state.js').AppState} AppState */

/** A slider that is drawn, or a selection that is stepped through, ends in one sentence. */
const QUIET_MS = 350;

/** @param {Store} store */
export function mountAnnouncer(store) {
  const region = byId('announcer');
  let timer = 0;
  /** What there is to say, by subject, so that the newest of each is said. @type {Map<string, () => string>} */
  const waiting = new Map();

  /** @param {string} subject @param {() => string} words */
  function say(subject, words) {
    waiting.delete(subject);
    waiting.set(subject, words);
    clearTimeout(timer);
    timer = setTimeout(() => {
      const text = [...waiting.values()].map((one) => one()).filter((one) => one !== '').join(' ');
      waiting.clear();
      if (text) region.textContent = text;
    }, QUIET_MS);
  }

  store.subscribe((state, before) => {
    const { map, model } = state;
    if (map && map.state !== before.map?.state) say('map', () => [`Map ${visibleText(map.name)}: ${map.state}.`, before.map?.state === 'live' && liveSentence(map)].filter(Boolean).join(' '));
    if (!model) return;
    if (state.filters !== before.filters && before.model) say('filters', () => current(({ filters }, now) => filterWords(shownOf(now, filters), now)));
    if (state.selection !== before.selection) say('selection', () => current(({ selection }, now) => selectionWords(selection, now)));
  });

  /** @param {(state: AppState, model: import('../model/graph-model.js').GraphModel) => string} words */
  function current(words) {
    const state = store.get();
    return state.model ? words(state, state.model) : '';
  }
}
