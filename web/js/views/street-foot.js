// Under the map: what is not drawn, how hosts are grouped, Tidy and zoom.

import { clusterName, clustersOf, isGrouped } from '../model/clusters.js';
import { plural, visibleText } from '../format.js';
import { el, fill } from './element.js';
import { keepingPlace } from './steady.js';

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
  const caption = el('p', { class: 'street__caption' }, note, CAPTION_TEXT, el('span', { class: 'street__hints' }, el('b', {}, '+ − 0'), ' zoom · arrows, ', el('b', {}, 'Enter'), ', ',
    el('b', {}, 'e'), ' for the next pair, ', el('b', {}, 'Esc'), ' · nothing moves until you press ', el('b', {}, 'Tidy')));
  const grouping = el('div', { class: 'street__grouping' });
  const small = 'button button--small';
  const tidyButton = el('button', { type: 'button', class: small, id: 'tidy', onclick: tidy, title: 'Lay the map out afresh for this window' }, 'Tidy');
  const controls = el('div', { class: 'street__controls' }, grouping, tidyButton,
    el('button', { type: 'button', class: small, 'aria-label': 'Zoom out', onclick: () => zoomBy(1 / 1.3) }, '−'),
    el('button', { type: 'button', class: small, 'aria-label': 'Zoom in', onclick: () => zoomBy(1.3) }, '+'),
    el('button', { type: 'button', class: small, onclick: fit }, 'Fit'));

  let grouped = ''; // what the buttons say: they are made again only when that changes, so that nobody's press is lost

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
      const byCluster = whole !== null && worth === true && isGrouped(whole, state.grouping);
      const open = worth ? [...clusters.hosts.keys()].map(clusterName).filter((name) => unfolded.includes(name)) : [];
      const said = JSON.stringify([worth, byCluster, open, clusters?.byName]);
      if (said === grouped) return;
      grouped = said;
      if (!worth) return fill(grouping);
      const button = (/** @type {string} */ label, /** @type {Grouping} */ value, /** @type {boolean} */ pressed) =>
        el('button', { type: 'button', 'data-key': value, 'aria-pressed': String(pressed), onclick: () => group({ grouping: value, unfolded: [] }) }, label);
      const folding = clusters.byName ? 'Hosts without a cluster in the inventory are grouped by the beginning of their names.' : null;
      keepingPlace(grouping, () => fill(grouping,
        byCluster && open.length > 0 && el('button', { type: 'button', class: small, id: 'fold', onclick: () => group({ unfolded: [] }) },
          open.length === 1 ? `Fold ${visibleText(open[0] ?? '')}` : `Fold ${plural(open.length, 'cluster')}`),
        el('span', { class: 'street__grouping-label', id: 'grouping-label' }, byCluster && clusters.byName ? 'Group by (names)' : 'Group by'),
        el('div', { class: 'segmented segmented--small', role: 'group', 'aria-labelledby': 'grouping-label', title: folding },
          button('Host', 'host', !byCluster), button('Cluster', 'cluster', byCluster))));
    },
  };
}
