// What the right column tells of the selection, by its kind. Comes when something is selected first.

import { allOf } from '../app-state.js';
import { isCluster } from '../model/clusters.js';
import { UNPLACED, isHouse, pairKey } from '../model/graph-model.js';
import { rangeText } from '../model/headline.js';
import { chosenPairs } from '../scene/street-scene.js';
import { el } from './element.js';
import { hostPanel } from './host-panel.js';
import { createNodePanel } from './node-panel.js';
import { createPairPanel } from './pair-panel.js';
import { placePanel, trunkPanel } from './place-panel.js';
import { pointPanel } from './point-panel.js';

/** @typedef {import('../app-state.js').AppState} AppState */
/** @typedef {import('../url-state.js').Selection} Selection */

/**
 * @param {import('../session.js').Session} session
 * @param {{select: (selection: Selection|null) => void, setFilters: (filters: import('../model/filters.js').Filters) => void}} actions
 * @param {() => void} answered the server has told more: the panel can be made again
 */
export function createChosenPanels(session, actions, answered) {
  const { select } = actions;
  const pairPanel = createPairPanel(session, actions, answered);
  const nodePanel = createNodePanel(session, actions, answered);

  /** Drops what was told of a pair or endpoint that is no longer selected. @param {Selection|null} selection */
  function keepOnly(selection) {
    if (selection?.type !== 'pair') pairPanel.forget();
    if (selection?.type !== 'node') nodePanel.forget();
  }

  /**
   * @param {Selection} selection
   * @param {AppState} state with a model and a map
   * @param {import('../model/graph-model.js').GraphModel} model
   * @param {import('../document-types.js').MapStatus} map
   * @param {import('../model/filters.js').Shown} shown
   * @returns {Node[]}
   */
  function render(selection, state, model, map, shown) {
    const gone = [el('p', { class: 'muted' }, 'This is no longer in the map, or not in this one.')];
    if (selection.type === 'pair') {
      const pair = chosenPairs(model, shown, selection)[0];
      if (!pair && state.whole?.pairByKey.has(pairKey(selection.a, selection.b))) return [el('p', { class: 'muted', id: 'silent' }, `This pair has no traffic in ${rangeText(model) ?? 'this view'}; the timeline shows when it had.`)];
      return pair ? pairPanel.render(pair, map, model, state) : gone;
    }
    if (selection.type === 'node') {
      const node = model.nodes.get(selection.id);
      return node ? nodePanel.render(node, map, model, state) : gone;
    }
    if (selection.type === 'point') {
      const point = model.facts.points.find(({ id }) => id === selection.id);
      return point ? pointPanel(point, model, map, state.health, session) : gone;
    }
    const all = chosenPairs(model, allOf(model), selection);
    const pairs = chosenPairs(model, shown, selection);
    if (selection.type === 'trunk') return trunkPanel(selection, model, all, pairs, select);
    const { place } = selection;
    if (!model.places.has(place) && !model.facts.points.some((point) => point.host === place)) return gone;
    if (isHouse(place) && place !== UNPLACED && !isCluster(place)) return hostPanel(place, model, map, all, pairs, state, session, actions);
    return placePanel(place, model, all, pairs, select);
  }

  return { keepOnly, render };
}
