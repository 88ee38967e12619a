// Under the map: what is not drawn, how hosts are grouped, Tidy and zoom.

import { clusterName, clustersOf, isGrouped } from '../model/clusters.js';
import { plural, visibleText } from '../format.js';
import { el, fill } from './element.js';

/** @typedef {import('../app-state.js').AppState} AppState */
/** @typedef {import('../model/clusters.js').Grouping} Grouping */

const CAPTION_TEXT = 'Cards count all traffic of their endpoints, so bytes between two hosts stand on both; the headline counts every byte once. ';
/** Hosts that only have a common name are worth folding from here on. */
const MANY_HOSTS = 12;

/**
 * @param {{tidy: () => void, zoomBy: (factor: number) => void, fit: () => void,
 *   group: (patch: {grouping?: Grouping, unfolded?: string[]}) => void}} actions
 */
export function mountStreetFoot({ tidy, zoomBy, fit, group }) {
  const note = el('b', { id: 'map-note' });
  const caption = el('p', { class: 'street__caption' }, note, CAPTION_TEXT, el('b', {}, '+ − 0'), ' zoom · arrows, ', el('b', {}, 'Enter'), ', ',
    el('b', {}, 'e'), ' for the next pair, ', el('b', {}, 'Esc'), ' · nothing moves until you press ', el('b', {}, 'Tidy'));
  const grouping = el('div', { class: 'street__grouping' });
  const small = 'button button--small';
  const tidyButton = el('button', { type: 'button', class: small, id: 'tidy', onclick: tidy, title: 'Lay the map out afresh for this window' }, 'Tidy');
  const controls = el('div', { class: 'street__controls' }, grouping, tidyButton,
    el('button', { type: 'button', class: small, 'aria-label': 'Zoom out', onclick: () => zoomBy(1 / 1.3) }, '−'),
    el('button', { type: 'button', class: small, 'aria-label': 'Zoom in', onclick: () => zoomBy(1.3) }, '+'),
    el('button', { type: 'button', class: small, onclick: fit }, 'Fit'));

  return {
    element: el('div', { class: 'street__foot' }, caption, controls),

    /** @param {string} text */
    setNote(text) {
      const wanted = text ? `${text} ` : '';
      if (note.textContent !== wanted) note.textContent = wanted;
    },

    /** Tidy suggests itself. @param {boolean} better */
    suggestTidy(better) {
      tidyButton.classList.toggle('button--suggested', better);
      tidyButton.title = better ? 'The map would be easier to read when it is laid out afresh' : 'Lay the map out afresh for this window';
    },

    /** @param {AppState} state */
    update(state) {
      const { whole, unfolded } = state;
      const clusters = whole ? clustersOf(whole) : null;
      const worth = whole && clusters && clusters.hosts.size > 0 && (!clusters.byName || whole.hosts.length >= MANY_HOSTS);
      if (!worth) return fill(grouping);
      const grouped = isGrouped(whole, state.grouping);
      const open = [...clusters.hosts.keys()].map(clusterName).filter((name) => unfolded.includes(name));
      const button = (/** @type {string} */ label, /** @type {Grouping} */ value, /** @type {boolean} */ pressed) =>
        el('button', { type: 'button', 'aria-pressed': String(pressed), onclick: () => group({ grouping: value, unfolded: [] }) }, label);
      const folding = clusters.byName ? 'Hosts without a cluster in the inventory are grouped by the beginning of their names.' : null;
      fill(grouping,
        grouped && open.length > 0 && el('button', { type: 'button', class: small, id: 'fold', onclick: () => group({ unfolded: [] }) },
          open.length === 1 ? `Fold ${visibleText(open[0] ?? '')}` : `Fold ${plural(open.length, 'cluster')}`),
        el('span', { class: 'street__grouping-label', id: 'grouping-label' }, grouped && clusters.byName ? 'Group by (names)' : 'Group by'),
        el('div', { class: 'segmented segmented--small', role: 'group', 'aria-labelledby': 'grouping-label', title: folding },
          button('Host', 'host', !grouped), button('Cluster', 'cluster', grouped)));
    },
  };
}
