// Imported for its side effect only; the types of `globalThis.d3` come from @types/d3 in web/js/d3.js.
export {};
