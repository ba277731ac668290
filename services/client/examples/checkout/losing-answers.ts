/** A network that loses answers: the request arrives and takes effect, and nobody learns of it. */

/** @param lost the first requests of the method. */
export function losingAnswers(lost: {
  readonly method: string;
  readonly times: number;
}): (url: string, init: RequestInit) => Promise<Response> {
  let left = lost.times;
  return async (url, init) => {
    const response = await fetch(url, init);
    if (init.method !== lost.method || left === 0) return response;
    left -= 1;
    await response.arrayBuffer();
    throw new TypeError("the connection broke before the answer was read");
  };
}
