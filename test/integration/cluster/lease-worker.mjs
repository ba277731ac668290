/**
 * A worker as an application has it, in a process of its own: it takes a lease, remembers the token, and writes under it. It
 * is told what to do over its channel, and tells what it was answered. Plain JavaScript, so that every Node.js runs it.
 *
 * Arguments: the region's URL, its name as holder, the lease, the path of the record, and the lease's time in milliseconds.
 */
const [url, holder, lease, record, ttlMs] = process.argv.slice(2);
const TRIES_MAX = 5;

let token;
let requests = 0;

/** Tries again where the connection broke, as it may have while the process was stopped: under the same key it counts once. */
async function send(method, path, body) {
  requests += 1;
  const headers = {
    "content-type": "application/json",
    "idempotency-key": `${holder}-${process.pid}-${requests}`,
  };
  const request = { method, headers, body: JSON.stringify(body) };
  for (let tries = 1; ; tries += 1) {
    try {
      const response = await fetch(`${url}${path}`, request);
      return { status: response.status, body: await response.json() };
    } catch (error) {
      if (tries === TRIES_MAX) throw error;
    }
  }
}

async function acquire() {
  const answer = await send("POST", `/v1/leases/${encodeURIComponent(lease)}`, {
    holder,
    ttl_ms: Number(ttlMs),
  });
  if (answer.status === 200) token = answer.body.result.token;
  return { ...answer, token };
}

/** It does not ask whether the lease is still its own: whatever it were told could be over before the write arrives. */
async function write() {
  return { ...(await send("PATCH", record, { set: { value: holder }, fence: { lease, token } })), token };
}

process.on("message", async ({ task }) => {
  try {
    process.send(await (task === "acquire" ? acquire() : write()));
  } catch (error) {
    process.send({ status: 0, body: { detail: String(error.cause ?? error) }, token });
  }
});
// Whoever has started it is gone.
process.on("disconnect", () => process.exit());
process.send({ status: 200, body: {}, token });
