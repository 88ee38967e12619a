// The only door to D3: the vendored file sets globalThis.d3 when it is run.
import '../vendor/d3.min.js';

/** @type {typeof import('d3')} */
const d3 = /** @type {any} */ (globalThis).d3;
export default d3;
