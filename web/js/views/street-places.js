// Gives everybody on the map a place, and keeps it: while the map grows, when it is judged again, after a reload.

import { clustersOf, foldedHosts } from '../model/clusters.js';
import { OUTSIDE, ROUTERS } from '../model/graph-model.js';
import { grown, planFrame, readability, sizesOf } from '../layout/frame.js';
import { assignSlots, worthKeeping } from '../layout/slots.js';
import { layOut } from '../layout/street.js';
import { keepPlaces, loadPlaces } from './kept-places.js';

/** @typedef {import('../layout/street.js').Layout} Layout */
/** @typedef {import('../layout/slots.js').Slots} Slots */
/** @typedef {import('../layout/frame.js').Frame} Frame */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../app-state.js').AppState} AppState */

/** A fresh layout that could be read so much better is worth a hint. */
const MUCH_BETTER = 1.2;
/** So is a share of the tiles that only hold the place of somebody who is gone. */
const MANY_GHOSTS = 0.25;
const HINT_AFTER_MS = 300;

/** @param {{room: () => {width: number, height: number}, hint: (better: boolean) => void}} map hint: whether Tidy would help */
export function createPlaces({ room, hint }) {
  const keeper = keepPlaces();
  let mapId = '';
  /** @type {Slots|null} */
  let slots = null;
  /** @type {Frame|null} */
  let frame = null;
  /** @type {Layout|null} */
  let layout = null;
  /** @type {GraphModel|null} model that the layout was made for */
  let laidOut = null;
  let folds = '';
  let growing = false;
  let gates = false;
  let timer = 0;

  /** @param {Slots} given @param {Map<string, string>} folded */
  function sizes(given, folded) {
    const members = new Map();
    for (const cluster of folded.values()) members.set(cluster, (members.get(cluster) ?? 0) + 1);
    return sizesOf(given, (place) => members.get(place) ?? 0);
  }

  /**
   * @param {AppState} state
   * @param {GraphModel} whole
   * @returns {{layout: Layout, fresh: boolean}} fresh: laid out anew, at first or because the user asked for it
   */
  function arrange({ map, grouping, unfolded }, whole) {
    if (map && map.id !== mapId) {
      const kept = loadPlaces(map.id);
      [mapId, slots, frame, folds, layout, laidOut] = [map.id, kept?.slots ?? null, kept?.frame ?? null, kept?.folds ?? '', null, null];
    }
    const folded = foldedHosts(whole, grouping, unfolded);
    const folding = [...new Set(folded.values())].sort().join('\n');
    if (layout && slots && frame && whole === laidOut && folding === folds) return { layout, fresh: false };
    const keep = slots !== null && frame !== null && worthKeeping(whole, slots);
    slots = assignSlots(whole, keep ? slots : null, folded, laidOut);
    growing = map?.state === 'live';
    gates = whole.places.has(OUTSIDE) || whole.places.has(ROUTERS);
    const fresh = !keep || folding !== folds || frame === null;
    const wanted = sizes(slots, folded);
    frame = fresh || frame === null ? planFrame(wanted, room(), { growing, gates }) : grown(frame, wanted);
    layout = layOut(slots, frame, folded);
    [laidOut, folds] = [whole, folding];
    keeper.keep(mapId, { slots, frame, folds });
    hintLater();
    return { layout, fresh };
  }

  /** Whether Tidy would help, asked when there is time. */
  function hintLater() {
    clearTimeout(timer);
    timer = setTimeout(() => hint(wouldHelp()), HINT_AFTER_MS);
  }

  function wouldHelp() {
    if (!slots || !frame || !layout || !laidOut) return false;
    const ghosts = [...layout.houses.values()].reduce((sum, house) => sum + house.ghosts.length, 0);
    if (ghosts > MANY_GHOSTS * layout.tiles.size && ghosts > 2) return true;
    if ([...layout.houses.values()].some((house) => house.without.length > 0 && !house.matrix)) return true;
    const now = sizes(slots, layout.folded);
    const afresh = assignSlots(laidOut, null, layout.folded);
    const after = sizes(afresh, layout.folded);
    const fresh = planFrame(after, room(), { growing, gates });
    return readability(fresh, after, room()) > MUCH_BETTER * readability(frame, now, room());
  }

  return {
    arrange,
    hintLater,

    /** Forgets all places of this map; the next arrangement begins afresh. */
    forget() {
      [slots, frame, layout] = [null, null, null];
    },

    clusters: () => (laidOut ? clustersOf(laidOut) : null),

    unmount() {
      clearTimeout(timer);
      keeper.unmount();
    },
  };
}
