// The only door to the server. Every failure becomes one ApiError whose message is the sentence to show.

import { answerOf, takeAnswer } from './answers-ahead.js';

/** @typedef {import('./document-types.js').MapStatus} MapStatus */
/** @typedef {import('./document-types.js').MapList} MapList */
/** @typedef {import('./document-types.js').GraphDocument} GraphDocument */
/** @typedef {import('./document-types.js').GraphChanges} GraphChanges */
/** @typedef {import('./document-types.js').Health} Health */
/** @typedef {import('./document-types.js').PairDetail} PairDetail */
/** @typedef {import('./document-types.js').InterfaceList} InterfaceList */

export class ApiError extends Error {
  /** @param {number} status 0 when the server did not answer @param {string} detail */
  constructor(status, detail) {
    super(detail);
    this.name = 'ApiError';
    this.status = status;
  }
}

const NO_ANSWER = 'The server does not answer. Is flowmap serve still running?';
/** A cross-site form cannot set a header, so the server wants this one on everything that changes something. */
const SAME_PAGE = { 'X-FlowMap': '1' };

/** @param {number} status @param {string} text body @returns {ApiError} */
function problem(status, text) {
  let detail = '';
  try {
    const parsed = JSON.parse(text);
    detail = String(parsed.detail ?? parsed.title ?? '');
  } catch {
    detail = '';
  }
  return new ApiError(status, detail || `The server answered ${status} without saying why.`);
}

/**
 * @param {string} method
 * @param {string} path below /api
 * @param {{json?: unknown, signal?: AbortSignal}} [options]
 * @returns {Promise<any>} the parsed body, null when there is none
 */
async function request(method, path, { json, signal } = {}) {
  const { text } = await send(method, path, json === undefined ? { signal } : { signal, body: JSON.stringify(json), type: 'application/json' });
  return text ? parsed(text) : null;
}

/** @param {string} text @returns {any} */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(0, 'What came is no answer of FlowMap. Does something stand between this page and the server?');
  }
}

/**
 * @param {string} method
 * @param {string} path below /api
 * @param {{body?: string, type?: string, signal?: AbortSignal|undefined}} [options]
 * @returns {Promise<{text: string, headers: Headers}>} the body as it came
 */
async function send(method, path, { body, type, signal } = {}) {
  /** @type {Record<string, string>} */
  const headers = method === 'GET' ? {} : { ...SAME_PAGE };
  if (type !== undefined) headers['Content-Type'] = type;
  let answer;
  try {
    answer = await ((method === 'GET' && takeAnswer(path)) || answerOf(path, { method, headers, body: body ?? null, signal: signal ?? null }));
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, NO_ANSWER);
  }
  if (!answer.ok) throw problem(answer.status, answer.text);
  return answer;
}

/** An id may hold a comma, so each is encoded for itself. @param {string} a @param {string} b */
const pairQuery = (a, b) => new URLSearchParams({ pair: `${encodeURIComponent(a)},${encodeURIComponent(b)}` });

/** @param {string} id */
const mapPath = (id) => `/maps/${encodeURIComponent(id)}`;

export const api = {
  /** @returns {Promise<MapList>} */
  listMaps: () => request('GET', '/maps'),
  /** @returns {Promise<MapStatus>} */
  createSample: () => request('POST', '/maps/sample'),
  /** @param {string} name @returns {Promise<MapStatus>} */
  createMap: (name) => request('POST', '/maps', { json: { name } }),
  /** @param {string} id @returns {Promise<MapStatus>} */
  getMap: (id) => request('GET', mapPath(id)),
  /** @param {string} id @returns {Promise<null>} */
  deleteMap: (id) => request('DELETE', mapPath(id)),
  /** @param {string} id @param {unknown} points @returns {Promise<unknown>} */
  putPoints: (id, points) => request('PUT', `${mapPath(id)}/points`, { json: points }),
  /** @param {string} id @returns {Promise<MapStatus>} */
  analyse: (id) => request('POST', `${mapPath(id)}/analysis`),
  /** @param {string} id @returns {Promise<MapStatus>} */
  cancelAnalysis: (id) => request('DELETE', `${mapPath(id)}/analysis`),
  /** The whole document and its revision, null where something on the way took the header off. @param {string} id @returns {Promise<{document: GraphDocument, revision: number|null}>} */
  graph: async (id) => {
    const { text, headers } = await send('GET', `${mapPath(id)}/graph`);
    return { document: parsed(text), revision: Number(headers.get('FlowMap-Revision')) || null };
  },
  /** What has changed since a revision; 410 when the server no longer knows it. @param {string} id @param {number} since @returns {Promise<GraphChanges>} */
  changes: (id, since) => request('GET', `${mapPath(id)}/graph/changes?since=${since}`),
  /** @param {string} id @param {import('./url-state.js').Range} range @param {AbortSignal} signal @returns {Promise<GraphDocument>} */
  graphWithin: (id, { fromMs, toMs }, signal) => request('GET', `${mapPath(id)}/graph?from_ms=${fromMs}&to_ms=${toMs}`, { signal }),
  /** @param {string} id @returns {Promise<import('./document-types.js').Timeline>} */
  timeline: (id) => request('GET', `${mapPath(id)}/timeline`),
  /** @param {string} id @param {string[]} ends one endpoint or the two of a pair @param {AbortSignal} signal @returns {Promise<import('./document-types.js').Timeline>} */
  timelineOf: (id, ends, signal) => {
    const [a = '', b] = ends;
    const query = b === undefined ? new URLSearchParams({ node: a }) : pairQuery(a, b);
    return request('GET', `${mapPath(id)}/timeline?${query}`, { signal });
  },
  /** @param {string} id @returns {Promise<Health>} */
  health: (id) => request('GET', `${mapPath(id)}/health`),
  /** @param {string} id @param {string} a @param {string} b @param {AbortSignal} signal @returns {Promise<PairDetail>} */
  pair: (id, a, b, signal) => request('GET', `${mapPath(id)}/pairs/${encodeURIComponent(a)}/${encodeURIComponent(b)}`, { signal }),
  /**
   * @param {string} id @param {string} a @param {string} b @param {string|null} cursor
   * @returns {Promise<{total: number, conversations: import('./document-types.js').Conversation[], next_cursor: string|null}>}
   */
  conversations: (id, a, b, cursor) => {
    const page = new URLSearchParams({ limit: '100', ...(cursor ? { cursor } : {}) });
    return request('GET', `${mapPath(id)}/conversations?${pairQuery(a, b)}&${page}`);
  },
  /** @param {string} id @param {string} node @param {AbortSignal} signal @returns {Promise<{placement: import('./document-types.js').Placement|null}>} */
  placement: (id, node, signal) => request('GET', `${mapPath(id)}/placement?${new URLSearchParams({ node })}`, { signal }),
  /** @param {string} id @param {string} a @param {string} b @returns {string} address of a download */
  packetsAddress: (id, a, b) => `/api${mapPath(id)}/packets?${pairQuery(a, b)}`,
  /** @param {string} id @param {string} a @param {string} b @param {AbortSignal} signal @returns {Promise<import('./document-types.js').PacketsSize>} */
  packetsSize: (id, a, b, signal) => request('GET', `${mapPath(id)}/packets?${pairQuery(a, b)}&size=1`, { signal }),
  /** @param {string} id @param {string} name @param {AbortSignal} [signal] @returns {Promise<string>} */
  inventoryText: async (id, name, signal) => (await send('GET', `${mapPath(id)}/inventory/${encodeURIComponent(name)}`, { signal })).text,
  /** @param {string} id @param {string} name @param {string} content @returns {Promise<void>} */
  putInventory: async (id, name, content) => void await send('PUT', `${mapPath(id)}/inventory/${encodeURIComponent(name)}`, { body: content, type: 'application/octet-stream' }),
  /** @param {string} id @param {string} name @returns {Promise<void>} */
  deleteInventory: async (id, name) => void await send('DELETE', `${mapPath(id)}/inventory/${encodeURIComponent(name)}`),
  /** @returns {Promise<InterfaceList>} */
  interfaces: () => request('GET', '/interfaces'),
  /** @param {string} id @param {import('./document-types.js').LiveWanted} wanted @returns {Promise<MapStatus>} */
  startLive: (id, wanted) => request('POST', `${mapPath(id)}/live`, { json: wanted }),
  /** @param {string} id @returns {Promise<MapStatus>} */
  stopLive: (id) => request('DELETE', `${mapPath(id)}/live`),
  /** @param {string} id @param {string} format @param {boolean} [anonymize] @returns {string} address of a download */
  exportAddress: (id, format, anonymize = false) => `/api${mapPath(id)}/export/${format}${anonymize ? '?anonymize=1' : ''}`,
  /** @param {string} id @returns {Promise<import('./document-types.js').Report>} */
  report: (id) => request('GET', `${mapPath(id)}/report?format=json`),
  /** @param {string} id @param {'md'|'html'} format @returns {string} address of a download */
  reportAddress: (id, format) => `/api${mapPath(id)}/report?format=${format}`,
};

/**
 * Sends a file as it is. XMLHttpRequest, because fetch reports no upload progress.
 * @param {string} id of the map
 * @param {'captures'|'inventory'} folder
 * @param {File} file
 * @param {{onProgress: (share: number) => void, signal: AbortSignal}} options
 * @returns {Promise<any>}
 */
export function upload(id, folder, file, { onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open('PUT', `/api${mapPath(id)}/${folder}/${encodeURIComponent(file.name)}`);
    xhr.setRequestHeader('X-FlowMap', '1');
    xhr.setRequestHeader('Content-Type', 'application/octet-stream');
    if (folder === 'inventory') xhr.setRequestHeader('X-File-Modified-Ms', String(file.lastModified));
    xhr.upload.onprogress = (event) => onProgress(event.lengthComputable && event.total ? event.loaded / event.total : 0);
    xhr.onload = () => {
      if (xhr.status < 200 || xhr.status >= 300) return reject(problem(xhr.status, xhr.responseText));
      try {
        resolve(xhr.responseText ? parsed(xhr.responseText) : null);
      } catch (error) {
        reject(error);
      }
    };
    xhr.onerror = () => reject(new ApiError(0, `${file.name} could not be sent: ${NO_ANSWER}`));
    xhr.onabort = () => reject(new DOMException('cancelled', 'AbortError'));
    signal.addEventListener('abort', () => xhr.abort(), { once: true });
    xhr.send(file);
  });
}

/**
 * Follows a map. The browser connects again by itself, and is then told what it missed as one change; but not after an
 * answer that is no stream: then it is refused.
 * @param {string} id
 * @param {number} since the revision that is there already, 0 for none
 * @param {{onState: (status: MapStatus) => void, onGraph: (revision: number, changes: GraphChanges|null) => void, onDeleted: () => void, onRefused: () => void}} handlers changes: those since the revision told before; null when they have to be asked for
 * @returns {() => void} ends it
 */
export function follow(id, since, { onState, onGraph, onDeleted, onRefused }) {
  const source = new EventSource(`/api${mapPath(id)}/events?since=${since}`);
  const on = (/** @type {string} */ name, /** @type {(data: any) => void} */ handler) =>
    source.addEventListener(name, (event) => handler(JSON.parse(/** @type {MessageEvent} */ (event).data || '{}')));
  on('state', onState);
  on('graph', ({ revision, changes }) => onGraph(revision, changes ?? null));
  on('deleted', () => {
    source.close();
    onDeleted();
  });
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) onRefused();
  };
  return () => source.close();
}
