// The street map for a picture when no map is on screen: laid out afresh for a usual window. Pure.

import { shownOf } from '../app-state.js';
import { planFrame } from '../layout/frame.js';
import { assignSlots } from '../layout/slots.js';
import { layOut } from '../layout/street.js';
import { isFiltering } from '../model/filters.js';
import { OUTSIDE, ROUTERS } from '../model/graph-model.js';
import { streetScene } from './street-scene.js';

const WINDOW = { width: 1050, height: 720 };

/**
 * @param {import('../app-state.js').AppState} state
 * @param {import('../model/graph-model.js').GraphModel} whole what the layout rests on
 * @param {import('../model/graph-model.js').GraphModel} model what is shown
 * @returns {{items: import('./items.js').Item[], bounds: import('../layout/street.js').Rect, title: string}}
 */
export function streetPicture({ filters, selection }, whole, model) {
  const slots = assignSlots(whole, null);
  const sizes = new Map(slots.houses.map((place) => [place, slots.tiles[place]?.length ?? 0]));
  const frame = planFrame(sizes, WINDOW, { growing: false, gates: whole.places.has(OUTSIDE) || whole.places.has(ROUTERS) });
  const layout = layOut(slots, frame);
  const { items } = streetScene(layout, model, shownOf(model, filters), selection, isFiltering(filters));
  return { items, bounds: layout.bounds, title: 'Street map' };
}
