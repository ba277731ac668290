/**
 * The limit that `bench accept` is measured against: fastify and a group commit into one table, and nothing else. No
 * schema, no idempotency, no stamps, no order. Run as a process of its own: `node bare-server.js <database URL>`.
 */
import { fastify } from "fastify";
import pg from "pg";

interface Waiting {
  readonly key: string;
  readonly body: string;
  readonly resolve: (sequence: number) => void;
  readonly reject: (error: unknown) => void;
}

const BATCH_MAX = 1_024;
const pool = new pg.Pool({ connectionString: process.argv[2], max: 4 });
await pool.query("drop table if exists bare");
await pool.query("create table bare (sequence bigserial primary key, key text not null, body text not null)");

const queue: Waiting[] = [];
let isFlushing = false;

async function flush(): Promise<void> {
  isFlushing = true;
  while (queue.length > 0) {
    const batch = queue.splice(0, BATCH_MAX);
    try {
      const { rows } = await pool.query<{ sequence: string }>({
        name: "append",
        text: "insert into bare (key, body) select * from unnest($1::text[], $2::text[]) returning sequence",
        values: [batch.map((waiting) => waiting.key), batch.map((waiting) => waiting.body)],
      });
      for (const [index, waiting] of batch.entries()) waiting.resolve(Number(rows[index]!.sequence));
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
    }
  }
  isFlushing = false;
}

const server = fastify();
const answer = { type: "object", properties: { sequence: { type: "integer" } } };
server.patch<{ Params: { key: string } }>(
  "/v1/collections/bench/records/:key",
  { schema: { response: { 202: answer } } },
  async (request, reply) => {
    const { key } = request.params;
    const sequence = await new Promise<number>((resolve, reject) => {
      queue.push({ key, body: JSON.stringify(request.body), resolve, reject });
      if (!isFlushing) void Promise.resolve().then(flush);
    });
    return reply.code(202).send({ sequence });
  },
);
const address = await server.listen({ host: "127.0.0.1", port: 0 });
process.stdout.write(`${address}\n`);
