// Sends files to a map, one after another, with what the page shows of it meanwhile.

import { api, upload } from './api.js';
import { sameContent } from './model/intake.js';
import { readPoints } from './model/points-file.js';

/** @typedef {ReturnType<typeof import('./model/intake.js').sortFiles<File>>} SortedFiles */
/**
 * @typedef {object} Teller
 * @property {import('./app-state.js').Store} store
 * @property {(error: unknown) => void} report
 * @property {(text: string, tone?: 'problem'|'info') => void} notify
 */

/** One file's failure does not keep the others back. @param {string} id @param {SortedFiles} sorted @param {Teller} teller */
export async function sendAll(id, sorted, teller) {
  const attempt = (/** @type {() => Promise<unknown>} */ action) => action().then(() => true, (error) => {
    teller.report(error);
    return false;
  });
  const sent = { captures: 0, any: 0 };
  for (const file of sorted.points) {
    if (await attempt(async () => api.putPoints(id, readPoints(file.name, await file.text())))) sent.any += 1;
  }
  for (const file of sorted.inventory) {
    if (await attempt(() => sendFile(id, 'inventory', file, teller))) sent.any += 1;
  }
  for (const file of sorted.captures) {
    if (!(await attempt(() => sendFile(id, 'captures', file, teller)))) continue;
    sent.any += 1;
    sent.captures += 1;
  }
  return sent;
}

/** @param {string} id @param {'captures'|'inventory'} folder @param {File} file @param {Teller} teller */
async function sendFile(id, folder, file, { store, notify }) {
  const controller = new AbortController();
  const show = (/** @type {number} */ share) => store.set({
    work: {
      name: file.name, done: share * file.size, total: file.size, text: share < 1 ? 'sending' : 'received, being written',
      cancel: () => controller.abort(),
    },
  });
  show(0);
  const answer = await upload(id, folder, file, { onProgress: show, signal: controller.signal });
  for (const warning of answer?.warnings ?? []) notify(warning, 'info');
  const same = sameContent(id, file.name, answer?.same_content ?? []);
  if (same) notify(same, 'info');
}
