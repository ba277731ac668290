/** A server that has much in flight already, asked once. */
import { enter, enterWaiting, makeAdmission } from "../gateway/admissions.ts";
import { exchange, RECORD, type Answer } from "./requests.ts";
import { buildRig } from "./rig.ts";

/** A request that the log would decide on, to a process that has so much in flight already. */
export async function askAtDoor(load: {
  tenant: string;
  working?: number;
  waiting?: number;
  memoryBytes?: number;
}): Promise<Answer> {
  const { tenant, working = 0, waiting = 0, memoryBytes = 0 } = load;
  const admissionRig = makeAdmission({ requestsMax: 100 });
  enterWaiting(admissionRig, waiting, tenant);
  enter(admissionRig, working, { kind: "write", tenant });
  admissionRig.admission.sampled({ eventLoopDelayMs: 0, memoryBytes, elapsedMs: 200 });
  const { server } = await buildRig({ admission: admissionRig.admission });
  const address = { host: "127.0.0.1", port: 0 };
  try {
    const head = `DELETE ${RECORD} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    return await exchange(await server.listen(address), head);
  } finally {
    await server.close(100);
  }
}
