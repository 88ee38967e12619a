// What the user has the server change: new maps of files, of the sample or of interfaces, and corrections. Comes when somebody
// does so first; each is about the map that was open when it was asked for.

import { api } from './api.js';
import { mapName, sortFiles } from './model/intake.js';
import { HAND_FILE, readHandDocument } from './model/placed-by-hand.js';
import { sendAll } from './sending.js';

/** @typedef {import('./document-types.js').MapStatus} MapStatus */
/**
 * @typedef {object} Opener what the session does with maps
 * @property {(id: string) => Promise<void>} open
 * @property {(id: string, before: string|null) => Promise<void>} abandon takes back a map that came to nothing
 * @property {() => Promise<unknown>} refreshMaps
 * @property {(status: MapStatus) => void} takeStatus
 * @property {(error: unknown) => void} report
 * @property {(text: string, tone?: 'problem'|'info') => void} notify
 */

/**
 * @param {import('./app-state.js').Store} store
 * @param {Opener} session
 */
export function createChanging(store, { open, abandon, refreshMaps, takeStatus, report, notify }) {
  /**
   * Sends files and starts the analysis.
   * @param {MapStatus|null} current
   * @param {File[]} files
   * @param {'new'|'this'} target
   */
  async function intake(current, files, target) {
    const sorted = sortFiles(files);
    const before = current?.id ?? null;
    const making = target === 'new' || current === null;
    if (making && sorted.captures.length === 0) {
      notify('There is no map yet that this could belong to: drop a capture first, or together with it.');
      return;
    }
    /** @type {string|null} */
    let id = null;
    try {
      id = making ? (await api.createMap(mapName(sorted.captures.map((file) => file.name)))).id : before;
      if (id === null) return;
      if (making) await open(id);
      const sent = await sendAll(id, sorted, { store, report, notify });
      if (making && sorted.captures.length > 0 && sent.captures === 0) throw new DOMException('nothing was sent', 'AbortError');
      if (sent.any > 0) takeStatus(await api.analyse(id));
    } catch (error) {
      report(error);
      if (making && id !== null && store.get().model === null) await abandon(id, before);
    } finally {
      store.set({ work: null });
      refreshMaps().catch(report);
    }
  }

  /** A map of the captures that FlowMap brings along. */
  async function sample() {
    const { id } = await api.createSample();
    await open(id);
    await refreshMaps();
  }

  /** @param {MapStatus|null} current @param {import('./document-types.js').LiveWanted} wanted */
  async function startLive(current, wanted) {
    const { id } = await api.createMap(`Live on ${wanted.interfaces.map(({ name }) => name).join(', ')}`);
    try {
      await api.startLive(id, wanted);
      await open(id);
    } catch (error) {
      if (store.get().map?.id === id) await abandon(id, current?.id ?? null);
      else await api.deleteMap(id).catch(report);
      throw error;
    }
    refreshMaps().catch(report);
  }

  /**
   * Changes what is stated of the capture points and judges again from the legs.
   * @param {MapStatus} map
   * @param {(document: import('./model/point-statements.js').PointsDocument) => unknown} change
   */
  async function statePoints(map, change) {
    await api.putPoints(map.id, change(map.points ?? { hosts: {}, points: [] }));
    takeStatus(await api.analyse(map.id));
  }

  /**
   * Changes what the user placed by hand and judges again from the legs.
   * @param {MapStatus} map
   * @param {(document: import('./model/placed-by-hand.js').HandDocument) => import('./model/placed-by-hand.js').HandDocument} change
   */
  async function placeByHand({ id, inventory }, change) {
    const exists = inventory.some(({ name }) => name === HAND_FILE);
    const document = change(readHandDocument(exists ? await api.inventoryText(id, HAND_FILE) : ''));
    if (document.vms.length) await api.putInventory(id, HAND_FILE, JSON.stringify(document, null, 1));
    else if (exists) await api.deleteInventory(id, HAND_FILE);
    takeStatus(await api.analyse(id));
  }

  return { intake, sample, startLive, statePoints, placeByHand };
}
