// Modules that the map does without: each comes when it is wanted, and all of them right after the first picture, so that
// they are there before anybody has found the button.

/**
 * @template T
 * @typedef {object} Part
 * @property {T|null} here the module; null while it is on its way
 * @property {() => Promise<T>} come rejected with a sentence
 */

class MissingPart extends Error {
  name = 'MissingPart';
}

/** @template T @param {string} what it is, for who waits in vain @param {() => Promise<T>} load names the module where readers of the sources find it @returns {Part<T>} */
function part(what, load) {
  /** @type {Promise<T>|null} */
  let coming = null;
  /** @type {Part<T>} */
  const made = {
    here: null,
    come: () => (coming ??= bound(load).then((module) => (made.here = module), (error) => {
      coming = null; // who wants it next asks again
      console.error(error);
      throw new MissingPart(`${what} could not be loaded from the FlowMap server. See that it runs and load this page again: its address keeps the view.`);
    })),
  };
  return made;
}

/**
 * The document states the hash of each of these modules, but a browser looks at it only where a module is preloaded.
 * @template T @param {() => Promise<T>} load @returns {Promise<T>}
 */
function bound(load) {
  for (const link of document.querySelectorAll('link[rel="later"]')) link.setAttribute('rel', 'modulepreload');
  return load();
}

export const later = {
  matrix: part('The matrix', () => import('./views/matrix-view.js')),
  table: part('The table', () => import('./views/pair-table.js')),
  chosen: part('The details of what is selected', () => import('./views/chosen-panels.js')),
  exports: part('The list of exports', () => import('./views/export-menu.js')),
  live: part('The dialog for live captures', () => import('./views/live-dialog.js')),
  changing: part('What sends files and corrections', () => import('./changing.js')),
};

/** Asks for what an address shows beside the map, or in its place. @param {string} hash */
export function comeFor(hash) {
  const fields = new URLSearchParams(hash.replace(/^#/, ''));
  const view = fields.get('v');
  if (view === 'matrix' || view === 'table') ask(later[view]);
  if (fields.has('sel')) ask(later.chosen);
}

/** Asks for all that is not here yet. */
export function comeAll() {
  Object.values(later).forEach(ask);
}

/** @param {Part<unknown>} one */
function ask(one) {
  one.come().catch(() => {}); // it is told to who wants it
}
