// Asks the server about one thing at a time: one request is on its way, and what was told last is shown until there is newer.

/**
 * @template What, Answer
 * @param {(what: What, signal: AbortSignal) => Promise<Answer>} ask
 * @param {(error: unknown) => void} told there is something new to show: an answer, or why there is none (else null)
 */
export function createAsking(ask, told) {
  let subject = '';
  /** @type {{version: unknown, what: What}|null} the newest that is wanted */
  let wanted = null;
  /** Version that was answered last, or refused. @type {unknown} */
  let settled;
  /** @type {Answer|null} */
  let answer = null;
  /** @type {unknown} */
  let error = null;
  /** @type {AbortController|null} */
  let flight = null;

  function forget() {
    flight?.abort();
    [subject, wanted, settled, answer, error, flight] = ['', null, undefined, null, null, null];
  }

  /** @param {{version: unknown, what: What}} now */
  async function send({ version, what }) {
    const own = new AbortController();
    flight = own;
    try {
      const found = await ask(what, own.signal);
      if (flight !== own) return;
      [answer, error] = [found, null];
    } catch (problem) {
      if (flight !== own) return;
      error = problem;
    }
    [flight, settled] = [null, version];
    told(error);
    if (wanted && flight === null && !Object.is(wanted.version, settled)) void send(wanted);
  }

  return {
    /**
     * What is known, of this version or an older one; a newer one is asked for when nothing is on its way.
     * @param {string} about what it is about: of another subject nothing is told
     * @param {unknown} version anything but undefined
     * @param {What} what
     * @returns {{answer: Answer|null, error: unknown}} error: why the last question was not answered, else null
     */
    of(about, version, what) {
      if (about !== subject) {
        forget();
        subject = about;
      }
      wanted = { version, what };
      if (flight === null && !Object.is(version, settled)) void send(wanted);
      return { answer, error };
    },
    forget,
  };
}
