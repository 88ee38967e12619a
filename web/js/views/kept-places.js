// Who stands where, kept in the browser for each map: a refresh moves nobody. A map that is one file keeps nothing: all such
// files share one storage, and one name for their maps.

import { byHost } from '../layout/slots.js';
import { isOffline } from '../offline.js';

/** @typedef {import('../layout/slots.js').Slots} Slots */
/** @typedef {import('../layout/frame.js').Frame} Frame */
/** @typedef {{slots: Slots, frame: Frame, folds: string}} Places folds: clusters that were folded */

const STORED = 'flowmap.places.1';
const MOST_MAPS = 20;
const MOST_CHARACTERS = 200_000;
const WAIT_MS = 600;

/** @returns {[string, string][]} map and its places as text, the oldest first */
function stored() {
  try {
    const list = JSON.parse(localStorage.getItem(STORED) ?? '[]');
    return Array.isArray(list) ? list.filter((entry) => Array.isArray(entry) && entry.length === 2 && entry.every((part) => typeof part === 'string')) : [];
  } catch {
    return []; // forbidden or broken: places then last as long as the page
  }
}

/** @param {string} mapId @returns {Places|null} */
export function loadPlaces(mapId) {
  const text = isOffline() ? undefined : stored().find(([id]) => id === mapId)?.[1];
  if (!text) return null;
  try {
    const { slots, frame, folds } = JSON.parse(text);
    const whole = Array.isArray(slots.houses) && slots.tiles && slots.ghosts && frame.columns > 0 && frame.houseWidth > 0 && frame.interiors && Array.isArray(frame.depths);
    if (!whole) return null;
    Object.assign(slots, { tiles: byHost(slots.tiles), ghosts: byHost(slots.ghosts) });
    return { slots, frame: { ...frame, interiors: byHost(frame.interiors) }, folds: String(folds) };
  } catch {
    return null;
  }
}

/** @param {string} mapId @param {Places} places */
function save(mapId, places) {
  const text = JSON.stringify(places);
  const list = stored().filter(([id]) => id !== mapId);
  if (text.length <= MOST_CHARACTERS) list.push([mapId, text]);
  while (list.length > MOST_MAPS || list.reduce((sum, [, one]) => sum + one.length, 0) > MOST_CHARACTERS) list.shift();
  try {
    localStorage.setItem(STORED, JSON.stringify(list));
  } catch {
    // see above
  }
}

/** Saves a moment after a change, and not again before: a live map changes twice a second. */
export function keepPlaces() {
  /** @type {(() => void)|null} */
  let waiting = null;
  let timer = 0;
  const flush = () => {
    clearTimeout(timer);
    timer = 0;
    waiting?.();
    waiting = null;
  };
  addEventListener('pagehide', flush);
  return {
    /** @param {string} mapId @param {Places} places */
    keep(mapId, places) {
      if (isOffline()) return;
      waiting = () => save(mapId, places);
      timer ||= setTimeout(flush, WAIT_MS);
    },
    unmount() {
      flush();
      removeEventListener('pagehide', flush);
    },
  };
}
