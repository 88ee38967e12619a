// Keeps the open map's event stream: one at a time, opened again where the server refused it.

import { ApiError, api, follow } from './api.js';

const AGAIN_MS = 5000;

/**
 * @param {{
 *   isOpen: (id: string) => boolean,
 *   onState: (status: import('./document-types.js').MapStatus) => void,
 *   onGraph: (id: string, revision: number, changes: import('./document-types.js').GraphChanges|null) => void,
 *   onGone: () => void,
 *   report: (error: unknown) => void,
 * }} handlers isOpen: whether the page still shows a map
 */
export function createFollowing({ isOpen, onState, onGraph, onGone, report }) {
  /** @type {(() => void)|null} */
  let end = null;

  function stop() {
    end?.();
    end = null;
  }

  /** @param {string} id @param {number} since the revision that is shown, 0 for none */
  function start(id, since) {
    stop();
    let newest = since;
    end = follow(id, since, {
      onState: (map) => isOpen(map.id) && onState(map),
      onGraph: (revision, changes) => {
        newest = revision;
        onGraph(id, revision, changes);
      },
      onDeleted: onGone,
      onRefused: () => {
        end = null;
        later(id, newest);
      },
    });
  }

  /** @param {string} id @param {number} since */
  function later(id, since) {
    setTimeout(() => void again(id, since), AGAIN_MS);
  }

  /** The map is gone, the page is locked out, or there were too many streams for a while. @param {string} id @param {number} since */
  async function again(id, since) {
    const isWanted = () => isOpen(id) && end === null && !document.hidden;
    if (!isWanted()) return;
    try {
      const map = await api.getMap(id);
      if (!isWanted()) return;
      onState(map);
      start(id, since);
    } catch (error) {
      if (!isWanted()) return;
      const status = error instanceof ApiError ? error.status : 0;
      if (status === 404) return onGone();
      report(error);
      if (status !== 401) later(id, since);
    }
  }

  return { start, stop, isOn: () => end !== null };
}
